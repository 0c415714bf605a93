// What is said to a task queue: by tasks, by workers and by edges.
#pragma once

#include "tests/actors/support/messages.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace troupe::test {

using Resources = std::map<std::string, std::uint64_t>;

/// A run that becomes pending.
struct NewEntry {
  std::uint64_t number = 0;
  Priority priority = Priority::LOWEST;
  std::uint32_t run = 0;
  std::string key = {};  // of its concurrency limit
  std::uint32_t limit = 0;
  Resources demands = {};
  Instant created = start;  // its task
};
Bytes put_entry(const NewEntry& entry);
Bytes remove_entry(Priority priority, std::uint64_t number);
Bytes move_entry(Priority from, std::uint64_t number, Priority to);
Bytes claim_done(std::uint64_t number);
/// The run of an entry is claimed by its name.
Bytes claim_entry(Priority priority, std::uint64_t number, const std::string& worker);

struct Answer {
  std::uint64_t session = 0;
  bool accepted = true;
  std::uint64_t token = 0;
  std::uint64_t number = 0;
  std::uint32_t run = 0;
};
Bytes claim_answer(const Answer& answer);

/// Slots of a worker that has no more than `offer`.
Bytes await_within(const Slots& slots, const Resources& offer);

struct WorkWanted {
  std::string worker = "g/w";
  std::uint64_t session = 1;
  std::uint32_t tasks = 1;
  std::string request_id = {};
};
Bytes claim_work(const WorkWanted& wanted);
Bytes stop_waiting(std::uint64_t session);
Bytes quarantine(const std::string& worker, Instant until);
Bytes keep_active(Instant until);

}  // namespace troupe::test
