#include "apps/troupe/worker/task_run.h"

#include "apps/troupe/worker/task_header.h"
#include "apps/troupe/worker/work_dir.h"
#include "runtime/process/log.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <set>

namespace troupe::worker {
namespace {

using schema::ReasonResolved;

// The names under which the server itself keeps a run's log.
constexpr const char* live_log = "public/logs/live.log";
constexpr const char* backing_log = "public/logs/live_backing.log";

constexpr Duration reclaim_before{std::chrono::minutes{3}};
constexpr Duration reclaim_again{std::chrono::seconds{10}};

// Against a server that fails to take an outcome, through no fault of ours.
constexpr int resolve_attempts_max = 20;

}  // namespace

Duration reclaim_delay(Duration remaining) {
  if (remaining >= 2 * reclaim_before) return remaining - reclaim_before;
  return remaining > Duration{0} ? remaining / 2 : reclaim_again;
}

TaskRun::TaskRun(Workshop& shop, TaskFacts facts, std::function<void()> renew)
    : shop_(shop),
      facts_(std::move(facts)),
      started_(shop.clock.wall_now()),
      slot_(shop.timer, std::move(renew)),
      reclaim_at_(shop.timer.now()) {}

void TaskRun::attach(schema::Claim::Client claim, Instant taken_until, std::uint64_t log_offset) {
  slot_.attach(kj::mv(claim), log_offset);
  take_until(taken_until);
}

void TaskRun::take_until(Instant taken_until) {
  const Duration delay = reclaim_delay(taken_until - shop_.clock.wall_now());
  reclaim_at_ = shop_.timer.now() + delay.count() * kj::MILLISECONDS;
}

kj::Promise<void> TaskRun::run() {
  claim_loop_ = keep_claim().eagerlyEvaluate(nullptr);
  log_event(LogLevel::info, "task_started", {{"task", name_of(id())}});
  auto log =
      TaskLog::create(shop_.work_dir.log_path(id()), shop_.options.max_log_bytes, shop_.clock);
  if (log.ok()) {
    log_.emplace(std::move(log).value());
    log_upload_.emplace(shop_.timer, *log_, slot_);
    log_loop_ = log_upload_->run()
                    .catch_([this](kj::Exception&& e) {
                      // Once the outcome is on its way, its own answer tells whether we are late.
                      if (!resolving_) forget(error_from(e).detail);
                    })
                    .eagerlyEvaluate(nullptr);
  } else {
    verdict_.note(Verdict::exception(ReasonResolved::INTERNAL_ERROR, log.error().detail));
  }
  auto executed = log_ ? execute() : kj::Promise<void>(kj::READY_NOW);
  return executed
      .catch_([this](kj::Exception&& e) {
        // What we did not foresee is our fault; the worker goes on with its other tasks.
        const std::string why = kj::str(e.getDescription()).cStr();
        log_event(LogLevel::error, "task_broken", {{"task", name_of(id())}, {"error", why}});
        verdict_.note(Verdict::exception(ReasonResolved::INTERNAL_ERROR, why));
      })
      .then([this]() -> kj::Promise<void> {
        if (forget_.requested()) return kj::READY_NOW;
        return report().exclusiveJoin(forget_.wait());
      })
      .catch_([this](kj::Exception&& e) { warn("task_not_reported", error_from(e)); })
      .then([this] { return clean_up(); });
}

kj::Promise<void> TaskRun::execute() {
  if (stop_.requested()) return kj::READY_NOW;
  write_header();
  if (!read_task() || !make_folder()) return kj::READY_NOW;
  return mount()
      .then([this] { return run_commands(); })
      .then([this] { write_trailer(); })
      .then([this] { return send_artifacts(); })
      .then([this] { mounts_->give_back(!stop_.requested() && !commands_->spoiled_caches()); });
}

void TaskRun::write_header() {
  log_->info(task_header(facts_, shop_.options));
  log_->info("=== Task Starting ===");
}

bool TaskRun::read_task() {
  auto payload = read_payload(facts_);
  if (payload.ok()) {
    payload_ = std::move(payload).value();
    return true;
  }
  log_->error("TASK FAIL since the task payload is invalid. See errors:\n" +
              payload.error().detail);
  verdict_.note(Verdict::exception(ReasonResolved::MALFORMED_PAYLOAD, "malformed-payload"));
  return false;
}

bool TaskRun::make_folder() {
  auto folder = shop_.work_dir.make_task_dir(id());
  auto root = folder.ok() ? std::make_shared<const Fd>(
                                open(folder.value().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))
                          : nullptr;
  if (root == nullptr || !root->valid()) {
    const std::string why =
        folder.ok() ? errno_error(folder.value()).detail : folder.error().detail;
    verdict_.note(Verdict::exception(ReasonResolved::INTERNAL_ERROR, "the task's folder: " + why));
    return false;
  }
  folder_ = folder.value();
  mounts_.emplace(Mounts::Parts{.shop = shop_,
                                .slot = slot_,
                                .log = *log_,
                                .stop = stop_,
                                .mounts = payload_.mounts,
                                .root = root});
  commands_.emplace(CommandSeries::Parts{
      .shop = shop_,
      .log = *log_,
      .payload = payload_,
      .directory = folder_,
      .env = task_environment(facts_, payload_, folder_, shop_.options.root_url)});
  return true;
}

kj::Promise<void> TaskRun::mount() {
  return mounts_->mount_all().then(
      [this](std::optional<Verdict> verdict) { verdict_.note(std::move(verdict)); });
}

kj::Promise<void> TaskRun::run_commands() {
  if (verdict_.bad() || stop_.requested()) return kj::READY_NOW;
  return commands_->run().then(
      [this](std::optional<Verdict> verdict) { verdict_.note(std::move(verdict)); });
}

void TaskRun::write_trailer() {
  log_->info("=== Task Finished ===");
  log_->info("Task Duration: " + format_duration(shop_.clock.wall_now() - started_));
}

kj::Promise<void> TaskRun::send_artifacts() {
  using Items = Result<std::vector<ArtifactItem>>;
  if (stop_.requested()) return kj::READY_NOW;
  auto job = [folder = folder_, rules = payload_.artifacts, cancel = stop_.flag()] {
    return list_artifacts(folder, rules, *cancel);
  };
  return offload(shop_.pool, job).then([this](Items items) -> kj::Promise<void> {
    if (!items.ok()) {
      verdict_.note(Verdict::failed(items.error().detail));
      return kj::READY_NOW;
    }
    artifacts_.emplace(
        ArtifactUpload::Parts{.shop = shop_, .slot = slot_, .log = *log_, .stop = stop_},
        without_reserved(std::move(items).value()));
    return artifacts_->run().then(
        [this](std::optional<Verdict> verdict) { verdict_.note(std::move(verdict)); });
  });
}

std::vector<ArtifactItem> TaskRun::without_reserved(std::vector<ArtifactItem> items) {
  const std::set<std::string> reserved{live_log, backing_log, payload_.live_log_name,
                                       payload_.backing_log_name};
  std::erase_if(items, [this, &reserved](const ArtifactItem& item) {
    if (!reserved.contains(item.name)) return false;
    log_->warn(
        fmt::format("Artifact {} is skipped: the name is taken by the task's log", item.name));
    return true;
  });
  // The server keeps the log under its own names; other names that the payload asks for lead there.
  for (const auto& [name, target] : {std::pair{payload_.live_log_name, live_log},
                                     std::pair{payload_.backing_log_name, backing_log}}) {
    if (name == live_log || name == backing_log) continue;
    ArtifactItem item;
    item.name = name;
    item.content_type = "text/plain; charset=utf-8";
    item.link = target;
    items.push_back(std::move(item));
  }
  return items;
}

kj::Promise<void> TaskRun::report() {
  executed_ = true;
  if (!log_) return resolve(1);
  if (verdict_.bad()) log_->error(verdict_.value().message);
  return log_upload_->flush().then([this] {
    if (log_->failure()) {
      verdict_.note(Verdict::exception(ReasonResolved::INTERNAL_ERROR, *log_->failure()));
    }
    return resolve(1);
  });
}

kj::Promise<void> TaskRun::resolve(int attempt) {
  resolving_ = true;
  const Verdict verdict = verdict_.value();
  const std::uint64_t log_size = log_ ? log_->size() : 0;
  auto call = [verdict, log_size](schema::Claim::Client& claim) {
    auto request = claim.resolveRequest();
    request.setOutcome(verdict.outcome);
    request.setReason(verdict.reason);
    request.setLogSize(log_size);
    return request.send().ignoreResult();
  };
  return slot_.call(call).then(
      [this, verdict]() -> kj::Promise<void> {
        log_event(LogLevel::info, "task_resolved",
                  {{"task", name_of(id())},
                   {"outcome", name_of(verdict)},
                   {"run_ms", shop_.clock.wall_now() - started_}});
        return kj::READY_NOW;
      },
      [this, attempt](kj::Exception&& e) -> kj::Promise<void> {
        const Error error = error_from(e);
        warn("task_outcome_refused", error);
        if (means_lost(error.code) || attempt == resolve_attempts_max) return kj::READY_NOW;
        return slot_.pause(slot_.generation()).then([this, attempt] {
          return resolve(attempt + 1);
        });
      });
}

kj::Promise<void> TaskRun::clean_up() {
  unlink(shop_.work_dir.log_path(id()).c_str());
  if (folder_.empty()) return kj::READY_NOW;
  auto job = [folder = folder_] { return remove_tree(folder); };
  return offload(shop_.pool, job).then([this](Status removed) {
    if (removed.ok()) return;
    warn("task_folder_left", removed.error());
  });
}

void TaskRun::shut_down() {
  if (executed_) return;  // only the outcome is left, and it stands
  verdict_.note(Verdict::exception(ReasonResolved::WORKER_SHUTDOWN, "the worker is shutting down"));
  stop_.request();
  if (commands_) commands_->stop_gently();
}

void TaskRun::forget(const std::string& why) {
  if (forget_.requested()) return;
  log_event(LogLevel::warning, "task_forgotten", {{"task", name_of(id())}, {"why", why}});
  stop_.request();
  forget_.request();
  if (commands_) commands_->stop_now();
}

void TaskRun::warn(std::string_view event, const Error& error) const {
  log_event(LogLevel::warning, event,
            {{"task", name_of(id())}, {"code", to_string(error.code)}, {"error", error.detail}});
}

kj::Promise<void> TaskRun::keep_claim() {
  return shop_.timer.atTime(reclaim_at_).then([this]() -> kj::Promise<void> {
    if (shop_.timer.now() < reclaim_at_) return keep_claim();  // a new offer came meanwhile
    return reclaim().then([this] { return keep_claim(); });
  });
}

kj::Promise<void> TaskRun::reclaim() {
  auto call = [](schema::Claim::Client& claim) {
    return claim.reclaimRequest().send().then(
        [](auto&& answer) { return Instant{answer.getTakenUntil()}; });
  };
  return slot_.call(call).then([this](Instant taken_until) { take_until(taken_until); },
                               [this](kj::Exception&& e) {
                                 const Error error = error_from(e);
                                 if (means_lost(error.code))
                                   return forget("reclaiming was refused: " + error.detail);
                                 warn("reclaim_failed", error);
                                 reclaim_at_ =
                                     shop_.timer.now() + reclaim_again.count() * kj::MILLISECONDS;
                               });
}

}  // namespace troupe::worker
