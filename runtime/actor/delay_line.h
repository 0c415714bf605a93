// The time line that leases and delays are kept on, apart from the time of day.
//
// A delay follows the time that the machine was awake: a step of the wall clock does not move it,
// and a suspend extends it by the time slept. Yet its row outlives the process and the boot, so its
// due time is stored as a point on a line of its own, which goes on from start to start:
//
//   line = time awake + awake_base      within one boot: exact, whatever the wall clock does
//   line = wall time  + wall_base       across a reboot, when the time awake begins again at zero
//
// Only the two bases are stored, in one row. The other way, delays stored by the wall clock and
// moved when it is stepped, rewrites every row of a table of a million on each step, while they are
// due and while a crash may come in between. Here a step changes one row, and no timer at all.
//
// The row is written when wall time and line have parted by `parted_least` since it was last
// written (invariant 7), by a step, a suspend or slow drift; less than that is what a reboot may
// cost. A row that is lost with a crash matters only if the machine reboots then, or if it is the
// first of a boot and the wall clock is stepped before the next start. The line never falls behind
// what was stored: a machine that boots with its wall clock behind (no battery, not set yet) goes
// on from there, so its delays end late by at most the row's age, and never early.
#pragma once

#include "runtime/clock/clock.h"
#include "runtime/store/bytes.h"

#include <cstdint>
#include <optional>
#include <string>

namespace troupe {

/// Thread safety: `now` and `awake_at` from any thread, `observe` from one at a time.
class DelayLine {
 public:
  static constexpr Duration parted_least{5'000};
  static constexpr Duration stored_age_most{3'600'000};  // while anything looks at the clock

  /// What outlives the process.
  struct Record {
    std::string boot_id;
    Duration awake_base{0};
    Duration wall_base{0};
    Instant written;  // on the line

    Bytes row() const;
    static Record decode(WordSpan row);
  };

  /// Goes on from `stored`, or begins with the time of day. Borrows `clock`.
  DelayLine(const Clock& clock, std::optional<Record> stored);

  /// Where the line is now. Never falls.
  Instant now() const { return Instant{clock_.awake().count()} + awake_base_; }

  /// The time awake at which the line gets to `due`.
  Duration awake_at(Instant due) const { return Duration{due.ms} - awake_base_; }

  /// What has to be stored now, if anything.
  std::optional<Record> observe();

  /// How often wall clock and line have parted since the start: steps and suspends.
  std::uint64_t parted() const { return parted_; }

 private:
  void begin(const Record& stored);

  // Constant after construction.
  const Clock& clock_;
  const std::string boot_id_;
  Duration awake_base_{0};
  // Owned by who calls `observe`.
  Duration wall_base_{0};             // as stored
  std::optional<Instant> stored_at_;  // on the line; none: no row of this boot
  std::uint64_t parted_ = 0;
};

}  // namespace troupe
