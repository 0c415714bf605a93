// Who runs it: claims, their renewal and their end. A claim is fenced by its token: only the holder
// can renew or resolve. Over HTTP it is named by its run alone, whose state is the fence: whoever
// may speak of the run is believed. Source: spec/queue.md, sections 3.3, 7 and 8.
#include "actors/task/events.h"
#include "actors/task/handlers.h"
#include "runtime/base/planted.h"
#include "runtime/transcode/json.h"

#include <algorithm>

namespace troupe::task {
namespace {

using schema::Outcome;
using schema::ReasonResolved;

struct Claimant {
  schema::WorkerName::Reader worker;
  std::uint64_t session = 0;
  bool timed = false;    // over HTTP
  bool by_name = false;  // by claimTask
};

// Whether this worker holds the last run, and by claimTask.
bool is_claimed_by_name(const TaskState& s, std::string_view group, std::string_view id) {
  const Run& run = s.runs.back();
  return run.state == schema::TaskState::RUNNING && run.by_name && run.worker_group == group &&
         run.worker_id == id;
}

// One moment earlier than other commands. Source: spec/queue.md, section 0.2.
bool claims_are_over(const TaskState& s, Instant now) {
  return s.deadline <= now;
}

void set_claim_timer(Transition& t, const Run& run) {
  // The clocks' milliseconds begin at different times: a claim holds to its last.
  t.effects.timers.push_back({claim_timer, run.taken_until + Duration{1}, run.token, true});
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
    claimed.setTimed(run.timed);
    claimed.setUnseen(run.timed && run.by_name);
  });
}

void start_run(Transition& t, const Input& in, const Claimant& claimant) {
  Run& run = t.next.runs.back();
  run.state = schema::TaskState::RUNNING;
  run.worker_group = str(claimant.worker.getWorkerGroup());
  run.worker_id = str(claimant.worker.getWorkerId());
  run.started = in.now();
  run.claimed = in.now();
  run.taken_until = in.now() + in.config.claim_timeout;
  run.token = in.context.number;
  run.timed = claimant.timed;
  run.by_name = claimant.by_name;
  set_claim_timer(t, run);
  announce_claim(t, claimant.session);
}

// Whoever speaks of the run does not hold it: what has become of it.
Error not_held(const TaskState& s, std::uint32_t run) {
  const Run& other = s.runs[run];
  std::string what = "is resolved as " + enum_name(other.reason_resolved) + ": forget it";
  if (other.state == schema::TaskState::PENDING) what = "is pending: claim it first";
  if (other.state == schema::TaskState::RUNNING) {
    what = "is no longer held by this claim: forget it";
  }
  return Error{Errc::conflict, "run " + std::to_string(run) + " of task " + s.task_id + " " + what};
}

