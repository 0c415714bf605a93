#include "apps/troupe/server/worker_session.h"

#include "runtime/base/random.h"
#include "runtime/process/log.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace troupe::server {
namespace {

// `init` makes the list.
template <class Init>
void fill_resources(const std::map<std::string, std::uint64_t>& amounts, Init&& init) {
  auto out = init(static_cast<unsigned>(amounts.size()));
  unsigned next = 0;
  for (const auto& [name, amount] : amounts) {
    out[next].setName(text(name));
    out[next++].setAmount(amount);
  }
}

template <class List>
std::vector<HeldClaim> read_all(List list) {
  std::vector<HeldClaim> claims;
  for (const auto held : list) claims.push_back(read_held(held));
  return claims;
}

}  // namespace

std::uint64_t new_session_id() {
  const std::string bytes = random_bytes(sizeof(std::uint64_t));
  std::uint64_t id = 0;
  std::memcpy(&id, bytes.data(), sizeof id);
  return std::max<std::uint64_t>(id, 1);
}

HeldClaim read_held(schema::HeldClaim::Reader held) {
  return {str(held.getTaskId()), held.getRunId(), held.getToken()};
}

void fill_held(const HeldClaim& held, schema::HeldClaim::Builder out) {
  out.setTaskId(text(held.task_id));
  out.setRunId(held.run_id);
  out.setToken(held.token);
}

WorkerSession::WorkerSession(Site& site,
                             WorkerIdentity worker,
                             SessionListener listener,
                             MayClaim may_claim)
    : site_(site),
      worker_(std::move(worker)),
      listener_(std::move(listener)),
      may_claim_(std::move(may_claim)),
      id_(new_session_id()) {
  site_.sessions.emplace(worker_.client_id, this);
}

WorkerSession::~WorkerSession() noexcept {
  close();
  std::erase_if(site_.sessions, [this](const auto& entry) { return entry.second == this; });
}

void WorkerSession::revoke() {
  log_event(LogLevel::warning, "worker_revoked", {{"worker", actor_key()}});
  revoked_ = true;
  close();
}

bool WorkerSession::is_revoked() {
  if (!revoked_ && !may_claim_()) revoke();
  return revoked_;
}

// Nobody waits for these answers: the commands are delivered whatever becomes of this connection.
void WorkerSession::close() {
  subscription_.reset();
  if (std::exchange(left_, true)) return;
  site_.host.ask(task_queue_id(worker_.task_queue_id),
                 build<schema::TaskQueueMessage>(
                     [this](schema::TaskQueueMessage::Builder m) { m.setLeave(id_); }),
                 ReplyTo{});
  site_.host.ask(troupe::worker_id(actor_key()),
                 build<schema::WorkerMessage>(
                     [this](schema::WorkerMessage::Builder m) { m.setDisconnect(id_); }),
                 ReplyTo{});
  site_.sightings->forget(actor_key());  // that it asks over HTTP from now on is worth a row
  log_event(LogLevel::info, "worker_disconnected", {{"worker", actor_key()}});
}

std::string WorkerSession::actor_key() const {
  return worker_.task_queue_id + "/" + worker_.worker_group + "/" + worker_.worker_id;
}

