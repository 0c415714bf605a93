// What holds a task back in its queue beside its priority, as its definition says in `extra`:
//
//   "extra": {
//     "concurrency": {"key": "deploy", "limit": 2},
//     "resources": {"cpu": 1.5, "memory": "4GiB", "licence": 1}
//   }
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {
struct FieldError;
}

namespace troupe::task {

/// An amount of something that a run uses up while it runs.
struct Demand {
  std::string name;          // `cpu`, `memory` or a token's name
  std::uint64_t amount = 0;  // thousandths of a processor, bytes or a number of tokens

  bool operator==(const Demand&) const = default;
};

struct Limits {
  std::string concurrency_key;          // runs of one key in one queue are limited; empty: not
  std::uint32_t concurrency_limit = 0;  // how many of them at once
  std::vector<Demand> demands;          // sorted by name; none of nothing

  bool any() const { return !concurrency_key.empty() || !demands.empty(); }
  bool operator==(const Limits&) const = default;
};

/// The limits in a definition's `extra`, which is JSON. What is wrong goes to `faults`, with the
/// path of its field; the rest is read all the same.
Limits read_limits(std::string_view extra, std::vector<FieldError>& faults);

}  // namespace troupe::task
