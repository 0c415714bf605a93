// Who is in memory: finds or makes the entry of an actor and keeps its mailbox, so that deliveries
// survive the actor's activation, passivation and restart, in order.
//
// Free of CAF. Threads: any; each entry has its own lock.
#pragma once

#include "runtime/actor/delivery.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

namespace troupe {

/// One actor in memory.
struct Entry {
  explicit Entry(ActorId actor) : id(std::move(actor)) {}

  const ActorId id;
  std::mutex mutex;  // guards all below
  std::deque<Delivery> mailbox;
  bool awake = false;               // somebody is, or will soon be, taking from the mailbox
  bool gone = false;                // no longer in the directory: look again
  std::function<void()> wake;       // set once the actor has been spawned
  std::function<void()> passivate;  // likewise: asks it to leave memory

  std::int64_t used_ms = 0;  // elapsed time of the last delivery; its slice's mutex guards it
};

class Directory {
 public:
  /// `activate` spawns the actor of a new entry; it sets `wake` and wakes it.
  explicit Directory(std::function<void(const std::shared_ptr<Entry>&)> activate);

  /// Puts `delivery` behind all earlier ones to the same actor and wakes it. `now_ms`: elapsed.
  void deliver(Delivery delivery, std::int64_t now_ms);

  /// The next delivery of an awake actor; none: it sleeps from now on.
  static std::optional<Delivery> next(Entry& entry);

  /// Takes an idle actor out, unless a delivery waits or `may_leave` says no (asked under the
  /// entry's lock). True: it is gone; a later delivery makes a new entry.
  bool remove_if_idle(const std::shared_ptr<Entry>& entry, const std::function<bool()>& may_leave);

  /// Entries of `kind` not used since `before_ms`, looking at one of `slices` slices a call. Cost:
  /// as many as it finds, and those that are awake and were not used for as long.
  std::vector<std::shared_ptr<Entry>> idle(KindId kind, std::int64_t before_ms, std::size_t slice);

  static constexpr std::size_t slices = 16;

  std::size_t size() const;

  /// Drops what waits in the mailboxes, as a crash does.
  void drop_mail();

  /// Forgets all, at the end: entries hold handles of the actor system.
  void clear();

 private:
  using ByUse = std::list<std::shared_ptr<Entry>>;  // who was used longest ago comes first
  struct Slice {
    mutable std::mutex mutex;                         // before an entry's, never after
    std::unordered_map<std::uint16_t, ByUse> by_use;  // of each kind
    std::unordered_map<ActorId, ByUse::iterator> entries;
  };

  Slice& slice_of(const ActorId& id);
  std::shared_ptr<Entry> find_or_make(const ActorId& id, std::int64_t now_ms, bool& made);

  std::function<void(const std::shared_ptr<Entry>&)> activate_;
  std::array<Slice, slices> slices_;
};

}  // namespace troupe