kj::Promise<SessionStart> WorkerSession::connect(const std::vector<HeldClaim>& held) {
  auto paf = kj::newPromiseAndFulfiller<SessionStart>();
  starting_ = kj::mv(paf.fulfiller);
  auto command = build<schema::WorkerMessage>([&](schema::WorkerMessage::Builder m) {
    auto connect = m.initConnect();
    connect.setSession(id_);
    auto info = connect.initInfo();
    info.setTaskQueueId(text(worker_.task_queue_id));
    info.setWorkerGroup(text(worker_.worker_group));
    info.setWorkerId(text(worker_.worker_id));
    info.setCapacity(worker_.capacity);
    info.setHost(text(worker_.host));
    info.setVersion(text(worker_.version));
    info.setProcess(worker_.process);
    if (worker_.resources) {
      fill_resources(*worker_.resources, [&info](unsigned n) { return info.initResources(n); });
    }
    auto claims = connect.initHeld(static_cast<unsigned>(held.size()));
    for (unsigned i = 0; i < claims.size(); ++i) fill_held(held[i], claims[i]);
  });
  subscription_ =
      site_.edge.subscribe(troupe::worker_id(actor_key()), std::move(command),
                           [this](Result<Bytes> answer, bool) { on_push(std::move(answer)); });
  log_event(LogLevel::info, "worker_connected",
            {{"worker", actor_key()}, {"capacity", worker_.capacity}, {"held", held.size()}});
  return kj::mv(paf.promise);
}

void WorkerSession::on_push(Result<Bytes> answer) {
  if (left_) return;
  if (!answer.ok()) {
    if (starting_.get() != nullptr) starting_->reject(exception_from(answer.error()));
    return;
  }
  Stored<schema::WorkerPush> stored(std::move(answer).value());
  const auto push = stored.get();
  switch (push.which()) {
    case schema::WorkerPush::CONNECTED: on_connected(push.getConnected()); return;
    case schema::WorkerPush::CLAIMED:
      // Whoever is out is given nothing more: as the session ends, the claim goes back.
      if (is_revoked()) return;
      granted_ -= 1;
      wanted_ -= 1;
      unanswered_ += 1;
      listener_.claimed(read_held(push.getClaimed()));
      return;
    case schema::WorkerPush::REVOKED: listener_.revoked(read_held(push.getRevoked())); return;
    case schema::WorkerPush::REPLACED: on_replaced(); return;
  }
}

// Of several later ones any will do: all but one are about to be told the same.
const WorkerSession* WorkerSession::successor() const {
  const auto found = std::ranges::find_if(site_.sessions, [this](const auto& entry) {
    const WorkerSession& other = *entry.second;
    return &other != this && !other.left_ && other.actor_key() == actor_key();
  });
  return found == site_.sessions.end() ? nullptr : found->second;
}

// The worker's actor has turned to a later session. Of the same process: it reconnected before we
// noticed that this connection is dead. Of another: two workers have one name.
void WorkerSession::on_replaced() {
  const WorkerSession* next = successor();
  left_ = true;
  site_.host.ask(task_queue_id(worker_.task_queue_id),
                 build<schema::TaskQueueMessage>(
                     [this](schema::TaskQueueMessage::Builder m) { m.setLeave(id_); }),
                 ReplyTo{});
  if (next != nullptr && next->worker_.process == worker_.process) {
    log_event(LogLevel::info, "worker_reconnected", {{"worker", actor_key()}});
    return;
  }
  displaced_by_ = next == nullptr || next->worker_.host.empty() ? "unknown" : next->worker_.host;
  log_event(LogLevel::warning, "worker_displaced",
            {{"worker", actor_key()},
             {"host", worker_.host},
             {"by_host", displaced_by_},
             {"help", "two workers have one name: give each its own --worker-id"}});
  listener_.displaced(displaced_by_);
}

void WorkerSession::on_connected(schema::WorkerPush::Connected::Reader connected) {
  if (starting_.get() == nullptr) return;
  starting_->fulfill(SessionStart{read_all(connected.getKept()), read_all(connected.getLost()),
                                  read_all(connected.getMissed())});
}

// `slots`: how many more claims it takes; negative: fewer.
Bytes WorkerSession::await_command(std::int32_t slots) const {
  return build<schema::TaskQueueMessage>([&](schema::TaskQueueMessage::Builder m) {
    auto await = m.initAwait();
    await.getWorker().setTaskQueueId(text(worker_.task_queue_id));
    await.getWorker().setWorkerGroup(text(worker_.worker_group));
    await.getWorker().setWorkerId(text(worker_.worker_id));
    await.setSession(id_);
    await.setSlots(slots);
    if (!worker_.resources) return;
    m.setLimited(true);
    fill_resources(*worker_.resources, [&m](unsigned n) { return m.initResources(n); });
  });
}

