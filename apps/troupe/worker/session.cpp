#include "apps/troupe/worker/session.h"

#include "apps/troupe/worker/cache_pool.h"
#include "apps/troupe/worker/download_cache.h"
#include "apps/troupe/worker/files.h"
#include "apps/troupe/worker/task_header.h"
#include "apps/troupe/worker/work_dir.h"
#include "runtime/base/random.h"
#include "runtime/base/size.h"
#include "runtime/process/log.h"
#include "runtime/rpc/errors.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

namespace troupe::worker {
namespace {

constexpr kj::Duration first_pause = 50 * kj::MILLISECONDS;
constexpr kj::Duration pause_max = 2 * kj::SECONDS;
constexpr kj::Duration dial_time = 20 * kj::SECONDS;
// A server that answers nothing for so long is treated as gone.
constexpr kj::Duration answer_time = 30 * kj::SECONDS;
constexpr kj::Duration heartbeat_pause = 10 * kj::SECONDS;

constexpr kj::Duration renew_pause = 5 * kj::SECONDS;

constexpr int status_stopped = 0;
constexpr int status_displaced = 1;
constexpr int status_wrong = 2;
constexpr int status_refused = 3;

// Tells the server when a worker of the same name is another process: it runs nothing of the old.
std::uint64_t process_number() {
  static const std::uint64_t number = [] {
    std::uint64_t value = 0;
    const std::string bytes = random_bytes(sizeof value);
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }();
  return number;
}

std::string how_to_get_a_token(const std::string& pool) {
  return "for a new token, give `troupe worker token create --pool " + pool +
         " --output FILE` where the server runs, and start the worker with --credentials FILE";
}

// The pool of a worker's token, by its client's id `troupe/worker/POOL/ID` in the server's words;
// nothing for other clients.
std::optional<std::string> pool_of_refused(std::string_view words) {
  constexpr std::string_view mark = "Client ID troupe/worker/";
  const auto at = words.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  words.remove_prefix(at + mark.size());
  words = words.substr(0, words.find(' '));
  return std::string(words.substr(0, words.rfind('/')));
}

}  // namespace

// Lives in the connection, which the session owns.
class Session::Sink final : public schema::ClaimSink::Server {
 public:
  explicit Sink(Session& session) : session_(session) {}

  kj::Promise<void> push(PushContext context) override {
    if (session_.stopping_) return exception_from(Error{Errc::busy, "the worker is stopping"});
    for (const auto offer : context.getParams().getOffers()) session_.on_offer(offer);
    return kj::READY_NOW;
  }

  kj::Promise<void> revoke(RevokeContext context) override {
    session_.on_revoke(claim_id_of(context.getParams().getHeld()));
    return kj::READY_NOW;
  }

  kj::Promise<void> displaced(DisplacedContext context) override {
    session_.on_displaced(std::string("another process, on ") +
                          context.getParams().getHost().cStr() + ", has taken its name");
    return kj::READY_NOW;
  }

