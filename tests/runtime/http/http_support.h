// A server behind an in-memory pipe, with a clock that stands still.
#pragma once

#include "runtime/http/server.h"

#include <kj/async-io.h>
#include <kj/timer.h>

#include <memory>
#include <string>

namespace troupe::test {

class HttpWorld {
 public:
  explicit HttpWorld(http::ServerOptions options = {}) : options_(options) {}

  http::RouteTable routes;
  kj::EventLoop loop;
  kj::WaitScope scope{loop};
  kj::TimerImpl timer{kj::origin<kj::TimePoint>()};

  http::Server& server() {
    if (!server_) server_ = http::make_server(timer, routes, options_);
    return *server_;
  }

  /// Sends bytes on a connection of their own and returns all that came back until the server has
  /// nothing left to do, or hung up. `end` closes our direction.
  std::string exchange(const std::string& sent, bool end = true) {
    auto pipe = kj::newTwoWayPipe();
    auto& client = *pipe.ends[0];
    auto serving = server().serve(kj::mv(pipe.ends[1]), {"192.0.2.1"}).eagerlyEvaluate(nullptr);
    auto writing = client.write(sent.data(), sent.size())
                       .then([&client, end] {
                         if (end) client.shutdownWrite();
                       })
                       .eagerlyEvaluate([](kj::Exception&&) {});
    std::string out;
    auto reading = read_into(client, out).eagerlyEvaluate([](kj::Exception&&) {});
    reading.poll(scope);
    scope.poll();  // what is left to do after the last byte
    return out;
  }

  /// `GET path` on a connection of its own.
  std::string get(const std::string& path) {
    return exchange("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }

  /// Reads until the end into `out`.
  static kj::Promise<void> read_into(kj::AsyncIoStream& stream, std::string& out) {
    constexpr std::size_t chunk_bytes = 4096;
    auto buffer = kj::heapArray<char>(chunk_bytes);
    auto read = stream.tryRead(buffer.begin(), 1, buffer.size());
    return read.then([&stream, &out, buffer = kj::mv(buffer)](std::size_t n) -> kj::Promise<void> {
      if (n == 0) return kj::READY_NOW;
      out.append(buffer.begin(), n);
      return read_into(stream, out);
    });
  }

  /// Lets time pass and the loop run.
  void advance(kj::Duration d) {
    timer.advanceTo(timer.now() + d);
    scope.poll();
  }

 private:
  http::ServerOptions options_;
  std::unique_ptr<http::Server> server_;
};

/// An in-memory connection whose client end the test keeps.
struct Dialogue {
  explicit Dialogue(HttpWorld& w)
      : world(w),
        pipe(kj::newTwoWayPipe()),
        serving(w.server().serve(kj::mv(pipe.ends[1]), {}).eagerlyEvaluate(nullptr)),
        reading(nullptr) {}

  void send(const std::string& text) {
    pipe.ends[0]->write(text.data(), text.size()).eagerlyEvaluate(nullptr).poll(world.scope);
    world.scope.poll();  // what the server does with it
  }
  void start_reading() {
    reading = HttpWorld::read_into(*pipe.ends[0], received)
                  .then([this] { ended = true; })
                  .eagerlyEvaluate([](kj::Exception&&) {});
    reading.poll(world.scope);
  }
  bool served() { return serving.poll(world.scope); }

  HttpWorld& world;
  kj::TwoWayPipe pipe;
  kj::Promise<void> serving;
  std::string received;
  bool ended = false;
  kj::Promise<void> reading;
};

inline std::string body_of(const std::string& response) {
  const auto end = response.find("\r\n\r\n");
  return end == std::string::npos ? std::string{} : response.substr(end + 4);
}

}  // namespace troupe::test
