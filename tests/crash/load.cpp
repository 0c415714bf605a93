// A load for tests that kill the server: clients with many commands unanswered, and workers that
// report by script. Lost connections are dialled again, what was not answered is asked again.
//
//   crash_load CREDENTIALS FOLDER [--clients N] [--in-flight N] [--workers N] [--capacity N]
//              [--payload-bytes N] [--seed N] [--queue QUEUE]
//
// Writes FOLDER/ledger and FOLDER/gauge (ledger.h). A line on standard input ends the clients: once
// all of theirs is answered it prints `drained`. Workers go on until standard input ends.
#include "apps/troupe/client/client.h"
#include "tests/crash/load_client.h"
#include "tests/crash/load_worker.h"

#include <kj/async-io.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace troupe::load {
namespace {

using Options = std::map<std::string, std::string>;

Options read_options(int argc, char** argv) {
  Options options{{"--clients", "4"},       {"--in-flight", "256"},   {"--workers", "4"},
                  {"--capacity", "50"},     {"--payload-bytes", "0"}, {"--seed", "1"},
                  {"--queue", "local/load"}};
  for (int i = 3; i + 1 < argc; i += 2) {
    if (options.count(argv[i]) == 0) {
      std::cerr << "crash_load: unknown option " << argv[i] << '\n';
      std::exit(2);
    }
    options[argv[i]] = argv[i + 1];
  }
  return options;
}

std::uint64_t number(const Options& options, const char* name) {
  return std::stoull(options.at(name));
}

class Load {
 public:
  Load(kj::AsyncIoContext& io, const client::Target& target, Ledger& ledger, const Options& options)
      : ledger_(ledger) {
    for (std::uint64_t i = 0; i < number(options, "--clients"); ++i) {
      clients_.push_back(std::make_unique<Client>(
          io, target, ledger,
          ClientOptions{.name = "c" + std::to_string(i),
                        .queue = options.at("--queue"),
                        .in_flight = number(options, "--in-flight"),
                        .payload_bytes = number(options, "--payload-bytes"),
                        .seed = number(options, "--seed") * 1000 + i}));
    }
    for (std::uint64_t i = 0; i < number(options, "--workers"); ++i) {
      workers_.push_back(std::make_unique<Worker>(
          io, target, ledger,
          WorkerOptions{.name = "w" + std::to_string(i),
                        .queue = options.at("--queue"),
                        .capacity = static_cast<std::uint32_t>(number(options, "--capacity"))}));
    }
  }

  void start() {
    for (auto& worker : workers_) worker->start();
    for (auto& client : clients_) client->start();
  }

  kj::Promise<void> drain() {
    auto all = kj::heapArrayBuilder<kj::Promise<void>>(clients_.size());
    for (auto& client : clients_) all.add(client->drain());
    return kj::joinPromises(all.finish()).then([this] {
      ledger_.flush();
      fmt::print("drained\n");
      std::fflush(stdout);
    });
  }

 private:
  Ledger& ledger_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

int run(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: crash_load CREDENTIALS FOLDER [OPTIONS]\n";
    return 2;
  }
  auto io = kj::setupAsyncIo();
  const auto target = client::read_credentials(argv[1]);
  if (!target.ok()) {
    std::cerr << target.error().detail << '\n';
    return 1;
  }
  Ledger ledger(argv[2]);
  Load load(io, target.value(), ledger, read_options(argc, argv));
  load.start();
  auto input = io.lowLevelProvider->wrapInputFd(0);
  char byte = 0;
  kj::Promise<void> draining = nullptr;
  while (input->tryRead(&byte, 1, 1).wait(io.waitScope) == 1) {
    draining = load.drain().eagerlyEvaluate(nullptr);
  }
  ledger.flush();
  return 0;
}

}  // namespace
}  // namespace troupe::load

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return troupe::load::run(argc, argv);
}
