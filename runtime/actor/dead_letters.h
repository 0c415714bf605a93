// Messages that no handler could process: read, put back, or thrown away by operators.
//
// A letter is settled once: whoever comes while its row is still on disk, but another call has
// queued its end, finds none. So nothing is delivered twice, however impatient people are.
#pragma once

#include "runtime/actor/delivery.h"
#include "runtime/store/committer.h"

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace troupe {

/// The error of a message that was parked because of crashes. All others are from its handler.
inline constexpr std::string_view error_of_crashes =
    "the process ended while it was handled, twice in a row";

struct DeadLetter {
  Delivery delivery;  // as it was when it was given up
  std::string error;  // of its last attempt
  Instant parked;
};

/// Requires a row that `encode_dead_letter` made.
DeadLetter decode_dead_letter(std::uint64_t number, WordSpan row);

/// Nothing if there is none of this number.
std::optional<DeadLetter> find_dead_letter(const Snapshot& snapshot, std::uint64_t number);

/// Visits those with a number greater than `after`, in order, until the visitor says false.
void scan_dead_letters(const Snapshot& snapshot,
                       std::uint64_t after,
                       const std::function<bool(const DeadLetter&)>& visit);

/// Threads: any.
class DeadLetters {
 public:
  /// Called on the committer's thread once the outcome is on disk.
  using OnSettled = std::function<void(Status)>;

  /// Borrows both.
  DeadLetters(Store& store, Committer& committer) : store_(store), committer_(committer) {}

  /// Moves the letter into the inbox and answers what to deliver; nothing if there is none.
  std::optional<Delivery> retry(std::uint64_t number, OnSettled done);

  /// Deletes the letter.
  void discard(std::uint64_t number, OnSettled done);

 private:
  std::optional<Delivery> settle(std::uint64_t number, bool retry, OnSettled done);

  Store& store_;
  Committer& committer_;

  std::mutex mutex_;
  std::set<std::uint64_t> settling_;  // under mutex_: their ends are not on disk yet
};

}  // namespace troupe
