// What the API costs over HTTP: signed requests for something that is stored, which a real server
// authenticates, authorises and answers from its store, against a handler that answers each at once
// with as many bytes.
//
//   server    `troupe up`, with synced writes as always
//   trivial   a kj-http service on as many threads as the server has for HTTP
//
// Each is a process of its own. One client asks both, in turns that change sides: as many
// connections, kept alive for the turn, and requests that were signed before it, each with a nonce
// of its own, so that the client does the same for both. All share this machine's processors: a
// request costs the processor time of the client and that of the side which answers.
//
//   client         GET /api/auth/v1/clients/... of the operator's client
//   task_status    GET /api/queue/v1/task/.../status of a task that waits
//
// Prints one JSON object a line: medians of the turns, and two ratios, turn by turn: of the rates,
// and of the processor time for a request, client and answering side together, trivial to server.
// The first is what a caller sees; others who use the machine disturb it more than the second.
// Smaller tries: TROUPE_BENCH_TURNS=3 TROUPE_BENCH_REQUESTS=2000. Repeat it with: scripts/bench
// http
#include "apps/troupe/server/http_edge.h"
#include "bench/support/http_load.h"
#include "bench/support/platform.h"
#include "bench/support/signer.h"
#include "runtime/base/random.h"
#include "runtime/http/io_threads.h"
#include "runtime/store/message.h"

#include <fmt/format.h>
#include <kj/compat/http.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::bench {
namespace {

constexpr const char* trivial_option = "--trivial";

// -- the trivial side -----------------------------------------------------------------------------

/// One thread's.
class TrivialService final : public http::LoopService, public kj::HttpService {
 public:
  TrivialService(kj::AsyncIoContext& io, const std::string& body)
      : body_(body),
        headers_(table_),
        server_(io.provider->getTimer(), table_, *this),
        tasks_(ignore_) {
    headers_.set(kj::HttpHeaderId::CONTENT_TYPE, "application/json; charset=utf-8");
  }

  void take(kj::Own<kj::AsyncIoStream> connection, http::Peer) override {
    tasks_.add(server_.listenHttp(kj::mv(connection)));
  }
  kj::Promise<void> drain() override { return server_.drain(); }
  bool make_room() override { return false; }

  kj::Promise<void> request(kj::HttpMethod,
                            kj::StringPtr,
                            const kj::HttpHeaders&,
                            kj::AsyncInputStream&,
                            Response& response) override {
    auto stream = response.send(200, "OK", headers_, std::uint64_t{body_.size()});
    auto written = stream->write(body_.data(), body_.size());
    return written.attach(kj::mv(stream));
  }

 private:
  struct Ignore final : kj::TaskSet::ErrorHandler {
    void taskFailed(kj::Exception&&) override {}  // the client hangs up at the end
  };

  const std::string& body_;
  kj::HttpHeaderTable table_;
  kj::HttpHeaders headers_;
  kj::HttpServer server_;
  Ignore ignore_;
  kj::TaskSet tasks_;
};

kj::Promise<void> accept_all(kj::ConnectionReceiver& port, http::IoThreads& threads) {
  return port.accept().then([&port, &threads](kj::Own<kj::AsyncIoStream> connection) {
    threads.hand_over(kj::mv(connection));
    return accept_all(port, threads);
  });
}

// What this program is when TrivialServer starts it: ends once its input does.
void serve_trivially(std::size_t body_bytes) {
  auto io = kj::setupAsyncIo();
  const std::string body(body_bytes, ' ');
  const auto threads = http::IoThreads::start(
      server::http_threads_of(0), [&body](kj::AsyncIoContext& its_io, std::size_t) {
        return std::make_unique<TrivialService>(its_io, body);
      });
  auto port = io.provider->getNetwork().parseAddress("127.0.0.1:0").wait(io.waitScope)->listen();
  fmt::print("127.0.0.1:{}\n", port->getPort());
  std::fflush(stdout);
  auto input = io.lowLevelProvider->wrapInputFd(STDIN_FILENO);
  auto ended = input->readAllBytes().ignoreResult();
  accept_all(*port, *threads).exclusiveJoin(kj::mv(ended)).wait(io.waitScope);
}

class TrivialServer {
 public:
  explicit TrivialServer(std::size_t body_bytes) {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) fail("cannot make a pipe");
    const kj::AutoCloseFd input(ends[0]);
    lifeline_ = kj::AutoCloseFd(ends[1]);
    started_ = start_program({std::filesystem::read_symlink("/proc/self/exe").string(),
                              trivial_option, std::to_string(body_bytes)},
                             input);
    if (started_.line.empty()) fail("the trivial server did not start");
  }
  ~TrivialServer() {
    lifeline_ = nullptr;
    waitpid(started_.process.pid, nullptr, 0);
  }
  TrivialServer(const TrivialServer&) = delete;
  TrivialServer& operator=(const TrivialServer&) = delete;

  const std::string& address() const { return started_.line; }
  double cpu_seconds() const { return cpu_seconds_of(started_.process.pid); }

 private:
  kj::AutoCloseFd lifeline_;  // its input: it ends with us, whatever ends us
  Started started_;
};

// -- the questions --------------------------------------------------------------------------------

