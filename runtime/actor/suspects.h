// What is being handled at this moment, in a file that outlives the process however it ends. What
// still stands there at a start was being handled when the last process ended, and is suspected of
// having ended it.
//
// Threads: any.
#pragma once

#include "runtime/actor/delivery.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

namespace troupe {

class Suspects {
 public:
  /// Names a message from one process to the next; 0 for commands, which none delivers again.
  using Name = std::uint64_t;
  static Name name_of(const Delivery& delivery);

  /// Takes over what the file `path` says of the last process; makes the file if there is none.
  /// With an empty path, or where no file can be made, nothing outlives the process.
  explicit Suspects(const std::string& path);
  ~Suspects();
  Suspects(const Suspects&) = delete;
  Suspects& operator=(const Suspects&) = delete;

  /// Why nothing outlives this process although a path was given; empty if something does.
  const std::string& problem() const { return problem_; }

  /// How many processes in a row have ended while they handled it.
  std::uint32_t ends(Name name) const;

  /// Suspects it no longer: it is parked, or has been handled.
  void acquit(Name name);

 private:
  // One message that is being handled. A cache line of its own: threads write them all the time.
  struct alignas(64) Slot {
    std::atomic<Name> name;           // 0: free
    std::atomic<std::uint32_t> ends;  // before this process
  };
  static constexpr std::size_t slots_max = 256;
  using Slots = std::array<Slot, slots_max>;

 public:
  /// Says, while it lives, that the message is being handled.
  class Handling {
   public:
    Handling(Suspects& suspects, Name name);
    ~Handling();
    Handling(const Handling&) = delete;
    Handling& operator=(const Handling&) = delete;

   private:
    Slot* slot_ = nullptr;  // none if all are taken, or there is nothing to say
  };

 private:
  void take_over();

  std::string problem_;
  Slots* slots_ = nullptr;  // in the file
  std::atomic<bool> any_{false};
  mutable std::mutex mutex_;  // guards the next
  std::unordered_map<Name, std::uint32_t> ends_;
};

}  // namespace troupe
