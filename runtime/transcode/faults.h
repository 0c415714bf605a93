// Collects what is wrong with an input, and says where.
#pragma once

#include "runtime/transcode/json.h"

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transcode {

/// Where in the input we are: a chain of stack frames, rendered only if something is wrong there.
struct Path {
  static constexpr std::size_t no_index = std::numeric_limits<std::size_t>::max();

  const Path* parent = nullptr;
  std::string_view name = {};    // of a field or a key; empty at the top
  std::size_t index = no_index;  // of an item of a list

  std::string render() const;
};

class Faults {
 public:
  void add(const Path& path, std::string message);
  std::size_t count() const { return errors_.size(); }
  std::vector<FieldError> take() { return std::move(errors_); }

 private:
  std::vector<FieldError> errors_;
};

/// `text` in quotes for a message: cut to 64 bytes, control characters escaped.
std::string quoted(std::string_view text);

/// The name that was probably meant, empty if none is near. Case, `_` and `-` do not count.
std::string_view nearest_name(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace troupe::transcode