/// Makes requests for one path.
class Question {
 public:
  Question(const Platform& platform, std::string path)
      : path_(std::move(path)), signer_(platform.http_address()) {
    const auto target = platform.credentials();
    credentials_ = {.client_id = target.client_id, .access_token = Secret(target.access_token)};
  }

  std::vector<std::string> make(std::size_t count) {
    std::vector<std::string> requests;
    requests.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      requests.push_back(signer_.request(credentials_, "GET", path_));
    }
    return requests;
  }

 private:
  const std::string path_;
  Signer signer_;
  hawk::Credentials credentials_;
};

/// One side's turns, figure by figure.
struct Side {
  std::vector<double> per_second = {};
  std::vector<double> p50_ms = {};
  std::vector<double> p99_ms = {};
  std::vector<double> cpu_us = {};  // for each request
  std::vector<double> client_cpu_us = {};

  double last_cpu_us() const { return cpu_us.back() + client_cpu_us.back(); }

  void add(const Turn& turn, double cpu_seconds) {
    const auto requests = static_cast<double>(turn.requests);
    per_second.push_back(turn.per_second());
    p50_ms.push_back(turn.latencies.quantile_ms(0.5));
    p99_ms.push_back(turn.latencies.quantile_ms(0.99));
    cpu_us.push_back(cpu_seconds * 1e6 / requests);
    client_cpu_us.push_back(turn.client_cpu_seconds * 1e6 / requests);
  }
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void print_side(const char* question, const char* name, std::size_t connections, const Side& side) {
  fmt::print(R"({{"benchmark":"http_{}","side":"{}","connections":{},"unit":"requests/s",)"
             R"("median":{:.0f},"min":{:.0f},"max":{:.0f},"p50_ms":{:.3f},"p99_ms":{:.3f},)"
             R"("cpu_us":{:.1f},"client_cpu_us":{:.1f},"runs":{}}})"
             "\n",
             question, name, connections, median(side.per_second),
             std::ranges::min(side.per_second), std::ranges::max(side.per_second),
             median(side.p50_ms), median(side.p99_ms), median(side.cpu_us),
             median(side.client_cpu_us), side.per_second.size());
}

// Asks on fresh connections, which no server has seen idle. Returns the body of an answer.
template <class Answerer>
std::string ask(Side& side,
                const Answerer& answerer,
                const std::string& address,
                std::size_t connections,
                const std::vector<std::string>& requests) {
  HttpLoad load(address, connections);
  const double cpu_before = answerer.cpu_seconds();
  const Turn turn = load.run(requests);
  side.add(turn, answerer.cpu_seconds() - cpu_before);
  return load.last_body();
}

void compare(const Platform& platform,
             const char* question,
             const std::string& path,
             std::size_t connections) {
  const std::size_t turns = number_from_environment("TROUPE_BENCH_TURNS", 11);
  const std::size_t requests = number_from_environment("TROUPE_BENCH_REQUESTS", 20'000);
  Question asked(platform, path);
  const auto ask_server = [&](Side& side) {
    return ask(side, platform, platform.http_address(), connections, asked.make(requests));
  };
  Side warm;
  const auto body_bytes = ask_server(warm).size();
  const TrivialServer trivial_server(body_bytes);
  const auto ask_trivial = [&](Side& side) {
    ask(side, trivial_server, trivial_server.address(), connections, asked.make(requests));
  };
  ask_trivial(warm);

  Side server;
  Side trivial;
  std::vector<double> ratios;
  std::vector<double> cpu_ratios;
  for (std::size_t i = 0; i < turns; ++i) {
    ask_server(server);
    ask_trivial(trivial);
    ratios.push_back(server.per_second.back() / trivial.per_second.back());
    cpu_ratios.push_back(trivial.last_cpu_us() / server.last_cpu_us());
  }
  print_side(question, "trivial", connections, trivial);
  print_side(question, "server", connections, server);
  fmt::print(R"({{"benchmark":"http_{}_ratio","connections":{},"body_bytes":{},"median":{:.2f},)"
             R"("min":{:.2f},"max":{:.2f},"of_cpu":{:.2f},"runs":{}}})"
             "\n",
             question, connections, body_bytes, median(ratios), std::ranges::min(ratios),
             std::ranges::max(ratios), median(cpu_ratios), turns);
  std::fflush(stdout);
}

void run() {
  auto io = kj::setupAsyncIo();
  const Folder folder("http-bench");
  Platform platform(io, folder.path() + "/data");
  const std::string task = new_slugid();
  const auto connection = platform.connect();
  create_task(connection->queue(), task, plan_for("local/default", new_slugid()))
      .wait(io.waitScope);
  for (const std::size_t connections : {1, 16, 64}) {
    compare(platform, "client", "/api/auth/v1/clients/static%2Ftroupe%2Froot", connections);
    compare(platform, "task_status", "/api/queue/v1/task/" + task + "/status", connections);
  }
}

}  // namespace
}  // namespace troupe::bench

int main(int argc, char** argv) {
  if (argc == 3 && argv[1] == std::string_view(troupe::bench::trivial_option)) {
    troupe::bench::serve_trivially(std::strtoull(argv[2], nullptr, 10));
    return 0;
  }
  return troupe::bench::run_main(troupe::bench::run);
}
