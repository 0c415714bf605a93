#include "runtime/http/io_threads.h"

#include "runtime/http/server.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

/// Requests to `/slow`, of all threads.
struct Slow {
  std::counting_semaphore<> begun{0};
  std::mutex mutex;
  std::vector<kj::Own<kj::CrossThreadPromiseFulfiller<http::Response>>> waiting;

  kj::Promise<http::Response> answer() {
    auto pair = kj::newPromiseAndCrossThreadFulfiller<http::Response>();
    const std::lock_guard lock(mutex);
    waiting.push_back(kj::mv(pair.fulfiller));
    begun.release();
    return kj::mv(pair.promise);
  }
};

/// A service that says which thread it is, and holds requests to `/slow`.
class Teller final : public http::LoopService {
 public:
  Teller(kj::AsyncIoContext& io, std::size_t index, std::shared_ptr<Slow> slow) {
    routes_.add("GET", "/", [index](const http::Request& r) -> kj::Promise<http::Response> {
      http::Response out;
      out.body = "thread " + std::to_string(index) + " peer " + r.peer;
      return out;
    });
    routes_.add("GET", "/slow", [slow](const http::Request&) { return slow->answer(); });
    server_ = http::make_server(io.provider->getTimer(), routes_);
  }
  void take(kj::Own<kj::AsyncIoStream> connection, http::Peer peer) override {
    server_->take(kj::mv(connection), std::move(peer));
  }
  bool make_room() override { return server_->make_room(); }
  kj::Promise<void> drain() override { return server_->drain(); }

 private:
  http::RouteTable routes_;
  std::unique_ptr<http::Server> server_;
};

/// A port of this machine whose connections go to the threads.
struct Setup {
  explicit Setup(std::size_t count, std::size_t connections_max = 100)
      : threads(
            http::IoThreads::start(count,
                                   [slow = slow](kj::AsyncIoContext& thread_io, std::size_t index) {
                                     return std::make_unique<Teller>(thread_io, index, slow);
                                   })),
        address(io.provider->getNetwork().parseAddress("127.0.0.1").wait(io.waitScope)),
        port(address->listen()),
        accepting(http::accept_into(*threads, *port, io.provider->getTimer(), connections_max)
                      .eagerlyEvaluate(nullptr)) {}

  kj::Own<kj::AsyncIoStream> connect() {
    return io.provider->getNetwork()
        .parseAddress("127.0.0.1", port->getPort())
        .wait(io.waitScope)
        ->connect()
        .wait(io.waitScope);
  }
  static void send(kj::AsyncIoStream& to, const std::string& path, kj::WaitScope& scope) {
    const std::string text = "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
    to.write(text.data(), text.size()).wait(scope);
  }
  /// What comes next; empty at the end.
  std::string receive(kj::AsyncIoStream& from) {
    std::string out(10'000, '\0');
    const auto size = from.tryRead(out.data(), 1, out.size()).wait(io.waitScope);
    return out.substr(0, size);
  }
  std::string ask(kj::AsyncIoStream& peer, const std::string& path) {
    send(peer, path, io.waitScope);
    std::string out;
    while (out.find("peer 127.0.0.1") == out.npos) {
      const auto more = receive(peer);
      if (more.empty()) throw std::runtime_error("the connection ended within: " + out);
      out += more;
    }
    return out;
  }

  std::shared_ptr<Slow> slow = std::make_shared<Slow>();
  kj::AsyncIoContext io = kj::setupAsyncIo();
  std::unique_ptr<http::IoThreads> threads;
  kj::Own<kj::NetworkAddress> address;
  kj::Own<kj::ConnectionReceiver> port;
  kj::Promise<void> accepting;
};

}  // namespace

TEST_CASE("connections go to the threads in turn", "[http]") {
  Setup setup(3);
  std::map<std::string, int> seen;
  std::vector<kj::Own<kj::AsyncIoStream>> peers;
  for (int i = 0; i < 6; ++i) {
    peers.push_back(setup.connect());
    const auto answer = setup.ask(*peers.back(), "/");
    ++seen[answer.substr(answer.find("thread "))];
  }
  CHECK(seen == std::map<std::string, int>{{"thread 0 peer 127.0.0.1", 2},
                                           {"thread 1 peer 127.0.0.1", 2},
                                           {"thread 2 peer 127.0.0.1", 2}});
  CHECK(setup.threads->connections() == 6);
  // On the same connection it stays.
  CHECK_THAT(setup.ask(*peers[0], "/"), Contains("thread 1"));
}

