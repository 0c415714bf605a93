// The worker's record: when it was made, how long it is kept, and its quarantine. Source:
// spec/queue.md, sections 10 and 14.
#include "actors/kinds.h"
#include "actors/worker/handlers.h"
#include "runtime/base/planted.h"
#include "runtime/store/message.h"

#include <algorithm>
#include <utility>

namespace troupe::worker {
namespace {

constexpr std::size_t quarantines_max = 100;

// Keeps the record until then at least; it is made now if there was none.
void keep_record(Transition& t, Instant expires, Instant now) {
  if (!t.next.has_record()) t.next.first_claim = t.next.last_active = now;
  t.next.exists = true;
  t.next.expires = std::max(t.next.expires, expires);
}

Instant removed_at(const WorkerState& s, const WorkerConfig& config) {
  return std::max(s.expires, s.quarantine_until) + config.expiration_delay;
}

}  // namespace

void seen(Transition& t, Instant now) {
  keep_record(t, now + record_outlives_use, now);
  t.next.last_active = now;
}

// A timer is not set anew whenever the record lives longer: when it is due, it is seen how far that
// goes.
void set_record_timer(Transition& t, const WorkerConfig& config, Instant now) {
  const Instant due = std::max(removed_at(t.next, config), now + config.expiration_delay);
  t.effects.timers.push_back({record_timer, due, 0, false});
}

void begin_row(Transition& t, const WorkerConfig& config, const Context& context) {
  const std::string& key = context.self.key;  // provisioner/type/group/id
  const auto id = key.rfind('/');
  const auto group = key.rfind('/', id - 1);
  t.next.task_queue_id = key.substr(0, group);
  t.next.worker_group = key.substr(group + 1, id - group - 1);
  t.next.worker_id = key.substr(id + 1);
  if (t.next.session == 0) set_record_timer(t, config, context.now);
}

Result<Transition> on_seen(const WorkerState& s, const Message& message, const Context& context) {
  Transition t{s, {}};
  seen(t, context.now);
  if (s.session == 0) t.next.away_since = {};  // whoever was connected once asks over HTTP now
  answer_nothing(t, message.reply_to);
  return t;
}

Result<Transition> on_declare(const WorkerState& s,
                              Instant expires,
                              const Message& message,
                              const Context& context) {
  if (!s.has_record() && expires <= context.now) {
    return Error{Errc::invalid,
                 "expires is in the past, and there is no such worker: declare one "
                 "that is kept for some time"};
  }
  Transition t{s, {}};
  keep_record(t, expires, context.now);
  answer_nothing(t, message.reply_to);
  return t;
}

Result<Transition> on_quarantine(const WorkerState& s,
                                 schema::QuarantineChange::Reader change,
                                 const Message& message,
                                 const Context& context) {
  if (!s.has_record()) {
    return Error{Errc::not_found, "no worker " + context.self.key + " has been seen"};
  }
  Transition t{s, {}};
  keep_record(t, context.now + record_outlives_use, context.now);
  t.next.quarantine_until = Instant{change.getQuarantineUntil()};
  t.next.quarantines.push_back({str(change.getClientId()), context.now, t.next.quarantine_until,
                                str(change.getQuarantineInfo())});
  if (t.next.quarantines.size() > quarantines_max) {
    t.next.quarantines.erase(t.next.quarantines.begin());
  }
  t.next.quarantining.push_back({context.number, message.reply_to});
  t.effects.sends.push_back(
      {task_queue_id(s.task_queue_id),
       build<schema::TaskQueueMessage>([&](schema::TaskQueueMessage::Builder m) {
         auto quarantine = m.initQuarantine();
         auto worker = quarantine.initQuarantined();
         worker.setTaskQueueId(text(s.task_queue_id));
         worker.setWorkerGroup(text(s.worker_group));
         worker.setWorkerId(text(s.worker_id));
         quarantine.setUntil(t.next.quarantine_until.ms);
         m.setQuestion(context.number);
       })});
  return t;
}

Result<Transition> on_quarantine_answer(const WorkerState& s, std::uint64_t question) {
  Transition t{s, {}};
  auto& waiting = t.next.quarantining;
  const auto asked = std::ranges::find(waiting, question, &QuarantineCaller::question);
  if (asked == waiting.end()) return t;  // its caller was lost with a restart
  answer_nothing(t, asked->reply_to);
  waiting.erase(asked);
  return t;
}

Result<Transition> on_record_due(const WorkerState& s,
                                 const WorkerConfig& config,
                                 const Context& context) {
  Transition t{s, {}};
  if (!s.exists || s.session != 0) return t;
  const bool held = !s.claims.empty() || !s.quarantining.empty();
  const bool kept = context.now < removed_at(s, config) && !planted(Bug::drop_record);
  if (held || kept) {
    set_record_timer(t, config, context.now);
    return t;
  }
  t.next = {};
  t.effects.rows.push_back({tables::worker_state.id, "", std::nullopt});
  t.effects.remove = true;
  return t;
}

}  // namespace troupe::worker