kj::Promise<void> WorkerSession::set_window(std::uint32_t slots, const std::string& pause) {
  if (is_revoked()) throw_error({Errc::unauthenticated, "the worker's token has been revoked"});
  if (!displaced_by_.empty()) {
    throw_error({Errc::conflict,
                 "another process, on " + displaced_by_ + ", has registered as " + actor_key()});
  }
  auto told = set_pause(pause);
  return change_window(slots).then([told = kj::mv(told)]() mutable { return kj::mv(told); });
}

kj::Promise<void> WorkerSession::set_pause(const std::string& pause) {
  if (pause == pause_ || left_) return kj::READY_NOW;
  pause_ = pause;
  log_event(LogLevel::info, pause.empty() ? "worker_resumed" : "worker_paused",
            {{"worker", actor_key()}, {"why", pause}});
  auto command = build<schema::WorkerMessage>([&](schema::WorkerMessage::Builder m) {
    auto paused = m.initPaused();
    paused.setPausedSession(id_);
    paused.setPause(text(pause));
  });
  return ask(site_, troupe::worker_id(actor_key()), std::move(command)).ignoreResult();
}

kj::Promise<void> WorkerSession::change_window(std::uint32_t slots) {
  wanted_ = static_cast<std::int32_t>(std::min(slots, worker_.capacity)) - unanswered_;
  return tell_window();
}

kj::Promise<void> WorkerSession::push_dropped() {
  unanswered_ -= 1;
  wanted_ += 1;
  return tell_window();
}

kj::Promise<void> WorkerSession::tell_window() {
  if (removing_) {
    auto paf = kj::newPromiseAndFulfiller<void>();
    await_removal_.push_back(kj::mv(paf.fulfiller));
    return kj::mv(paf.promise);
  }
  const std::int32_t change = std::max(wanted_, 0) - std::max(granted_, 0);
  if (change == 0 || left_) return kj::READY_NOW;
  auto told = ask(site_, task_queue_id(worker_.task_queue_id), await_command(change));
  if (change > 0) {
    granted_ = std::max(granted_, 0) + change;
    return told.ignoreResult();
  }
  removing_ = true;
  return told.then([this](Bytes answer) { return on_removed(std::move(answer)); },
                   [this](kj::Exception&& failure) -> kj::Promise<void> {
                     removing_ = false;
                     for (auto& one : std::exchange(await_removal_, {})) {
                       one->reject(kj::cp(failure));
                     }
                     return kj::mv(failure);
                   });
}

// Slots that have turned into claims meanwhile cannot be taken back.
kj::Promise<void> WorkerSession::on_removed(Bytes answer) {
  removing_ = false;
  granted_ -= static_cast<std::int32_t>(Stored<schema::AwaitAnswer>(answer).get().getRemoved());
  // The window may have changed since.
  return tell_window().then([waiting = std::exchange(await_removal_, {})]() mutable {
    for (auto& one : waiting) one->fulfill();
  });
}

kj::Promise<void> WorkerSession::leave() {
  left_ = true;
  auto queue = ask(site_, task_queue_id(worker_.task_queue_id),
                   build<schema::TaskQueueMessage>(
                       [this](schema::TaskQueueMessage::Builder m) { m.setLeave(id_); }));
  auto actor = ask(site_, troupe::worker_id(actor_key()),
                   build<schema::WorkerMessage>(
                       [this](schema::WorkerMessage::Builder m) { m.setFarewell(id_); }));
  log_event(LogLevel::info, "worker_left", {{"worker", actor_key()}});
  return queue.ignoreResult().then(
      [actor = kj::mv(actor)]() mutable { return actor.ignoreResult(); });
}

}  // namespace troupe::server
