// What a group file says, as a tree whose every node knows where it was written; definitions are
// made of the same nodes. Scalars keep their text, so `3.10` and `no` survive where text is wanted.
#pragma once

#include "runtime/base/time.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::group_file {

/// Where something was written. Both count from 1; 0 is nowhere (it was filled in).
struct Position {
  std::size_t line = 0;
  std::size_t column = 0;

  auto operator<=>(const Position&) const = default;
};

struct Member;

struct Value {
  enum class Kind : std::uint8_t {
    null,
    boolean,
    number,
    text,
    list,
    map,
    task_id,  // the id of a task of the file, known only when ids are given
    time,     // so long after now, known only then
  };

  Kind kind = Kind::null;
  std::string text;             // of a scalar, as it was written
  std::vector<Value> items;     // of a list
  std::vector<Member> members;  // of a map, in the order written
  std::size_t task = 0;         // of a task_id: which one
  Duration from_now{0};         // of a time
  Position at;

  bool is_map() const { return kind == Kind::map; }
  bool is_list() const { return kind == Kind::list; }
  bool is_text() const { return kind == Kind::text; }
  /// Null counts: `~` is text to whoever wants text.
  bool is_scalar() const { return kind <= Kind::text; }

  /// The member of a map, or nullptr.
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);

  /// Replaces or appends a member of a map.
  Value& set(std::string_view key, Value value);

  /// The member of a map, made an empty map if absent or something else.
  Value& map_at(std::string_view key);

  void erase(std::string_view key);
};

struct Member {
  std::string key;
  Position key_at;
  Value value;
};

Value make_text(std::string_view text, Position at = {});
Value make_integer(std::int64_t number, Position at = {});
Value make_map(Position at = {});
Value make_list(Position at = {});
Value make_task_id(std::size_t task, Position at = {});
Value make_time(Duration from_now, Position at = {});

/// Fills in what `over` lacks from `base`: maps merge by key, everything else of `over` stays.
void merge(Value& over, const Value& base);

/// Appends `item` unless the list holds that text already.
void add_text_once(Value& list, std::string_view text, Position at = {});

/// Where the part of `root` at a path such as `payload.mounts[2].file` was written; if it was not,
/// the nearest part around it that was. Line 0 if none was.
Position position_of(const Value& root, std::string_view path);

/// `a map`, `a list`, `text`...: for messages.
const char* describe(const Value& value);

/// What is known only when tasks are made.
struct Late {
  std::span<const std::string> task_ids = {};  // of the n-th task of the file
  Instant now = {};
};

/// JSON in the order written.
std::string to_json(const Value& value, const Late& late);

}  // namespace troupe::group_file
