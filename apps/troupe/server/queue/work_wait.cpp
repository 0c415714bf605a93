#include "apps/troupe/server/queue/work_wait.h"

#include <memory>
#include <utility>

namespace troupe::server {
namespace {

using Claims = std::vector<HeldClaim>;

// How long the queue's answer may still come once it has said that the waiting is over: longer only
// if it has forgotten the request.
constexpr kj::Duration answer_time_max = 5 * kj::SECONDS;

// Lives until the queue has answered, which may be after its caller has gone.
struct Waiting {
  Site& site;
  const std::string task_queue_id;
  const std::uint64_t session;
  const bool repeatable;
  kj::Own<kj::PromiseFulfiller<WorkFound>> listener;  // null: nobody listens
};

Bytes stop_command(std::uint64_t session) {
  return build<schema::TaskQueueMessage>(
      [session](schema::TaskQueueMessage::Builder m) { m.setStopWaiting(session); });
}

Claims read_claims(const Bytes& answer) {
  Claims claims;
  Stored<schema::ClaimWorkAnswer> stored(answer);
  for (const auto held : stored.get().getClaims()) claims.push_back(read_held(held));
  return claims;
}

// Nobody waits for these answers: a claim that cannot be given back ends with its time.
void give_back(Site& site, const Claims& claims) {
  for (const HeldClaim& held : claims) {
    site.host.ask(task_id(held.task_id),
                  build<schema::TaskMessage>([&held](schema::TaskMessage::Builder m) {
                    auto claim = m.initExpireClaim();
                    claim.setRunId(held.run_id);
                    claim.setToken(held.token);
                  }),
                  ReplyTo{});
  }
}

void take_answer(Waiting& waiting, const Result<Bytes>& answer) {
  auto listener = kj::mv(waiting.listener);
  if (!answer.ok()) {
    if (listener.get() != nullptr) listener->reject(exception_from(answer.error()));
    return;
  }
  // Without a listener they are dropped here, with one wherever its call ends.
  WorkFound found(waiting.site, read_claims(answer.value()), waiting.repeatable);
  if (listener.get() != nullptr) listener->fulfill(kj::mv(found));
}

// Dropped with the call: then nobody listens.
class Call {
 public:
  explicit Call(std::shared_ptr<Waiting> waiting) : waiting_(std::move(waiting)) {}
  ~Call() {
    if (waiting_->listener.get() == nullptr) return;  // answered
    waiting_->listener = nullptr;
    waiting_->site.host.ask(task_queue_id(waiting_->task_queue_id), stop_command(waiting_->session),
                            ReplyTo{});
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  const std::shared_ptr<Waiting> waiting_;
};

Bytes work_command(const WorkRequest& request, std::uint64_t session) {
  return build<schema::TaskQueueMessage>([&](schema::TaskQueueMessage::Builder m) {
    auto work = m.initClaimWork();
    fill_name(request.worker, work.initClaimant());
    work.setClaimSession(session);
    work.setTasks(request.tasks);
    work.setRequestId(text(request.request_id));
  });
}

}  // namespace

WorkFound::WorkFound(WorkFound&& other) noexcept
    : site_(other.site_),
      claims_(std::exchange(other.claims_, {})),
      repeatable_(other.repeatable_) {}

WorkFound::~WorkFound() {
  if (!repeatable_ && !claims_.empty()) give_back(*site_, claims_);
}

kj::Promise<WorkFound> wait_for_work(Site& site, WorkRequest request) {
  auto paf = kj::newPromiseAndFulfiller<WorkFound>();
  const auto waiting =
      std::make_shared<Waiting>(Waiting{site, request.worker.task_queue_id, new_session_id(),
                                        !request.request_id.empty(), kj::mv(paf.fulfiller)});
  const ActorId queue = task_queue_id(waiting->task_queue_id);
  site.edge.ask(queue, work_command(request, waiting->session))
      .then([waiting](Result<Bytes> answer) { take_answer(*waiting, answer); })
      .detach([](kj::Exception&&) {});  // the server stops
  auto late = site.timer.atTime(request.until)
                  .exclusiveJoin(site.stopping->begins())
                  .then([&site, queue, session = waiting->session] {
                    return ask(site, queue, stop_command(session)).ignoreResult();
                  })
                  .then([&site] { return site.timer.afterDelay(answer_time_max); })
                  .then([] { return WorkFound(); });
  auto answered = paf.promise.exclusiveJoin(kj::mv(late));
  if (request.peer_gone) {
    answered = answered.exclusiveJoin(request.peer_gone().then([] { return WorkFound(); }));
  }
  return answered.attach(kj::heap<Call>(waiting));
}

}  // namespace troupe::server
