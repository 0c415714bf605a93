// A parsed JSON text, flat: the nodes in the order of the text, each container followed by its
// contents. Only what the rules know is kept apart; the inside of free-form parts, of unknown
// fields and of values of the wrong type is checked and stays a slice of the text.
#pragma once

#include "runtime/base/result.h"
#include "runtime/transcode/rules.h"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transcode {

struct Node {
  enum class Kind : std::uint8_t { null, no, yes, number, string, object, array };
  static constexpr std::uint16_t no_field = std::numeric_limits<std::uint16_t>::max();

  Kind kind = Kind::null;
  std::uint16_t field = no_field;  // of a key in a struct: its index in StructRules::fields
  std::uint32_t begin = 0;         // in the text; of a string: in the decoded strings
  std::uint32_t end = 0;
  std::uint32_t after = 0;  // index of the node after this one and its contents
  std::uint32_t count = 0;  // of members (a key and a value each) or items, if these were kept
};

class Tape {
 public:
  std::string_view source() const { return source_; }
  const Node& node(std::uint32_t index) const { return nodes_[index]; }
  /// Index of the first key or item of a container that has any: they follow it at once.
  std::uint32_t first_inside(const Node& container) const {
    return static_cast<std::uint32_t>(&container - nodes_.data()) + 1;
  }

  /// A node's own characters.
  std::string_view slice(const Node& node) const {
    return source_.substr(node.begin, node.end - node.begin);
  }
  /// A string's contents; a zero byte follows them.
  std::string_view text(const Node& node) const {
    return std::string_view(strings_).substr(node.begin, node.end - node.begin);
  }

 private:
  friend class TapeWriter;
  std::string_view source_;  // borrowed
  std::string strings_;
  std::vector<Node> nodes_;
};

/// Parses `json`, which the tape borrows, expecting a value with these rules.
/// Fails with `invalid` if it is not JSON, saying the line and column, or is over a limit.
Result<Tape> parse_json(std::string_view json, const ValueRules& expected);

/// Whether `json` is an object; if not, `problem` says why.
bool is_json_object(std::string_view json, std::string& problem);

/// Whether `json` is any value at all; if not, `problem` says why.
bool is_json(std::string_view json, std::string& problem);

/// `json` without the white space between its parts; nothing else changes.
std::string compact_json(std::string_view json);

}  // namespace troupe::transcode
