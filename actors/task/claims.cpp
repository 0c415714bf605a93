// Who runs it: claims, their renewal and their end. A claim is fenced by its token: only the holder
// can renew or resolve. Source: spec/queue.md, sections 7 and 8.
#include "actors/task/events.h"
#include "actors/task/handlers.h"
#include "runtime/base/planted.h"

namespace troupe::task {
namespace {

using schema::Outcome;
using schema::ReasonResolved;

struct Claimant {
  schema::WorkerName::Reader worker;
  std::uint64_t session = 0;
};

// Whether `worker` holds the last run, and by claimTask.
bool is_claimed_by_name(const TaskState& s, schema::WorkerName::Reader worker) {
  const Run& run = s.runs.back();
  return run.state == schema::TaskState::RUNNING && run.by_name &&
         run.worker_group == view(worker.getWorkerGroup()) &&
         run.worker_id == view(worker.getWorkerId());
}

// One moment earlier than other commands. Source: spec/queue.md, section 0.2.
bool claims_are_over(const TaskState& s, Instant now) {
  return s.deadline <= now;
}

void set_claim_timer(Transition& t, const Run& run) {
  t.effects.timers.push_back({claim_timer, run.taken_until, run.token, true});
}

// Publishes the claim of the last run and brings it to its worker, to `session` if that still is.
void announce_claim(Transition& t, std::uint64_t session) {
  const Run& run = t.next.runs.back();
  const auto id = static_cast<std::uint32_t>(t.next.runs.size() - 1);
  t.effects.events.push_back(task_running(t.next, id));
  const std::string worker = t.next.task_queue_id + "/" + run.worker_group + "/" + run.worker_id;
  send<schema::WorkerMessage>(t, worker_id(worker), [&](schema::WorkerMessage::Builder m) {
    auto claimed = m.initClaimed();
    claimed.getClaim().setTaskId(text(t.next.task_id));
    claimed.getClaim().setRunId(id);
    claimed.getClaim().setToken(run.token);
    claimed.setClaimSession(session);
  });
}

void start_run(Transition& t, const Input& in, const Claimant& claimant) {
  Run& run = t.next.runs.back();
  run.state = schema::TaskState::RUNNING;
  run.worker_group = str(claimant.worker.getWorkerGroup());
  run.worker_id = str(claimant.worker.getWorkerId());
  run.started = in.now();
  run.taken_until = in.now() + in.config.claim_timeout;
  run.token = in.context.number;
  set_claim_timer(t, run);
  announce_claim(t, claimant.session);
}

Error no_longer_held(const TaskState& s, std::uint32_t run) {
  return Error{Errc::conflict, "run " + std::to_string(run) + " of task " + s.task_id +
                                   " is no longer held by this claim: forget it"};
}

std::optional<Error> refuse_holder(const TaskState& s,
                                   schema::ClaimRef::Reader claim,
                                   const Input& in) {
  if (!s.visible()) return Error{Errc::not_found, "no task " + in.context.self.key};
  if (claim.getRunId() >= s.runs.size()) {
    return Error{Errc::not_found,
                 "task " + s.task_id + " has no run " + std::to_string(claim.getRunId())};
  }
  const bool fenced = !planted(Bug::no_fencing);
  if (fenced && (claim.getToken() == 0 || s.runs[claim.getRunId()].token != claim.getToken())) {
    return no_longer_held(s, claim.getRunId());
  }
  return std::nullopt;
}

Ending ending_of(Outcome outcome, ReasonResolved reason) {
  switch (outcome) {
    case Outcome::COMPLETED: return {schema::TaskState::COMPLETED, ReasonResolved::COMPLETED, true};
    case Outcome::FAILED: return {schema::TaskState::FAILED, ReasonResolved::FAILED, true};
    case Outcome::EXCEPTION: break;
  }
  return {schema::TaskState::EXCEPTION, reason, true};
}

bool may_report(ReasonResolved reason) {
  switch (reason) {
    case ReasonResolved::WORKER_SHUTDOWN:
    case ReasonResolved::MALFORMED_PAYLOAD:
    case ReasonResolved::RESOURCE_UNAVAILABLE:
    case ReasonResolved::INTERNAL_ERROR:
    case ReasonResolved::INTERMITTENT_TASK: return true;
    case ReasonResolved::NONE:
    case ReasonResolved::COMPLETED:
    case ReasonResolved::FAILED:
    case ReasonResolved::DEADLINE_EXCEEDED:
    case ReasonResolved::CANCELED:
    case ReasonResolved::CLAIM_EXPIRED: return false;
  }
  return false;
}

// Whether a report about a run that has ended only repeats the one that ended it. With a newer run
// that can be only the report that made it: what came later is nobody's to repeat.
bool is_repeat(const TaskState& s, std::uint32_t run, const Ending& ending) {
  const Run& held = s.runs[run];
  const std::size_t newer = s.runs.size() - (run + 1);
  const bool recent = newer == 0 || (newer == 1 && ending.state == schema::TaskState::EXCEPTION);
  return recent && held.state == ending.state && held.reason_resolved == ending.reason;
}

// A report whose answer was lost is made again: so are its messages.
void publish_again(Transition& t, const Input& in, std::uint32_t run) {
  t.effects.events.push_back(task_ended(t.next, run));
  const auto last = static_cast<std::uint32_t>(t.next.runs.size() - 1);
  if (run == last) {
    begin_telling(t, in, false);
  } else if (t.next.state() == schema::TaskState::PENDING) {
    t.effects.events.push_back(task_pending(t.next, last));
  }
}

void answer_queue(Transition& t, const Input& in, std::uint64_t session, bool accepted) {
  send<schema::TaskQueueMessage>(t, in.from, [&](schema::TaskQueueMessage::Builder m) {
    auto answer = m.initClaimAnswer();
    answer.setOfSession(session);
    answer.setAccepted(accepted);
  });
}

}  // namespace

Result<Transition> on_claim_run(const TaskState& s, M::ClaimRun::Reader m, const Input& in) {
  Transition t = begin(s);
  const bool pending = s.visible() && s.state() == schema::TaskState::PENDING &&
                       m.getEntryRunId() + 1 == s.runs.size() && !claims_are_over(s, in.now());
  if (pending) start_run(t, in, {m.getEntryWorker(), m.getEntrySession()});
  answer_queue(t, in, m.getEntrySession(), pending);
  return t;
}

Result<Transition> on_claim_by_name(const TaskState& s, M::ClaimByName::Reader m, const Input& in) {
  if (!s.visible()) return Error{Errc::not_found, "no task " + in.context.self.key};
  if (claims_are_over(s, in.now())) {
    return Error{Errc::conflict, "the deadline of task " + s.task_id + " has passed"};
  }
  if (m.getRunId() >= s.runs.size()) {
    return Error{Errc::not_found,
                 "task " + s.task_id + " has no run " + std::to_string(m.getRunId())};
  }
  Transition t = begin(s);
  const bool last = m.getRunId() + 1 == s.runs.size();
  if (last && is_claimed_by_name(s, m.getWorker())) {
    announce_claim(t, m.getSession());  // the answer was lost: the same claim again
    reply_status(t, in.reply_to);
    return t;
  }
  if (!last || s.state() != schema::TaskState::PENDING) {
    return Error{Errc::conflict, "run " + std::to_string(m.getRunId()) + " of task " + s.task_id +
                                     " is not pending"};
  }
  send_to_queue(t, [&](schema::TaskQueueMessage::Builder entry) {
    auto remove = entry.initRemoveEntry();
    remove.setAtPriority(s.priority);
    remove.setAtNumber(s.runs.back().entry);
  });
  start_run(t, in, {m.getWorker(), m.getSession()});
  t.next.runs.back().by_name = true;
  reply_status(t, in.reply_to);
  return t;
}

Result<Transition> on_reclaim(const TaskState& s, schema::ClaimRef::Reader m, const Input& in) {
  if (auto refusal = refuse_holder(s, m, in)) return *refusal;
  if (claims_are_over(s, in.now())) {
    return Error{Errc::conflict, "the deadline of task " + s.task_id + " has passed"};
  }
  if (m.getRunId() + 1 != s.runs.size() || s.state() != schema::TaskState::RUNNING) {
    return no_longer_held(s, m.getRunId());
  }
  Transition t = begin(s);
  Run& run = t.next.runs.back();
  run.taken_until = in.now() + in.config.claim_timeout;
  set_claim_timer(t, run);
  reply_status(t, in.reply_to);
  return t;
}

Result<Transition> on_resolve(const TaskState& s, M::Resolve::Reader m, const Input& in) {
  if (auto refusal = refuse_holder(s, m.getClaim(), in)) return *refusal;
  if (m.getOutcome() == Outcome::EXCEPTION && !may_report(m.getReason())) {
    return Error{Errc::invalid, "a worker cannot report this reason"};
  }
  const auto run_id = m.getClaim().getRunId();
  const Run& held = s.runs[run_id];
  const Ending ending = ending_of(m.getOutcome(), m.getReason());
  Transition t = begin(s);
  if (held.state != schema::TaskState::RUNNING) {
    // The same report again (its answer was lost) is answered as before.
    if (!is_repeat(s, run_id, ending)) return no_longer_held(s, run_id);
    publish_again(t, in, run_id);
    reply_status(t, in.reply_to);
    return t;
  }
  for (const auto artifact : m.getArtifacts()) {
    if (auto stored = store_artifact(t, run_id, artifact, in); !stored.ok()) {
      return stored.error();
    }
  }
  end_and_follow_up(t, in, ending);
  const bool retried =
      t.next.state() == schema::TaskState::PENDING && !past_deadline(t.next, in.now());
  if (retried) {
    reply_when_stored(t, in.reply_to, run_id + 1);
  } else {
    reply_status(t, in.reply_to);
  }
  return t;
}

Result<Transition> on_worker_lost(const TaskState& s, schema::ClaimRef::Reader m, const Input& in) {
  Transition t = begin(s);
  const bool held = s.visible() && s.state() == schema::TaskState::RUNNING &&
                    m.getRunId() + 1 == s.runs.size() && s.runs.back().token == m.getToken();
  if (held) {
    end_and_follow_up(t, in, {schema::TaskState::EXCEPTION, ReasonResolved::WORKER_SHUTDOWN, true});
    return t;  // ending the claim has told the worker
  }
  send<schema::WorkerMessage>(t, in.from, [&](schema::WorkerMessage::Builder answer) {
    auto ended = answer.initClaimEnded();
    ended.getEnded().setTaskId(text(in.context.self.key));
    ended.getEnded().setRunId(m.getRunId());
    ended.getEnded().setToken(m.getToken());
    ended.setRevoked(true);
  });
  return t;
}

Result<Transition> on_claim_due(const TaskState& s, std::uint64_t token, const Input& in) {
  Transition t = begin(s);
  const bool held =
      s.visible() && s.state() == schema::TaskState::RUNNING && s.runs.back().token == token;
  // Past the deadline the deadline timer ends it.
  if (!held || past_deadline(s, in.now())) return t;
  end_and_follow_up(t, in, {schema::TaskState::EXCEPTION, ReasonResolved::CLAIM_EXPIRED});
  return t;
}

}  // namespace troupe::task
