// A host of all kinds over a data directory, with somebody who creates tasks that need each other.
#pragma once

#include "actors/kinds.h"
#include "apps/troupe/server/backup.h"
#include "apps/troupe/server/data_dir.h"
#include "apps/troupe/server/store_paths.h"
#include "runtime/actor/host.h"
#include "runtime/actor/shard_place.h"
#include "tests/actors/check/all_kinds.h"
#include "tests/actors/support/messages.h"
#include "tests/apps/server/temp_dir.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

namespace troupe::server {

/// Fails the test with what the error says.
template <class T>
void require_ok(const Result<T>& outcome) {
  if (!outcome.ok()) FAIL(outcome.error().detail);
}

struct LoadedOptions {
  std::uint32_t shards = 3;
  std::uint64_t map_bytes = 1ULL << 30;
};

class LoadedHost final : public ReplySink {
 public:
  explicit LoadedHost(LoadedOptions options) {
    clock_.advance(Duration{test::start.ms - clock_.wall_now().ms});
    held_ = DataDir::open(data()).value();
    for (const char* folder : {"/blobs", "/logs"}) {
      std::filesystem::create_directory(data() + folder);
    }
    HostOptions host_options;
    host_options.store.directory = store_dir(data());
    host_options.store.use_bytes_max = options.map_bytes;
    host_options.store.reserve_bytes = 0;
    host_options.store.sync = false;
    host_options.shards = options.shards;
    host_options.kinds = test::all_kinds();
    HostHooks hooks;
    hooks.fatal = [](const std::string& why) {
      std::fprintf(stderr, "the host has failed: %s\n", why.c_str());
      std::abort();
    };
    hooks.report = [](const auto&, const auto&, const auto&, const auto&) {};
    host_ = Host::start(clock_, std::move(host_options), std::move(hooks)).value();
    edge_ = host_->add_edge(*this);
    watch_ = host_->watch_events([this] {
      const std::lock_guard lock(mutex_);
      batches_ += 1;
      changed_.notify_all();
    });
    blobs_ = BlobStore::open({.dir = data() + "/blobs"}, test::start).value();
    logs_ = StreamStore::open({.dir = data() + "/logs"}, *blobs_).value();
    tell(worker_id("local/default/g/w"), test::connect({}));
    tell(task_queue_id("local/default"), test::await({.count = 1'000}));
  }
  ~LoadedHost() override { stop(); }

  /// Ends the host and lets go of the directory.
  void stop() {
    end_load();
    if (!host_) return;
    host_->unwatch_events(watch_);
    host_->remove_edge(edge_);
    host_.reset();
    held_.reset();
  }

  std::string data() const { return dir_ / "data"; }
  std::string out() const { return dir_ / "backup"; }
  std::string elsewhere() const { return dir_ / "elsewhere"; }
  Host& host() { return *host_; }
  BackupSource source() {
    return {data(), *blobs_, *logs_, [this] { return host_->cut(); }};
  }

  /// Creates a task and waits for the answer.
  void create(const std::string& id, const std::string& payload = "{}") {
    test::NewTask task;
    task.payload = payload;
    ask(task_id(id), test::create_task(id, task));
  }

  /// Sends a command and waits for its answer, whatever that is.
  void ask(const ActorId& to, Bytes body) {
    const auto call = tell(to, std::move(body));
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answered_.contains(call); });
  }

  /// Creates tasks from now on, a hundred at a time, each of which needs one before it.
  void begin_load() {
    loader_ = std::thread([this] {
      for (std::uint64_t i = 0; next_task(); ++i) {
        test::NewTask task;
        task.group = "D-group--------------A";
        task.queue = i % 4 == 0 ? "local/idle" : "local/default";
        const auto id = id_of(i);
        const std::lock_guard lock(mutex_);
        if (!created_.empty()) task.needs.push_back(*created_.rbegin());
        asked_.emplace(tell(task_id(id), test::create_task(id, task)), id);
      }
    });
  }
  void end_load() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    if (loader_.joinable()) loader_.join();
  }

  /// Waits until so many of the load's tasks are acknowledged, and answers those that are.
  std::set<std::string> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return created_.size() >= count; });
    return created_;
  }

  /// Waits until this holds: it is asked now and after each batch that is on disk.
  void wait_until(const std::function<bool()>& holds) {
    for (;;) {
      const auto seen = batches();
      if (holds()) return;
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this, seen] { return batches_ != seen; });
    }
  }

  void take(std::vector<Reply> replies) override {
    const std::lock_guard lock(mutex_);
    for (const auto& reply : replies) {
      answered_.insert(reply.to.call);
      const auto asked = asked_.find(reply.to.call);
      if (asked == asked_.end()) continue;
      settled_ += 1;
      if (reply.body.ok()) created_.insert(asked->second);
    }
    changed_.notify_all();
  }

 private:
  static std::string id_of(std::uint64_t i) {
    return "D-loaded-------" + std::to_string(1'000'000 + i);
  }
  bool next_task() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ending_ || asked_.size() < settled_ + 100; });
    return !ending_;
  }
  std::uint64_t batches() {
    const std::lock_guard lock(mutex_);
    return batches_;
  }
  std::uint64_t tell(const ActorId& to, Bytes body) {
    const auto call = ++calls_;
    host_->ask(to, std::move(body), {edge_, call});
    return call;
  }

  test::TempDir dir_;
  ManualClock clock_;
  std::unique_ptr<DataDir> held_;
  std::unique_ptr<Host> host_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<StreamStore> logs_;
  std::uint32_t edge_ = 0;
  std::uint64_t watch_ = 0;
  std::atomic<std::uint64_t> calls_{0};
  std::thread loader_;

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  bool ending_ = false;
  std::uint64_t batches_ = 0;
  std::set<std::uint64_t> answered_;
  std::map<std::uint64_t, std::string> asked_;  // by call
  std::size_t settled_ = 0;                     // of these
  std::set<std::string> created_;
};

}  // namespace troupe::server
