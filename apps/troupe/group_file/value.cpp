#include "apps/troupe/group_file/value.h"

#include "apps/troupe/group_file/scalars.h"
#include "runtime/base/assert.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <charconv>

namespace troupe::group_file {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void write_text(Writer& writer, const std::string& text) {
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void write(Writer& writer, const Value& value, const Late& late) {
  switch (value.kind) {
    case Value::Kind::null: writer.Null(); break;
    case Value::Kind::boolean: writer.Bool(value.text[0] == 't' || value.text[0] == 'T'); break;
    case Value::Kind::number: {
      const std::string number = json_number(value.text);
      writer.RawValue(number.data(), number.size(), rapidjson::kNumberType);
      break;
    }
    case Value::Kind::text: write_text(writer, value.text); break;
    case Value::Kind::task_id:
      TROUPE_EXPECTS(value.task < late.task_ids.size());
      write_text(writer, late.task_ids[value.task]);
      break;
    case Value::Kind::time: write_text(writer, format_time(late.now + value.from_now)); break;
    case Value::Kind::list:
      writer.StartArray();
      for (const Value& item : value.items) write(writer, item, late);
      writer.EndArray();
      break;
    case Value::Kind::map:
      writer.StartObject();
      for (const Member& member : value.members) {
        write_text(writer, member.key);
        write(writer, member.value, late);
      }
      writer.EndObject();
      break;
  }
}

// Takes the first step off `path`: `name`, `.name`, `[2]` or `["any key"]`. Nothing if the part is
// not there.
const Value* step(const Value& from, std::string_view& path) {
  if (path.starts_with('[')) {
    const bool is_key = path.starts_with("[\"");
    const auto end = path.find(is_key ? "\"]" : "]");
    if (end == std::string_view::npos) return nullptr;
    const std::string_view inside = path.substr(is_key ? 2 : 1, end - (is_key ? 2 : 1));
    path.remove_prefix(end + (is_key ? 2 : 1));
    if (is_key) return from.find(inside);
    std::size_t index = 0;
    std::from_chars(inside.data(), inside.data() + inside.size(), index);
    return index < from.items.size() ? &from.items[index] : nullptr;
  }
  if (path.starts_with('.')) path.remove_prefix(1);
  const std::string_view name = path.substr(0, path.find_first_of(".["));
  path.remove_prefix(name.size());
  return from.find(name);
}

}  // namespace

const Value* Value::find(std::string_view key) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [key](const Member& member) { return member.key == key; });
  return found == members.end() ? nullptr : &found->value;
}

Value* Value::find(std::string_view key) {
  return const_cast<Value*>(std::as_const(*this).find(key));
}

Value& Value::set(std::string_view key, Value value) {
  if (Value* old = find(key)) {
    *old = std::move(value);
    return *old;
  }
  const Position position = value.at;
  members.push_back(Member{std::string(key), position, std::move(value)});
  return members.back().value;
}

Value& Value::map_at(std::string_view key) {
  Value* old = find(key);
  if (old != nullptr && old->is_map()) return *old;
  return set(key, make_map(at));
}

void Value::erase(std::string_view key) {
  std::erase_if(members, [key](const Member& member) { return member.key == key; });
}

Value make_text(std::string_view text, Position at) {
  Value value;
  value.kind = Value::Kind::text;
  value.text = text;
  value.at = at;
  return value;
}

Value make_integer(std::int64_t number, Position at) {
  Value value = make_text(std::to_string(number), at);
  value.kind = Value::Kind::number;
  return value;
}

Value make_map(Position at) {
  Value value;
  value.kind = Value::Kind::map;
  value.at = at;
  return value;
}

Value make_list(Position at) {
  Value value;
  value.kind = Value::Kind::list;
  value.at = at;
  return value;
}

Value make_task_id(std::size_t task, Position at) {
  Value value;
  value.kind = Value::Kind::task_id;
  value.task = task;
  value.at = at;
  return value;
}

Value make_time(Duration from_now, Position at) {
  Value value;
  value.kind = Value::Kind::time;
  value.from_now = from_now;
  value.at = at;
  return value;
}

void merge(Value& over, const Value& base) {
  if (!over.is_map() || !base.is_map()) return;
  for (const Member& member : base.members) {
    if (Value* own = over.find(member.key)) {
      merge(*own, member.value);
    } else {
      over.members.push_back(member);
    }
  }
}

void add_text_once(Value& list, std::string_view text, Position at) {
  const bool held = std::any_of(list.items.begin(), list.items.end(),
                                [text](const Value& item) { return item.text == text; });
  if (!held) list.items.push_back(make_text(text, at));
}

Position position_of(const Value& root, std::string_view path) {
  Position nearest = root.at;
  const Value* part = &root;
  while (!path.empty()) {
    part = step(*part, path);
    if (part == nullptr) break;
    if (part->at.line != 0) nearest = part->at;
  }
  return nearest;
}

const char* describe(const Value& value) {
  switch (value.kind) {
    case Value::Kind::null: return "nothing";
    case Value::Kind::boolean: return "a boolean";
    case Value::Kind::number: return "a number";
    case Value::Kind::text: return "text";
    case Value::Kind::list: return "a list";
    case Value::Kind::map: return "a map";
    case Value::Kind::task_id: return "a task id";
    case Value::Kind::time: return "a time";
  }
  return "nothing";
}

std::string to_json(const Value& value, const Late& late) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  write(writer, value, late);
  return std::string(buffer.GetString(), buffer.GetSize());
}

}  // namespace troupe::group_file
