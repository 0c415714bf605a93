// What tasks say of their runs. Source: spec/queue.md, sections 6 and 7.
#include "actors/task_queue/step.h"
#include "runtime/base/planted.h"

namespace troupe::task_queue {
namespace {

void tell_stored(Step& t, std::uint32_t run_id) {
  send<schema::TaskMessage>(t, t.message.from,
                            [run_id](schema::TaskMessage::Builder m) { m.setEntryStored(run_id); });
}

}  // namespace

void go_on_later(Step& t, const std::string& concurrency_key, const Amounts& behind) {
  send<M>(t, t.context.self, [&](M::Builder m) {
    m.setContinueMatching();
    if (!concurrency_key.empty()) m.setConcurrencyKey(text(concurrency_key));
    fill_amounts(behind, m.initResources(static_cast<unsigned>(behind.size())));
  });
}

void on_put_entry(Step& t, M::Reader message) {
  const auto m = message.getPutEntry();
  t.state.exists = true;
  Entry entry;
  entry.key = make_entry_key(m.getPriority(), m.getNumber());
  entry.task_id = t.message.from.key;
  entry.run_id = m.getRunId();
  entry.inserted = t.now();
  entry.concurrency_key = str(message.getConcurrencyKey());
  entry.concurrency_limit = message.getConcurrencyLimit();
  entry.demands = read_amounts(message.getResources());
  insert(t, entry, Instant{message.getTaskCreated()});
  tell_stored(t, entry.run_id);
  match(t);
}

void on_remove_entry(Step& t, M::RemoveEntry::Reader m) {
  const auto entry = find_entry(t, make_entry_key(m.getAtPriority(), m.getAtNumber()));
  if (entry) {
    withdraw(t, *entry);
  } else {
    // Handed out a moment ago: the task refuses that claim.
    release(t, m.getAtNumber());
  }
  match(t);
}

void on_move_entry(Step& t, M::MoveEntry::Reader m) {
  const auto entry = find_entry(t, make_entry_key(m.getMovedFrom(), m.getMovedNumber()));
  // One that was handed out a moment ago is on its way to its task.
  tell_stored(t, entry ? entry->run_id : 0);
  if (!entry) return;
  move(t, *entry, make_entry_key(m.getMovedTo(), m.getMovedNumber()));
  match(t);
}

void on_claim_done(Step& t, std::uint64_t number) {
  release(t, number);
  if (!planted(Bug::lose_match)) match(t);
}

void on_claim_entry(Step& t, M::Reader message) {
  const auto m = message.getClaimEntry();
  const auto entry = find_entry(t, make_entry_key(m.getClaimedPriority(), m.getClaimedEntry()));
  const std::uint32_t reached = entry ? reached_limit(t, *entry) : 0;
  if (!entry || reached > 0) {
    return send<schema::TaskMessage>(t, t.message.from, [&](schema::TaskMessage::Builder to_task) {
      auto refused = to_task.initClaimRefused();
      refused.setRefusedRunId(m.getNamedRunId());
      refused.setRefusedLimit(reached);
      to_task.setQuestion(message.getQuestion());
    });
  }
  const auto by = m.getClaimedBy();
  const std::string worker = str(by.getWorkerGroup()) + "/" + str(by.getWorkerId());
  take(t, *entry, worker_mark(worker));
  send_claim(t, {entry->task_id, entry->run_id, worker, m.getBySession(), message.getTimed(),
                 message.getQuestion()});
}

void on_continue(Step& t, M::Reader message) {
  const std::string key = str(message.getConcurrencyKey());
  if (!key.empty()) settle_all(t, key, read_amounts(message.getResources()));
  match(t);
}

}  // namespace troupe::task_queue