TEST_CASE("connections over the limit take the place of those that wait", "[http]") {
  const std::size_t threads = GENERATE(1, 2);
  Setup setup(threads, 2);
  auto first = setup.connect();
  setup.ask(*first, "/");
  auto second = setup.connect();
  setup.ask(*second, "/");

  auto third = setup.connect();
  CHECK_THAT(setup.ask(*third, "/"), Contains("HTTP/1.1 200"));
  CHECK(setup.threads->ended() == 1);
  CHECK(setup.receive(*first).empty());
  CHECK_THAT(setup.ask(*second, "/"), Contains("HTTP/1.1 200"));
  CHECK_THAT(setup.ask(*third, "/"), Contains("HTTP/1.1 200"));
}

TEST_CASE("a flood of silent connections keeps nobody out", "[http]") {
  Setup setup(2, 4);
  std::vector<kj::Own<kj::AsyncIoStream>> flood;
  for (int i = 0; i < 20; ++i) {
    for (int j = 0; j < 10; ++j) flood.push_back(setup.connect());
    auto peer = setup.connect();
    CHECK_THAT(setup.ask(*peer, "/"), Contains("HTTP/1.1 200"));
  }
  // The latest may still be there.
  for (std::size_t i = 0; i + 10 < flood.size(); ++i) CHECK(setup.receive(*flood[i]).empty());
}

TEST_CASE("connections with requests under way are not ended", "[http]") {
  Setup setup(2, 2);
  auto first = setup.connect();
  auto second = setup.connect();
  setup.ask(*first, "/");
  setup.ask(*second, "/");
  Setup::send(*first, "/slow", setup.io.waitScope);
  Setup::send(*second, "/slow", setup.io.waitScope);
  setup.slow->begun.acquire();
  setup.slow->begun.acquire();

  auto third = setup.connect();
  Setup::send(*third, "/", setup.io.waitScope);
  CHECK(setup.threads->ended() == 0);
  setup.slow->waiting[0]->fulfill(http::json_response("{}"));
  CHECK_THAT(setup.receive(*third), Contains("HTTP/1.1 200"));
  CHECK(setup.threads->ended() == 1);
  setup.slow->waiting[1]->fulfill(http::json_response("{}"));
  CHECK_THAT(setup.receive(*first), Contains("HTTP/1.1 200"));
  CHECK_THAT(setup.receive(*second), Contains("HTTP/1.1 200"));
}

TEST_CASE("threads end", "[http]") {
  Setup setup(2);
  auto idle = setup.connect();
  setup.ask(*idle, "/");
  auto& scope = setup.io.waitScope;

  SECTION("at once when nothing is under way") {
    setup.threads->drain(1h).wait(scope);
    CHECK(setup.receive(*idle).empty());
    CHECK(setup.threads->connections() == 0);
  }
  SECTION("after the grace when something is") {
    auto busy = setup.connect();
    Setup::send(*busy, "/slow", scope);
    setup.threads->drain(20ms).wait(scope);
    CHECK(setup.receive(*idle).empty());
  }
  SECTION("at once when nobody waits for them") {
    auto busy = setup.connect();
    Setup::send(*busy, "/slow", scope);
    const auto dropped = setup.threads->drain(1h);
    setup.accepting = nullptr;
    setup.threads = nullptr;
    CHECK(setup.receive(*idle).empty());
  }
}

TEST_CASE("work runs on every thread", "[http]") {
  Setup setup(3);
  std::mutex mutex;
  std::map<std::thread::id, int> ran;
  std::promise<void> all;
  setup.threads->run_everywhere([&](http::LoopService&) {
    const std::lock_guard lock(mutex);
    ++ran[std::this_thread::get_id()];
    if (ran.size() == 3) all.set_value();
  });
  all.get_future().wait();
  CHECK(ran.count(std::this_thread::get_id()) == 0);
}

TEST_CASE("a service that cannot be made fails the start", "[http]") {
  const auto start = [] {
    return http::IoThreads::start(
        3, [](kj::AsyncIoContext& io, std::size_t index) -> std::unique_ptr<http::LoopService> {
          if (index == 1) throw std::runtime_error("no such thing");
          return std::make_unique<Teller>(io, index, std::make_shared<Slow>());
        });
  };
  CHECK_THROWS_WITH(start(), Contains("no such thing"));
}
