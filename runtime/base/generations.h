// A memory of bounded size for what is asked for again and again.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>

namespace troupe {

/// Limits of each of two generations: of both together there is twice as much at most, and one
/// value more that alone is beyond the limit.
struct GenerationLimits {
  std::size_t count_max;
  std::size_t bytes_max;
};

/// Values by text, in two generations: when the younger is full, it becomes the older, whose values
/// go unless they were asked for since. For one thread at a time.
template <class Value>
class Generations {
 public:
  explicit Generations(GenerationLimits limits) : limits_(limits) {}

  /// Null if there is none. Valid until the next call of any function.
  const Value* find(const std::string& key) {
    if (const auto at = young_.find(key); at != young_.end()) return &at->second.value;
    const auto at = old_.find(key);
    if (at == old_.end()) return nullptr;
    Entry entry = std::move(at->second);
    old_.erase(at);
    return &add(key, std::move(entry)).value;
  }

  /// In place of what has the key, if anything. `bytes`: what the value takes, without the key.
  void keep(const std::string& key, Value value, std::size_t bytes) {
    if (const auto at = young_.find(key); at != young_.end()) {
      young_bytes_ -= at->second.bytes;
      young_.erase(at);
    }
    old_.erase(key);
    add(key, {std::move(value), key.size() + bytes});
  }

  void clear() {
    young_.clear();
    old_.clear();
    young_bytes_ = 0;
  }

  std::size_t size() const { return young_.size() + old_.size(); }

 private:
  struct Entry {
    Value value;
    std::size_t bytes;
  };
  using Entries = std::unordered_map<std::string, Entry>;

  Entry& add(const std::string& key, Entry entry) {
    if (young_.size() == limits_.count_max || young_bytes_ + entry.bytes > limits_.bytes_max) {
      old_ = std::exchange(young_, {});
      young_bytes_ = 0;
    }
    young_bytes_ += entry.bytes;
    return young_.emplace(key, std::move(entry)).first->second;
  }

  const GenerationLimits limits_;
  Entries young_;
  Entries old_;
  std::size_t young_bytes_ = 0;
};

}  // namespace troupe
