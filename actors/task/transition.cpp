#include "actors/task/transition.h"

#include "actors/task/codec.h"
#include "actors/task/events.h"
#include "runtime/base/planted.h"

#include <algorithm>

namespace troupe::task {
namespace {

using schema::ReasonResolved;
using State = schema::TaskState;

std::uint32_t last_run_id(const TaskState& s) {
  return static_cast<std::uint32_t>(s.runs.size() - 1);
}

void end_claim(Transition& t, const Run& run, bool by_worker) {
  t.effects.timers.push_back({claim_timer, std::nullopt, 0, false});
  const std::string worker = t.next.task_queue_id + "/" + run.worker_group + "/" + run.worker_id;
  send<schema::WorkerMessage>(t, worker_id(worker), [&](schema::WorkerMessage::Builder m) {
    auto ended = m.initClaimEnded();
    ended.getEnded().setTaskId(text(t.next.task_id));
    ended.getEnded().setRunId(last_run_id(t.next));
    ended.getEnded().setToken(run.token);
    ended.setRevoked(!by_worker);
  });
  if (!t.next.limits.any()) return;
  send_to_queue(t, [&run](schema::TaskQueueMessage::Builder m) { m.setClaimDone(run.entry); });
}

bool deserves_retry(ReasonResolved reason) {
  return reason == ReasonResolved::WORKER_SHUTDOWN || reason == ReasonResolved::INTERMITTENT_TASK ||
         reason == ReasonResolved::CLAIM_EXPIRED;
}

}  // namespace

void put_row(Transition& t, const TableSpec& table, std::string key, Bytes value) {
  t.effects.rows.push_back({table.id, std::move(key), std::move(value)});
}

void delete_row(Transition& t, const TableSpec& table, std::string key) {
  t.effects.rows.push_back({table.id, std::move(key), std::nullopt});
}

void reply_error(Transition& t, ReplyTo to, Error error) {
  if (to) t.effects.replies.push_back({to, std::move(error), false});
}

void reply_status(Transition& t, ReplyTo to) {
  if (to) t.effects.replies.push_back({to, encode_status(t.next), false});
}

void reply_when_stored(Transition& t, ReplyTo to, std::uint32_t run) {
  if (to) t.next.until_stored[run].push_back(to);
}

void answer_waiting(Transition& t, std::uint32_t run) {
  const auto found = t.next.until_stored.find(run);
  if (found == t.next.until_stored.end()) return;
  for (const ReplyTo to : found->second) reply_status(t, to);
  t.next.until_stored.erase(found);
}

void answer_overtaken(Transition& t) {
  std::vector<std::uint32_t> overtaken;
  for (const auto& [run, callers] : t.next.until_stored) {
    if (t.next.runs.at(run).state != State::PENDING) overtaken.push_back(run);
  }
  for (const auto run : overtaken) answer_waiting(t, run);
}

void answer_sweep(Transition& t, const Input& in, bool changed) {
  send<schema::TaskGroupMessage>(
      t, in.from, [changed](schema::TaskGroupMessage::Builder m) { m.setSweepAnswer(changed); });
}

void add_pending_run(Transition& t,
                     const Input& in,
                     schema::ReasonCreated reason,
                     std::uint64_t number) {
  TROUPE_EXPECTS(!t.next.creation);  // T4
  Run run;
  run.reason_created = reason;
  run.scheduled = in.now();
  run.entry = number != 0 ? number : in.context.number;
  if (planted(Bug::keep_place) && !t.next.runs.empty()) run.entry = t.next.runs.back().entry;
  t.next.runs.push_back(run);
  t.next.entry_answers = 0;
  const auto id = last_run_id(t.next);
  t.effects.events.push_back(task_pending(t.next, id));
  if (past_deadline(t.next, in.now())) return;
  send_to_queue(t, [&](schema::TaskQueueMessage::Builder m) {
    auto entry = m.initPutEntry();
    entry.setRunId(id);
    entry.setPriority(t.next.priority);
    entry.setNumber(run.entry);
    const Limits& limits = t.next.limits;
    if (!limits.any()) return;
    m.setConcurrencyKey(text(limits.concurrency_key));
    m.setConcurrencyLimit(limits.concurrency_limit);
    m.setTaskCreated(t.next.created.ms);
    fill_demands(limits.demands, m.initResources(static_cast<unsigned>(limits.demands.size())));
  });
  t.next.entry_answers = 1;
}

void set_deadline_timer(Transition& t, const Input& in) {
  // What says that it must be over asks whether it was before now.
  const Duration step = std::min(Duration{1}, in.config.deadline_delay);
  t.effects.timers.push_back({deadline_timer, t.next.deadline + step, 0, false});
}

void remove_entry(Transition& t) {
  send_to_queue(t, [&](schema::TaskQueueMessage::Builder m) {
    auto entry = m.initRemoveEntry();
    entry.setAtPriority(t.next.priority);
    entry.setAtNumber(t.next.runs.back().entry);
  });
}

void schedule_if_ready(Transition& t, const Input& in, std::uint64_t number) {
  const bool ready = t.next.visible() && t.next.runs.empty() && !t.next.held &&
                     t.next.unsatisfied == 0 && !past_deadline(t.next, in.now());
  if (ready) add_pending_run(t, in, schema::ReasonCreated::SCHEDULED, number);
}

void end_last_run(Transition& t, const Input& in, const Ending& ending) {
  TROUPE_EXPECTS(!t.next.is_resolved());
  if (t.next.runs.empty()) {
    Run run;
    run.reason_created = schema::ReasonCreated::EXCEPTION;
    run.scheduled = in.now();
    t.next.runs.push_back(run);
  } else if (t.next.state() == State::PENDING) {
    remove_entry(t);
  } else {
    end_claim(t, t.next.runs.back(), ending.by_worker);
  }
  Run& run = t.next.runs.back();
  run.state = ending.state;
  run.reason_resolved = ending.reason;
  run.resolved = in.now();
}

void end_and_follow_up(Transition& t, const Input& in, const Ending& ending) {
  end_last_run(t, in, ending);
  const auto ended = last_run_id(t.next);
  const bool retry =
      ending.state == State::EXCEPTION && deserves_retry(ending.reason) && t.next.retries_left > 0;
  if (!retry) {
    t.effects.events.push_back(task_ended(t.next, ended));
    begin_telling(t, in, false);
    return;
  }
  // The message of the ended run already shows the retry.
  t.next.retries_left -= 1;
  Effects before = std::move(t.effects);
  t.effects = {};
  add_pending_run(t, in,
                  ending.reason == ReasonResolved::INTERMITTENT_TASK
                      ? schema::ReasonCreated::TASK_RETRY
                      : schema::ReasonCreated::RETRY);
  before.events.push_back(task_ended(t.next, ended));
  for (auto& event : t.effects.events) before.events.push_back(std::move(event));
  for (auto& message : t.effects.sends) before.sends.push_back(std::move(message));
  t.effects = std::move(before);
  TROUPE_ENSURES(t.next.retries_left >= 0);  // T3
}

}  // namespace troupe::task
