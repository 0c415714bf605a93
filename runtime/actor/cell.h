// One durable actor in memory: takes deliveries, runs the handler, hands its effects to the
// committer and its sends to the directory. Free of CAF; used by one thread at a time.
#pragma once

#include "runtime/actor/delivery.h"
#include "runtime/actor/own_rows.h"
#include "runtime/actor/shard_place.h"
#include "runtime/actor/suspects.h"
#include "runtime/actor/timers.h"
#include "runtime/clock/clock.h"
#include "runtime/store/committer.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace troupe {

/// Where effects go. All borrowed, all outlive the cells.
struct CellServices {
  const Clock& clock;
  Store& store;
  Committer& committer;
  Numbers& numbers;
  TimerTable& timers;
  Suspects& suspects;
  std::function<void(Delivery)> deliver;          // to another actor
  std::function<void(std::vector<Reply>)> reply;  // on the committer's thread
  std::function<void(const std::string& kind,
                     const std::string& event,
                     const ActorId& id,
                     const std::string& detail)>
      report;  // log and metrics
  ShardPlace place = {};
  /// A message to an actor of another shard that is on disk here, with its place in the channel.
  std::function<void(std::uint32_t to_shard, std::uint64_t place, Delivery)> hand_over = {};
};

class Cell {
 public:
  /// Reads the actor's rows. If they do not decode, every delivery is refused or parked, saying so:
  /// one damaged row must not stop the others.
  Cell(const Kind& kind, ActorId id, const CellServices& services);
  ~Cell();

  /// Handles one delivery, whatever its outcome: landed, refused, or parked after three faults.
  void process(Delivery& delivery);

  /// Whether it may leave memory: nothing volatile, all effects on disk.
  bool can_passivate() const;

 private:
  struct Timer {
    Instant due;
    std::uint64_t attempt = 0;
    bool delay = false;
  };

  void read_timers(const Snapshot& snapshot);
  void activate();
  bool is_due(const Delivery& delivery);
  void handle(Delivery& delivery);
  Result<Effects> call_handler(const Delivery& delivery);
  void land_or_fail(Delivery& delivery, Effects effects);
  void land(Delivery& delivery, Effects effects);
  void refuse(Delivery& delivery, const Error& error);
  void park(Delivery& delivery, const std::string& why);
  void consume(const Delivery& delivery, Commit& commit);
  void add_name(std::uint64_t number, Commit& commit);
  void add_rows(Effects& effects, Commit& commit);
  std::vector<Delivery> add_sends(Effects& effects, const Credit& credit, Commit& commit);
  void post(std::uint32_t to_shard, Delivery delivery, Commit& commit);
  void add_removal(Commit& commit);
  void enqueue(Commit commit);
  void add_timer(const TimerChange& change, Commit& commit);
  void add_timer_delete(const std::string& name, Commit& commit);
  void add_events(const Effects& effects, Instant now, Commit& commit);

  const Kind& kind_;
  const ActorId id_;
  const CellServices& services_;
  std::uint64_t number_ = 0;  // the actor's; 0 until it has rows
  bool named_ = false;        // the name row is written
  std::map<std::string, Timer> timers_;
  Timer firing_;        // the one under way
  Instant handled_at_;  // what the handler was told is now
  OwnRows rows_;
  std::unique_ptr<DurableActor> actor_;  // none if its rows do not decode
  std::string activation_error_;
  std::uint64_t last_sequence_ = 0;                         // of the newest effects
  std::vector<std::pair<TimerEntry, bool>> timer_changes_;  // of the message under way
  std::vector<RowOp> own_changes_;                          // likewise, of its own rows
};

}  // namespace troupe
