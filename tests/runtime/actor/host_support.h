// A host of counters in a folder of its own, and an edge that collects their replies.
#pragma once

#include "runtime/actor/host.h"
#include "tests/runtime/actor/toy.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <map>

namespace troupe::test {

class CollectingSink final : public ReplySink {
 public:
  void take(std::vector<Reply> some) override {
    const std::lock_guard lock(mutex_);
    for (auto& reply : some) replies_[reply.to.call].push_back(std::move(reply));
    changed_.notify_all();
  }
  /// Waits for the reply of a call: its line, or `error: ` and why. `index`: of several.
  std::string wait(std::uint64_t call, std::size_t index = 0) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, call, index] { return replies_[call].size() > index; });
    const auto& body = replies_[call][index].body;
    return body.ok() ? line_of(body.value()) : "error: " + body.error().detail;
  }
  std::size_t count(std::uint64_t call) {
    const std::lock_guard lock(mutex_);
    return replies_[call].size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, std::vector<Reply>> replies_;
};

/// A server's life after life over one folder.
class ToyHost {
 public:
  explicit ToyHost(std::uint32_t shards = 1, std::size_t credits = 10'000)
      : shards_(shards), credits_(credits) {
    start();
  }
  ~ToyHost() { stop(); }

  void start() {
    HostOptions options;
    options.store.directory = folder_.path();
    options.store.sync = false;
    options.shards = shards_;
    options.credits = credits_;
    options.kinds.push_back(toy_kind_in(world));
    HostHooks hooks;
    hooks.fatal = [](const std::string&) { std::abort(); };
    hooks.report = [this](const std::string&, const std::string& event, const std::string& actor,
                          const std::string& detail) { reports.add(event, actor, detail); };
    auto started = Host::start(clock, std::move(options), std::move(hooks));
    REQUIRE(started.ok());
    host = std::move(started).value();
    edge = host->add_edge(sink);
  }
  void stop() {
    if (!host) return;
    host->remove_edge(edge);
    host.reset();
  }
  void restart() {
    stop();
    start();
  }

  /// Sends a line and answers the number of the call.
  std::uint64_t send(const std::string& key,
                     const std::string& text,
                     Admission admission = Admission::work) {
    const auto call = ++calls_;
    host->ask(toy(key), line(text), {edge, call}, admission);
    return call;
  }
  /// Sends a line and waits for the answer.
  std::string ask(const std::string& key, const std::string& text) {
    return sink.wait(send(key, text));
  }

  StoreOptions store_options() const { return options_in(folder_); }

  ToyWorld world;
  ManualClock clock;
  Reports reports;
  CollectingSink sink;
  std::unique_ptr<Host> host;
  std::uint32_t edge = 0;

 private:
  const std::uint32_t shards_;
  const std::size_t credits_;
  TempFolder folder_;
  std::atomic<std::uint64_t> calls_{0};
};

}  // namespace troupe::test
