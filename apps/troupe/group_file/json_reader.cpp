#include "apps/troupe/group_file/json_reader.h"

#include <fmt/format.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace troupe::group_file {
namespace {

// Offsets to lines and columns.
class Lines {
 public:
  explicit Lines(std::string_view text) : starts_{0} {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts_.push_back(i + 1);
    }
  }
  Position at(std::size_t offset) const {
    const auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
    return {static_cast<std::size_t>(next - starts_.begin()), offset - *(next - 1) + 1};
  }

 private:
  std::vector<std::size_t> starts_;
};

// RapidJSON's events, in the names that it demands. The stream stands behind each scalar, but
// before the bracket that opens a list or map.
class Builder {
 public:
  Builder(std::string_view text, rapidjson::MemoryStream& stream, Problems& problems)
      : text_(text), stream_(stream), lines_(text), problems_(problems) {}

  bool Null() { return scalar(Value::Kind::null, "null", stream_.Tell() - 4); }
  bool Bool(bool value) {
    const std::string_view word = value ? "true" : "false";
    return scalar(Value::Kind::boolean, word, stream_.Tell() - word.size());
  }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    return scalar(Value::Kind::number, {text, size}, stream_.Tell() - size);
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return scalar(Value::Kind::text, {text, size}, string_start());
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    Open& open = stack_.back();
    open.key = std::string(text, size);
    open.key_at = lines_.at(string_start());
    return true;
  }
  bool StartObject() { return start(make_map(lines_.at(stream_.Tell()))); }
  bool StartArray() { return start(make_list(lines_.at(stream_.Tell()))); }
  bool EndObject(rapidjson::SizeType) { return end(); }
  bool EndArray(rapidjson::SizeType) { return end(); }

  // With numbers as text, none of these is called.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

  bool too_deep() const { return too_deep_; }
  Value take() { return std::move(root_); }

 private:
  struct Open {
    Value value;
    std::map<std::string, std::size_t> lines_of_keys;
    std::string key;  // of the member that comes next
    Position key_at;
  };

  // Inside a string a quote has an odd number of backslashes before it.
  std::size_t string_start() const {
    std::size_t start = stream_.Tell() - 2;
    for (;; --start) {
      if (text_[start] != '"') continue;
      std::size_t backslashes = 0;
      while (backslashes < start && text_[start - 1 - backslashes] == '\\') ++backslashes;
      if (backslashes % 2 == 0) return start;
    }
  }

  bool scalar(Value::Kind kind, std::string_view text, std::size_t offset) {
    Value value = make_text(text, lines_.at(offset));
    value.kind = kind;
    return add(std::move(value));
  }

  bool start(Value value) {
    if (stack_.size() == nesting_max) {
      problems_.add(value.at, "nested too deeply");
      too_deep_ = true;
      return false;
    }
    stack_.push_back(Open{std::move(value), {}, {}, {}});
    return true;
  }

  bool end() {
    Value value = std::move(stack_.back().value);
    stack_.pop_back();
    return add(std::move(value));
  }

  bool add(Value value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Open& open = stack_.back();
    if (open.value.is_list()) {
      open.value.items.push_back(std::move(value));
      return true;
    }
    const auto [first, is_new] = open.lines_of_keys.emplace(open.key, open.key_at.line);
    if (is_new) {
      open.value.members.push_back(Member{open.key, open.key_at, std::move(value)});
    } else {
      problems_.add(open.key_at, fmt::format("duplicate key {}; the first is in line {}",
                                             quoted_name(open.key), first->second));
    }
    return true;
  }

  std::string_view text_;
  rapidjson::MemoryStream& stream_;
  const Lines lines_;
  Problems& problems_;
  std::vector<Open> stack_;
  Value root_;
  bool too_deep_ = false;
};

}  // namespace

std::optional<Value> read_json(std::string_view text, Problems& problems) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '{') return std::nullopt;
  rapidjson::MemoryStream stream(text.data(), text.size());
  Problems found = problems;
  Builder builder(text, stream, found);
  rapidjson::Reader reader;
  constexpr unsigned flags = rapidjson::kParseIterativeFlag |
                             rapidjson::kParseNumbersAsStringsFlag |
                             rapidjson::kParseValidateEncodingFlag;
  const bool whole = !reader.Parse<flags>(stream, builder).IsError();
  if (!whole && !builder.too_deep()) return std::nullopt;
  problems = std::move(found);
  if (!whole) return std::nullopt;
  return builder.take();
}

}  // namespace troupe::group_file
