// What a handler returns instead of doing it. The runtime lands all effects of one message in one
// transaction, or none.
#pragma once

#include "runtime/actor/actor_id.h"
#include "runtime/base/result.h"
#include "runtime/base/time.h"
#include "runtime/store/bytes.h"
#include "runtime/store/table.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// A caller that waits outside: an edge and its own number there. Zero: nobody waits.
struct ReplyTo {
  std::uint32_t edge = 0;
  std::uint64_t call = 0;
  explicit operator bool() const { return edge != 0; }
  auto operator<=>(const ReplyTo&) const = default;
};

/// A change of one of the actor's own rows. `key` comes behind the actor's number, which the
/// runtime puts in front.
struct RowChange {
  TableId table;
  std::string key;             // made with KeyWriter().prefix(); may be empty
  std::optional<Bytes> value;  // none deletes
};

struct Send {
  ActorId to;
  Bytes body;  // a message of the receiver's kind
};

struct TimerChange {
  std::string name;            // one timer a name
  std::optional<Instant> due;  // none clears it
  std::uint64_t attempt = 0;   // comes back with the timer, to recognise a late one
  bool delay = false;          // a lease or delay: follows elapsed time, not the wall clock
};

/// An entry of the public event log. `payload` is JSON.
struct Event {
  std::string exchange;
  std::string routing_key;
  std::vector<std::string> cc;
  std::string payload;
};

/// An answer to a caller, or the next of several on a subscription (`more`).
struct Reply {
  ReplyTo to;
  Result<Bytes> body;
  bool more = false;
};

struct Effects {
  std::vector<RowChange> rows;
  std::vector<Send> sends;
  std::vector<TimerChange> timers;
  std::vector<Event> events;
  std::vector<Reply> replies;
  bool remove = false;  // the actor is gone after this: its name and timers are deleted too
};

}  // namespace troupe
