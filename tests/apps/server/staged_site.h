// A site of one shard on a KJ loop whose time the test passes, with a log of events that grows when
// it says so.
#pragma once

#include "apps/troupe/server/event_feed.h"
#include "apps/troupe/server/realm.h"
#include "apps/troupe/server/site.h"
#include "runtime/rpc/edge.h"
#include "tests/apps/server/loaded_host.h"

#include <kj/timer.h>

#include <string>

namespace troupe::server {

struct StagedSite {
  LoadedHost host{{.shards = 1}};
  kj::EventLoop loop;
  kj::WaitScope scope{loop};
  kj::TimerImpl timer{kj::origin<kj::TimePoint>()};
  ManualClock clock;
  Edge edge{host.host()};
  ThreadPool disk{1};
  Realm realm{
      host.host(),
      {.open = [](const auto&, const auto& sealed) { return std::optional<Secret>(sealed); },
       .used = [](const auto&, Instant) { return false; }}};
  EventFeed feed{host.host(), "0123456789ab"};
  Site site{clock,
            host.host(),
            edge,
            host.source().blobs,
            host.source().logs,
            disk,
            timer,
            {},
            "",
            "",
            "",
            KeyRing::make(),
            realm,
            {},
            [](auto&) {}};
  int tasks = 0;

  StagedSite() { site.events = &feed; }

  /// Tasks of a queue without workers: all that they cause, two entries of the log each, is there
  /// when they are.
  void create(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string id = "D-task---------" + std::to_string(1'000'000 + tasks++);
      test::NewTask task;
      task.queue = "local/idle";
      host.ask(task_id(id), test::create_task(id, task));
    }
  }

  /// The edge is not run: what waits for something looks when time passes.
  void pass(kj::Duration time) {
    timer.advanceTo(timer.now() + time);
    scope.poll();
  }
};

}  // namespace troupe::server
