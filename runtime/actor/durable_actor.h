// A durable actor as its author sees it: rows in, effects out.
//
//   message ---> handle(message, context) ---> effects ---> [one transaction] ---> replies, events
//                  |                             |
//                  reads its own rows            sends go to other actors' inboxes
//
// A handler is a pure function of (state, message, context). State lives in the object while the
// actor is in memory, and in its rows for ever; `activate` makes the one from the other.
#pragma once

#include "runtime/actor/effects.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// The actor's own rows of large sets: what is on disk with its uncommitted changes on top.
class Rows {
 public:
  virtual ~Rows() = default;
  virtual std::optional<Bytes> get(TableId table, std::string_view key) const = 0;
  struct Row {
    std::string key;
    Bytes value;
  };
  /// At most `limit` rows in order, with keys that begin with `prefix` and are greater than
  /// `after`.
  virtual std::vector<Row> scan(TableId table,
                                std::string_view prefix,
                                std::string_view after,
                                std::size_t limit) const = 0;
};

struct Message {
  enum class Source : std::uint8_t {
    command,  // from outside; somebody may wait for the reply
    actor,    // from another durable actor
    timer,
  };
  Source source = Source::command;
  ActorId from;               // of an actor's message
  ReplyTo reply_to;           // of a command
  Bytes body;                 // of a command or an actor's message
  std::string timer;          // name of the timer
  Instant due;                // of a timer, as its row says: not a time of day if it is a delay
  std::uint64_t attempt = 0;  // as the timer was set
};

struct Context {
  const ActorId& self;
  Instant now;
  std::uint64_t number = 0;  // fresh and rising: for ids that this message makes
  const Rows& rows;
};

/// One activated actor. Used by one thread at a time.
class DurableActor {
 public:
  virtual ~DurableActor() = default;

  /// Decides what `message` does, and takes the new state. An Error refuses a command and changes
  /// nothing; for an actor's message or a timer it is a fault: tried again, then parked.
  virtual Result<Effects> handle(const Message& message, const Context& context) = 0;

  /// Whether it holds something that no row has (a waiting caller): then it stays in memory.
  virtual bool is_volatile() const { return false; }
};

/// How the runtime makes actors of one kind.
struct Kind {
  KindId id;
  std::string name;  // of log lines and metrics
  std::vector<TableSpec> tables;
  /// Requires that rows decode; throws if not. An actor never seen before has no rows.
  std::function<std::unique_ptr<DurableActor>(const ActorId& id, const Rows& rows)> activate;
};

}  // namespace troupe