 private:
  Session& session_;
};

Session::Session(Workshop& shop, Dial dial)
    : shop_(shop),
      dial_(std::move(dial)),
      pause_(first_pause),
      renew_at_(shop.timer.now()),
      tasks_(*this) {}

kj::Promise<int> Session::run() {
  auto exit = kj::newPromiseAndFulfiller<int>();
  on_exit_ = kj::mv(exit.fulfiller);
  wait_for_server();
  server_loop_ = serve_for_ever().eagerlyEvaluate([this](kj::Exception&& e) {
    taskFailed(kj::mv(e));
    end_with(status_wrong);
  });
  return kj::mv(exit.promise);
}

kj::Promise<void> Session::serve_for_ever() {
  return shop_.timer.timeoutAfter(dial_time, dial_())
      .then([this](std::unique_ptr<client::Connection> connection) {
        connection_ = std::move(connection);
        return serve();
      })
      .catch_([this](kj::Exception&& e) { on_connection_error(e); })
      .then([this] {
        disconnect();
        return shop_.timer.afterDelay(next_pause());
      })
      .then([this] { return serve_for_ever(); });
}

kj::Duration Session::next_pause() {
  const auto now = pause_;
  pause_ = std::min(pause_ * 2, pause_max);
  return now;
}

kj::Promise<void> Session::serve() {
  auto request = connection_->workers().registerRequest();
  auto info = request.initInfo();
  info.setTaskQueueId(shop_.options.pool.c_str());
  info.setWorkerGroup(shop_.options.worker_group.c_str());
  info.setWorkerId(shop_.options.worker_id.c_str());
  info.setCapacity(shop_.options.capacity);
  info.setHost(host_name().c_str());
  info.setVersion(TROUPE_VERSION);
  info.setProcess(process_number());
  if (const auto& offered = shop_.options.resources) {
    auto resources = info.initResources(static_cast<unsigned>(offered->size()));
    unsigned next = 0;
    for (const auto& [name, amount] : *offered) {
      resources[next].setName(name.c_str());
      resources[next++].setAmount(amount);
    }
  }
  auto held = request.initHeld(static_cast<unsigned>(runs_.size()));
  unsigned index = 0;
  registering_.clear();
  for (const auto& [id, run] : runs_) {
    registering_.insert(id);
    auto entry = held[index++];
    entry.setTaskId(id.task_id.c_str());
    entry.setRunId(id.run_id);
    entry.setToken(id.token);
  }
  request.setSink(kj::heap<Sink>(*this));

  auto renew = kj::newPromiseAndFulfiller<void>();
  on_renew_ = kj::mv(renew.fulfiller);
  return shop_.timer.timeoutAfter(answer_time, request.send())
      .then([this](auto&& answer) {
        on_registered(answer);
        return heartbeat();
      })
      .exclusiveJoin(connection_->on_disconnect())
      .exclusiveJoin(kj::mv(renew.promise));
}

void Session::on_registered(schema::WorkerService::RegisterResults::Reader answer) {
  std::set<ClaimId> unknown = std::move(registering_);
  for (const auto lost : answer.getLost()) {
    const auto id = claim_id_of(lost);
    unknown.erase(id);
    on_revoke(id);
  }
  for (const auto offer : answer.getKept()) {
    unknown.erase(claim_id_of(offer.getHeld()));
    on_offer(offer);
  }
  for (const auto& id : unknown) on_revoke(id);
  registration_ = answer.getRegistration();
  orphan_timer_ = kj::NEVER_DONE;
  pause_ = first_pause;
  ever_registered_ = true;
  log_event(LogLevel::info, "worker_registered",
            {{"pool", shop_.options.pool},
             {"worker_group", shop_.options.worker_group},
             {"worker_id", shop_.options.worker_id},
             {"kept", answer.getKept().size()},
             {"lost", answer.getLost().size()}});
}

kj::Promise<void> Session::heartbeat() {
  // The window again: it changes with the free disk space, and its answer shows that the server
  // lives.
  return shop_.timer.timeoutAfter(answer_time, set_window())
      .then([this] { return shop_.timer.afterDelay(heartbeat_pause); })
      .then([this] { return heartbeat(); });
}

kj::Promise<void> Session::set_window() {
  KJ_IF_MAYBE (registration, registration_) {
    auto request = registration->setWindowRequest();
    const std::string pause = reason_to_pause();
    request.setSlots(pause.empty() ? free_slots() : 0);
    request.setPause(pause);
    return request.send().ignoreResult();
  }
  return kj::READY_NOW;
}

std::uint32_t Session::free_slots() const {
  const auto busy = std::min<std::size_t>(runs_.size(), shop_.options.capacity);
  return shop_.options.capacity - static_cast<std::uint32_t>(busy);
}

// Why no claims are wanted although there may be room; empty if they are.
std::string Session::reason_to_pause() {
  return stopping_ ? "the worker is stopping" : lack_of_disk();
}

std::string Session::lack_of_disk() {
  const auto& path = shop_.work_dir.path();
  const auto needed = shop_.options.min_free_disk_bytes;
  // What only saves time goes first: downloads, then caches.
  while (free_bytes(path) < needed && shop_.downloads.evict_oldest()) {
  }
  if (free_bytes(path) < needed) {
    if (const auto cache = shop_.caches.evict_oldest()) {
      tasks_.add(offload(shop_.pool, [dir = *cache] { return remove_tree(dir); }).ignoreResult());
    }
  }
  const auto free = free_bytes(path);
  const bool low = free < needed;
  if (low && !disk_low_) {
    log_event(LogLevel::warning, "disk_low",
              {{"free_bytes", free}, {"needed_bytes", needed}, {"path", path}});
  } else if (!low && disk_low_) {
    log_event(LogLevel::info, "disk_ok", {{"free_bytes", free}, {"path", path}});
  }
  disk_low_ = low;
  if (!low) return {};
  return "disk: " + format_size(free) + " free of " + format_size(needed) + " wanted in " + path;
}

void Session::on_connection_error(const kj::Exception& exception) {
  Error error = error_from(exception);
  const auto say = [&error](LogLevel level, std::string_view event) {
    log_event(level, event, {{"code", to_string(error.code)}, {"error", error.detail}});
  };
  if (error.code == Errc::unauthenticated || error.code == Errc::forbidden) {
    const auto pool = pool_of_refused(error.detail);
    if (error.code == Errc::forbidden && pool && *pool != shop_.options.pool) {
      error.detail = "this token is for " + *pool + ", not for " + shop_.options.pool;
    }
    error.detail += "; " + how_to_get_a_token(shop_.options.pool);
    say(LogLevel::error, "worker_refused");
    end_with(status_refused);
  } else if (error.code == Errc::invalid && !ever_registered_) {
    say(LogLevel::error, "worker_invalid");
    end_with(status_wrong);
  } else if (error.code == Errc::conflict && registration_ != nullptr) {
    on_displaced(error.detail);
  } else {
    say(LogLevel::warning, "connection_failed");
  }
}

void Session::on_displaced(const std::string& why) {
  if (stopping_) return;
  log_event(LogLevel::error, "worker_displaced",
            {{"worker", shop_.options.pool + "/" + shop_.options.worker_group + "/" +
                            shop_.options.worker_id},
             {"error", why + ": give each worker its own --worker-id, then start this one again"}});
  end_with(status_displaced);
}

void Session::disconnect() {
  if (registration_ != nullptr) {
    log_event(LogLevel::warning, "connection_lost", {{"running", runs_.size()}});
    wait_for_server();
  }
  registration_ = nullptr;
  on_renew_ = nullptr;
  renewing_ = kj::NEVER_DONE;
  for (auto& [id, held] : runs_) held.run->detach();
  connection_ = nullptr;
}

void Session::wait_for_server() {
  orphan_timer_ = shop_.timer.afterDelay(shop_.options.orphan_timeout.count() * kj::MILLISECONDS)
                      .then([this] {
                        log_event(LogLevel::warning, "worker_orphaned");
                        end_with(status_stopped);
                      })
                      .eagerlyEvaluate(nullptr);
}

void Session::on_offer(schema::ClaimOffer::Reader offer) {
  auto facts = task_facts_of(offer);
  const ClaimId id = facts.id;
  auto found = runs_.find(id);
  if (found == runs_.end() && !offer.hasTask()) return;  // nothing to run, nothing to report
  if (found == runs_.end()) {
    auto run = kj::heap<TaskRun>(shop_, std::move(facts), [this] { renew(); });
    found = runs_.emplace(id, Held{kj::mv(run)}).first;
  }
  found->second.run->attach(offer.getClaim(), Instant{offer.getTakenUntil()}, offer.getLogOffset());
  start_waiting();
}

void Session::on_revoke(const ClaimId& id) {
  const auto found = runs_.find(id);
  if (found != runs_.end()) found->second.run->forget("revoked by the server");
}

void Session::start_waiting() {
  std::size_t running = 0;
  for (const auto& [id, held] : runs_) running += held.started ? 1 : 0;
  for (auto& [id, held] : runs_) {
    if (held.started) continue;
    // When stopping, what waits is started only to be given back.
    if (running >= shop_.options.capacity && !stopping_) return;
    held.started = true;
    ++running;
    tasks_.add(held.run->run().then([this, ended = id] { on_run_ended(ended); }));
  }
}

void Session::on_run_ended(const ClaimId& id) {
  runs_.erase(id);
  start_waiting();
  tasks_.add(set_window());
  if (runs_.empty() && on_idle_.get() != nullptr) on_idle_->fulfill();
}

void Session::renew() {
  // A server that refuses again and again is not asked more often.
  renewing_ = shop_.timer.atTime(renew_at_)
                  .then([this] {
                    if (on_renew_.get() == nullptr) return;
                    renew_at_ = shop_.timer.now() + renew_pause;
                    log_event(LogLevel::warning, "connection_renewed",
                              {{"why", "a log stream was refused"}});
                    on_renew_->fulfill();
                  })
                  .eagerlyEvaluate(nullptr);
}

kj::Promise<void> Session::idle() {
  if (runs_.empty()) return kj::READY_NOW;
  auto pair = kj::newPromiseAndFulfiller<void>();
  on_idle_ = kj::mv(pair.fulfiller);
  return kj::mv(pair.promise);
}

kj::Promise<void> Session::say_goodbye() {
  KJ_IF_MAYBE (registration, registration_) {
    return registration->leaveRequest().send().ignoreResult().catch_([](kj::Exception&&) {});
  }
  return kj::READY_NOW;
}

void Session::stop() {
  if (stopping_) return;
  stopping_ = true;
  log_event(LogLevel::info, "worker_stopping", {{"running", runs_.size()}});
  tasks_.add(set_window());
  for (auto& [id, held] : runs_) held.run->shut_down();
  start_waiting();
  ending_ = idle()
                .then([this] { return say_goodbye(); })
                .exclusiveJoin(shop_.timer.afterDelay(stop_time))
                .then([this] { on_exit_->fulfill(int{status_stopped}); })
                .eagerlyEvaluate([this](kj::Exception&& e) { taskFailed(kj::mv(e)); });
}

void Session::end_with(int status) {
  if (stopping_) return;
  stopping_ = true;
  for (auto& [id, held] : runs_) held.run->forget("the worker ends");
  start_waiting();
  ending_ = idle()
                .exclusiveJoin(shop_.timer.afterDelay(stop_time))
                .then([this, status] { on_exit_->fulfill(int{status}); })
                .eagerlyEvaluate([this](kj::Exception&& e) { taskFailed(kj::mv(e)); });
}

void Session::taskFailed(kj::Exception&& exception) {
  const Error error = error_from(exception);
  // Of a connection that was lost in between: its end is noticed elsewhere.
  if (is_retryable(error.code)) return;
  log_event(LogLevel::error, "worker_error",
            {{"code", to_string(error.code)}, {"error", error.detail}});
}

}  // namespace troupe::worker
