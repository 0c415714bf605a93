// What every message of a queue is handled with: the state, the rows and the effects so far, and
// the moves that several messages share. Nothing of it lands before all of it.
#pragma once

#include "actors/kinds.h"
#include "actors/task_queue/codec.h"
#include "actors/task_queue/draft.h"
#include "actors/task_queue/state.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace troupe::task_queue {

using M = schema::TaskQueueMessage;

struct Step {
  Step(QueueState& queue, const Message& m, const QueueConfig& terms, const Context& c)
      : state(queue), message(m), config(terms), context(c), rows(c.rows) {}

  QueueState& state;
  const Message& message;
  const QueueConfig& config;
  const Context& context;
  Draft rows;
  Effects effects;
  std::size_t looks = 0;  // of a waiter at a lane that it has no room for

  Instant now() const { return context.now; }
  /// Whether the handler should leave the rest to a message to itself: one handler yields at most
  /// 256 rows and sends, and nobody waits long behind it.
  bool is_full() const { return rows.size() + effects.sends.size() >= 200; }
  /// Whether it has looked long enough, though nothing may have come of it.
  bool is_spent() const { return looks >= config.looks_max; }
};

/// Timers, by name.
inline constexpr const char* record_timer = "record";
inline constexpr const char* quarantine_timer = "quarantine";

inline void reply(Step& t, ReplyTo to, Bytes body = {}) {
  if (to) t.effects.replies.push_back({to, std::move(body), false});
}

template <class Struct, class Fill>
void send(Step& t, ActorId to, Fill&& fill) {
  t.effects.sends.push_back({std::move(to), build<Struct>(std::forward<Fill>(fill))});
}

/// A message to itself. `concurrency_key`: whose entries are still to be opened; empty: none.
/// `behind`: the demands of the group after which to go on; empty: from the first.
void go_on_later(Step& t, const std::string& concurrency_key = {}, const Amounts& behind = {});

// -- matching.cpp

/// Tells the task of a run that is taken, and by whom: worker `group/id` and its session.
/// `question`: as in schema TaskMessage.
struct ClaimOf {
  std::string task_id;
  std::uint32_t run_id = 0;
  std::string worker;
  std::uint64_t session = 0;
  bool timed = false;
  std::uint64_t question = 0;
};
void send_claim(Step& t, const ClaimOf& claim);

/// Gives entries to those who wait, in turn. Only those look who have changed, and others at lanes
/// that are new. What is left over for later is a message to itself.
void match(Step& t);

// -- limits.cpp: entries and claims that are limited, or ask for resources

/// An entry is to wait: its rows are written, and it is opened or held back. Counts as pending.
/// `created`: when its task was; the newest of a key says the limit.
void insert(Step& t, const Entry& entry, Instant created);
/// An entry waits no more.
void withdraw(Step& t, const Entry& entry);
/// An entry is more urgent by now, or less.
void move(Step& t, Entry entry, const EntryKey& to);
/// The entry that waits under this number; `key` is where it is if nothing holds it back.
std::optional<Entry> find_entry(Step& t, const EntryKey& key);
/// The limit of the entry's key, if as many of its runs are claimed; else 0.
std::uint32_t reached_limit(const Step& t, const Entry& entry);
/// An entry that is open is held back: the limit of its key is reached.
void set_aside(Step& t, const Entry& entry);
/// An entry is claimed: it waits no more, and counts as long as its claim lasts.
void take(Step& t, const Entry& entry, std::uint64_t worker);
/// The claim of a run has ended, or came to nothing. One that does not count is ignored.
void release(Step& t, std::uint64_t number);
/// Opens what may be claimed of one key, unless its limit is reached. `behind`: as of
/// `go_on_later`.
void settle_all(Step& t, const std::string& concurrency_key, const Amounts& behind = {});

// -- waiting.cpp

void on_await(Step& t, M::Reader message);
void on_leave(Step& t, std::uint64_t session);
void on_claim_work(Step& t, M::ClaimWork::Reader m);
void on_stop_waiting(Step& t, std::uint64_t session);
void on_claim_answer(Step& t, M::ClaimAnswer::Reader m);

// -- entries.cpp

void on_put_entry(Step& t, M::Reader message);
void on_remove_entry(Step& t, M::RemoveEntry::Reader m);
void on_move_entry(Step& t, M::MoveEntry::Reader m);
void on_claim_done(Step& t, std::uint64_t number);
/// Somebody has claimed this run by its name.
void on_claim_entry(Step& t, M::Reader message);
void on_continue(Step& t, M::Reader message);

// -- record.cpp: the queue as people see it, and workers that get nothing

/// A worker asks for tasks: there is a record for a day.
void note_active(Step& t);
void on_active(Step& t, Instant until);
void on_record_due(Step& t);
/// Removes the rows of a queue without a record that nobody has to do with any more.
void remove_if_unused(Step& t);
void on_quarantine(Step& t, M::Reader message);
void on_quarantine_due(Step& t);
bool is_quarantined(const Step& t, const std::string& worker);

}  // namespace troupe::task_queue
