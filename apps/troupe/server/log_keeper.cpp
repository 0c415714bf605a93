#include "apps/troupe/server/log_keeper.h"

#include "actors/task/queries.h"
#include "apps/troupe/server/event_log.h"
#include "runtime/process/log.h"
#include "runtime/process/thread_pool.h"
#include "schema/store/envelope.capnp.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::server {
namespace {

using kj::Promise;
using kj::READY_NOW;

constexpr std::size_t events_per_look = 1'000;
constexpr auto retry_pause = 5 * kj::SECONDS;

struct RunName {
  std::string task_id;
  std::uint32_t run = 0;
};

enum class LogState {
  growing,    // its run has not ended
  unkept,     // its run has ended, no artifact names it
  kept,       // an artifact names it
  abandoned,  // there is no such run any more
};

LogState look_at(Site& site, const RunName& name) {
  const auto snapshot = site.host.snapshot();
  auto task = task::find_task(*snapshot, name.task_id);
  if (!task) return LogState::abandoned;
  const auto runs = task->row().getRuns();
  if (name.run >= runs.size()) return LogState::abandoned;
  const auto state = runs[name.run].getState();
  if (state == schema::TaskState::PENDING || state == schema::TaskState::RUNNING) {
    return LogState::growing;
  }
  const bool kept = task::find_artifact(*snapshot, *task, name.run, log_artifact).has_value();
  return kept ? LogState::kept : LogState::unkept;
}

std::optional<RunName> run_of_key(const std::string& key) {
  const auto slash = key.find('/');
  const std::string digits = key.substr(slash + 1);
  const bool number = !digits.empty() && digits.size() < 10 &&
                      std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  if (slash == std::string::npos || !number) return std::nullopt;
  return RunName{key.substr(0, slash), static_cast<std::uint32_t>(std::stoul(digits))};
}

// The run that an event says has ended. Routing keys: `primary.TASK.RUN.…`.
std::optional<RunName> ended_run(schema::EventRow::Reader event) {
  const auto exchange = view(event.getExchange());
  const bool resolved = exchange.ends_with("/task-completed") ||
                        exchange.ends_with("/task-failed") || exchange.ends_with("/task-exception");
  const bool pending = exchange.ends_with("/task-pending");
  if (!resolved && !pending) return std::nullopt;
  const auto key = view(event.getRoutingKey());
  const auto task_at = key.find('.') + 1;
  const auto run_at = key.find('.', task_at) + 1;
  auto name = run_of_key(std::string(key.substr(task_at, run_at - 1 - task_at)) + "/" +
                         std::string(key.substr(run_at, key.find('.', run_at) - run_at)));
  if (!name || resolved) return name;
  if (name->run == 0) return std::nullopt;
  name->run -= 1;  // a retry: the run before it has ended
  return name;
}

class LogKeeper {
 public:
  explicit LogKeeper(Site& site) : site_(site), position_(site.host.last_events()) {}

  Promise<void> run() {
    return offload(site_.disk, [&logs = site_.logs] { return logs.list(); })
        .then([this](Result<std::vector<StreamInfo>> found) {
          for (const auto& stream : take(std::move(found))) {
            if (auto name = run_of_key(stream.key)) waiting_.push_back(std::move(*name));
          }
          return work();
        });
  }

 private:
  // One at a time: nobody waits for it.
  Promise<void> work() {
    if (waiting_.empty()) read_news();
    if (waiting_.empty()) {
      return site_.edge.wait_for_event(position_).then([this] { return work(); });
    }
    const RunName name = std::move(waiting_.front());
    waiting_.pop_front();
    return kj::evalNow([this, &name] { return keep(name); })
        .catch_([this, name](kj::Exception&& e) { return try_later(name, error_from(e)); })
        .then([this] { return work(); });
  }

  void read_news() {
    auto page = read_events(site_.host, std::move(position_), {.events = events_per_look}, {});
    position_ = std::move(page.last);
    for (const auto& entry : page.events) {
      Stored<schema::EventRow> row(entry.row);
      if (auto name = ended_run(row.get())) waiting_.push_back(std::move(*name));
    }
  }

  Promise<void> keep(const RunName& name) {
    const std::string key = log_key(name.task_id, name.run);
    const auto state = look_at(site_, name);
    if (state == LogState::growing) return READY_NOW;  // an event will tell when it has ended
    if (state != LogState::unkept) return remove(key);
    // A size that cannot be read is no empty log: that is tried again.
    if (take(site_.logs.size(key)) == 0) return remove(key);
    return offload(site_.disk, [&logs = site_.logs, key] { return logs.seal(key); })
        .then([this, name](Result<SealedStream> sealed) {
          return ask_task(site_, name.task_id,
                          [&name, log = take(std::move(sealed))](schema::TaskMessage::Builder m) {
                            auto keep = m.initKeepLog();
                            keep.setKeptRunId(name.run);
                            fill_log(log, keep.initKeptLog(log_artifacts));
                          });
        })
        .then([this, key](const Bytes&) { return remove(key); });
  }

  Promise<void> remove(const std::string& key) {
    return offload(site_.disk, [&logs = site_.logs, key] { return logs.remove(key); })
        .then([](const Status& removed) {
          if (!removed.ok()) throw_error(removed.error());
        });
  }

  Promise<void> try_later(const RunName& name, const Error& error) {
    // Bytes that were taken may be lost: recovery is the repair.
    if (error.code == Errc::corrupt) site_.fatal("log " + name.task_id + ": " + error.detail);
    log_event(LogLevel::warning, "log_not_kept",
              {{"log", log_key(name.task_id, name.run)}, {"error", error.detail}});
    waiting_.push_back(name);
    return site_.timer.afterDelay(retry_pause);
  }

  Site& site_;
  EventPosition position_;  // of the last events looked at
  std::deque<RunName> waiting_;
};

}  // namespace

void fill_log(const SealedStream& log, capnp::List<schema::ArtifactPut>::Builder out) {
  out[0].setName(log_artifact);
  out[0].setStorageType("s3");
  out[0].setContentType("text/plain; charset=utf-8");
  out[0].setSize(log.size);
  out[0].setSha256({log.sha256.data(), log.sha256.size()});
  out[1].setName(live_log_artifact);
  out[1].setStorageType("link");
  out[1].setContentType("text/plain; charset=utf-8");
  out[1].setLink(log_artifact);
}

kj::Promise<void> keep_logs(Site& site) {
  auto keeper = kj::heap<LogKeeper>(site);
  auto& k = *keeper;
  return k.run().attach(kj::mv(keeper));
}

}  // namespace troupe::server
