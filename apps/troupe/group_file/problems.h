// Everything that is wrong with a file, told at once.
#pragma once

#include "apps/troupe/group_file/value.h"
#include "runtime/base/result.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::group_file {

/// Collects what is wrong; the reader goes on after each.
class Problems {
 public:
  explicit Problems(std::string file_name) : file_name_(std::move(file_name)) {}

  /// The same text at the same place counts once: a matrix reads one line many times.
  void add(Position at, std::string message);

  /// Whether something is wrong at this place already.
  bool has(Position at) const;

  /// Forgets all: the file turned out to be of another kind.
  void clear() { found_.clear(); }

  bool empty() const { return found_.empty(); }

  /// One `file:line:column: message` a line, in the order of the file; the first hundred.
  Error error() const;

 private:
  std::string file_name_;
  std::vector<std::pair<Position, std::string>> found_;
};

/// `name` between backquotes, for a message: cut to 64 bytes, control characters escaped.
std::string quoted_name(std::string_view name);

/// `; did you mean X?` with the nearest of `known`, or nothing if none is near.
std::string nearest_hint(std::string_view name, const std::vector<std::string>& known);

}  // namespace troupe::group_file