std::optional<Error> refuse_holder(const TaskState& s,
                                   schema::ClaimRef::Reader claim,
                                   const Input& in) {
  if (!s.visible()) return Error{Errc::not_found, "no task " + in.context.self.key};
  if (claim.getRunId() >= s.runs.size()) {
    return Error{Errc::not_found,
                 "task " + s.task_id + " has no run " + std::to_string(claim.getRunId())};
  }
  const bool fenced = !claim.getByRun() && !planted(Bug::no_fencing);
  if (fenced && (claim.getToken() == 0 || s.runs[claim.getRunId()].token != claim.getToken())) {
    return not_held(s, claim.getRunId());
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

// A claim by name takes no slot from the session that it is for.
void answer_queue(Transition& t, const Input& in, M::Reader message, bool accepted) {
  const auto m = message.getClaimRun();
  const std::uint32_t id = m.getEntryRunId();
  send<schema::TaskQueueMessage>(t, in.from, [&](schema::TaskQueueMessage::Builder to_queue) {
    auto answer = to_queue.initClaimAnswer();
    if (message.getQuestion() == 0) answer.setOfSession(m.getEntrySession());
    answer.setAccepted(accepted);
    answer.setClaimedRunId(id);
    if (id >= t.next.runs.size()) return;
    if (accepted) answer.setToken(t.next.runs[id].token);
    answer.setClaimedNumber(t.next.runs[id].entry);
  });
}

// Whether the claim is that of the run under way.
bool is_current(const TaskState& s, schema::ClaimRef::Reader claim) {
  return s.visible() && s.state() == schema::TaskState::RUNNING &&
         claim.getRunId() + 1 == s.runs.size() && s.runs.back().token == claim.getToken();
}

Error not_pending(const TaskState& s, std::uint32_t run) {
  return Error{Errc::conflict,
               "run " + std::to_string(run) + " of task " + s.task_id + " is not pending"};
}

// What a limit says of a claim by name, the queue knows.
void ask_queue(Transition& t, M::ClaimByName::Reader m, bool timed, const Input& in) {
  const auto worker = m.getWorker();
  const std::uint64_t question = in.context.number;
  t.next.named_claims.push_back({question, in.reply_to, m.getRunId(), str(worker.getWorkerGroup()),
                                 str(worker.getWorkerId())});
  send_to_queue(t, [&](schema::TaskQueueMessage::Builder to_queue) {
    auto claim = to_queue.initClaimEntry();
    claim.setClaimedPriority(t.next.priority);
    claim.setClaimedEntry(t.next.runs.back().entry);
    claim.setNamedRunId(m.getRunId());
    claim.setClaimedBy(worker);
    claim.setBySession(m.getSession());
    to_queue.setQuestion(question);
    to_queue.setTimed(timed);
  });
}

// Who asked with this claimTask; nobody after a restart.
std::optional<NamedClaim> take_named_claim(Transition& t, std::uint64_t question) {
  const auto found = std::ranges::find(t.next.named_claims, question, &NamedClaim::question);
  if (found == t.next.named_claims.end()) return std::nullopt;
  NamedClaim claim = *found;
  t.next.named_claims.erase(found);
  return claim;
}

}  // namespace

Result<Transition> on_claim_run(const TaskState& s, M::Reader message, const Input& in) {
  const auto m = message.getClaimRun();
  const bool by_name = message.getQuestion() != 0;
  Transition t = begin(s);
  const bool pending = s.visible() && s.state() == schema::TaskState::PENDING &&
                       m.getEntryRunId() + 1 == s.runs.size() && !claims_are_over(s, in.now());
  if (pending) {
    start_run(t, in, {m.getEntryWorker(), m.getEntrySession(), message.getTimed(), by_name});
  }
  answer_queue(t, in, message, pending);
  if (const auto caller = take_named_claim(t, message.getQuestion())) {
    if (pending) {
      reply_status(t, caller->to);
    } else {
      reply_error(t, caller->to, not_pending(s, caller->run));
    }
  }
  // A claim that came too late has taken the entry with it.
  if (!pending) answer_waiting(t, m.getEntryRunId());
  return t;
}

Result<Transition> on_claim_refused(const TaskState& s, M::Reader message, const Input& in) {
  Transition t = begin(s);
  const auto caller = take_named_claim(t, message.getQuestion());
  if (!caller) return t;
  const std::uint32_t limit = message.getClaimRefused().getRefusedLimit();
  const bool last = caller->run + 1 == s.runs.size();
  if (last && is_claimed_by_name(s, caller->worker_group, caller->worker_id)) {
    reply_status(t, caller->to);  // it asked twice, and this is the answer to the second
  } else if (limit > 0) {
    reply_error(
        t, caller->to,
        {Errc::conflict, "run " + std::to_string(caller->run) + " of task " + in.context.self.key +
                             " is held back: its concurrency key \"" + s.limits.concurrency_key +
                             "\" has reached its limit of " + std::to_string(limit) +
                             "; claim it again when one of those runs has ended"});
  } else {
    reply_error(t, caller->to, not_pending(s, caller->run));
  }
  return t;
}

Result<Transition> on_claim_by_name(const TaskState& s,
                                    M::ClaimByName::Reader m,
                                    bool timed,
                                    const Input& in) {
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
  const auto worker = m.getWorker();
  if (last && is_claimed_by_name(s, view(worker.getWorkerGroup()), view(worker.getWorkerId()))) {
    announce_claim(t, m.getSession());  // the answer was lost: the same claim again
    reply_status(t, in.reply_to);
    return t;
  }
  if (!last || s.state() != schema::TaskState::PENDING) {
    return not_pending(s, m.getRunId());
  }
  if (s.limits.any()) {
    ask_queue(t, m, timed, in);
    return t;
  }
  send_to_queue(t, [&](schema::TaskQueueMessage::Builder entry) {
    auto remove = entry.initRemoveEntry();
    remove.setAtPriority(s.priority);
    remove.setAtNumber(s.runs.back().entry);
  });
  start_run(t, in, {m.getWorker(), m.getSession(), timed, true});
  reply_status(t, in.reply_to);
  return t;
}

Result<Transition> on_reclaim(const TaskState& s, schema::ClaimRef::Reader m, const Input& in) {
  if (auto refusal = refuse_holder(s, m, in)) return *refusal;
  if (claims_are_over(s, in.now())) {
    return Error{Errc::conflict, "the deadline of task " + s.task_id + " has passed"};
  }
  if (m.getRunId() + 1 != s.runs.size() || s.state() != schema::TaskState::RUNNING) {
    return not_held(s, m.getRunId());
  }
  Transition t = begin(s);
  Run& run = t.next.runs.back();
  run.claimed = in.now();
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
    if (!is_repeat(s, run_id, ending)) return not_held(s, run_id);
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
  if (is_current(s, m)) {
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

Result<Transition> on_expire_claim(const TaskState& s,
                                   schema::ClaimRef::Reader m,
                                   const Input& in) {
  Transition t = begin(s);
  // Past the deadline its timer ends the run.
  if (is_current(s, m) && !past_deadline(s, in.now())) {
    end_and_follow_up(t, in, {schema::TaskState::EXCEPTION, ReasonResolved::CLAIM_EXPIRED});
  }
  if (in.reply_to) t.effects.replies.push_back({in.reply_to, Bytes{}, false});
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
