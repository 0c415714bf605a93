#include "apps/troupe/group_file/reader.h"

#include "apps/troupe/group_file/json_reader.h"
#include "apps/troupe/group_file/scalars.h"
#include "runtime/base/utf8.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace troupe::group_file {
namespace {

// Aliases may repeat a part of the file; this bounds what they unfold to.
constexpr std::size_t nodes_max = 1'000'000;

Position position_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
}

std::vector<std::string_view> split_lines(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

// Programs, archives and the like, given by mistake: what a parser says of them helps nobody. It
// would also take UTF-16, whose positions would not be ours.
bool check_text(std::string_view text, Problems& problems) {
  const std::size_t fault = std::min(utf8_fault(text).value_or(text.size()), text.find('\0'));
  if (fault >= text.size()) return true;
  const std::string_view before = text.substr(0, fault);
  const auto line_start = before.rfind('\n') + 1;  // 0 in the first line
  const Position at{static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1,
                    fault - line_start + 1};
  problems.add(at, fmt::format("not UTF-8 text: byte {} of the file is 0x{:02x}; save it as UTF-8, "
                               "or name another file",
                               fault + 1, static_cast<unsigned char>(text[fault])));
  return false;
}

// The parser's messages may hold what it stumbled over.
std::string printable(const std::string& message) {
  std::string text;
  for (const char c : message) text += c >= ' ' && c <= '~' ? c : '?';
  return text;
}

class Reader {
 public:
  Reader(std::string_view text, Problems& problems)
      : lines_(split_lines(text)), problems_(problems) {}

  Value convert(const YAML::Node& node, std::size_t depth) {
    Value value;
    value.at = position_of(node.Mark());
    if (++nodes_ > nodes_max || depth > nesting_max) {
      if (!too_large_) {
        problems_.add(value.at, nodes_ > nodes_max ? "the file unfolds to too many values"
                                                   : "nested too deeply");
      }
      too_large_ = true;
      return value;
    }
    check_tag(node, value.at);
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null: value.text = null_text(value.at); break;
      case YAML::NodeType::Scalar: convert_scalar(node, value); break;
      case YAML::NodeType::Sequence:
        value.kind = Value::Kind::list;
        for (const auto& item : node) {
          value.items.push_back(convert(item, depth + 1));
          if (too_large_) break;
        }
        break;
      case YAML::NodeType::Map: convert_map(node, depth, value); break;
    }
    return value;
  }

 private:
  void check_tag(const YAML::Node& node, Position at) {
    const std::string& tag = node.Tag();
    constexpr std::string_view standard = "tag:yaml.org,2002:";
    static const std::set<std::string_view> known = {"str",  "int", "float", "bool",
                                                     "null", "seq", "map"};
    if (tag.empty() || tag == "?" || tag == "!") return;
    const std::string_view name(tag);
    if (name.starts_with(standard) && known.contains(name.substr(standard.size()))) return;
    problems_.add(at, fmt::format("the tag {} means nothing here; leave it out", quoted_name(tag)));
  }

  void convert_scalar(const YAML::Node& node, Value& value) {
    value.text = node.Scalar();
    const std::string& tag = node.Tag();
    const bool plain = tag != "!" && tag != "tag:yaml.org,2002:str";
    value.kind = plain ? plain_scalar_kind(value.text) : Value::Kind::text;
  }

  void convert_map(const YAML::Node& node, std::size_t depth, Value& value) {
    value.kind = Value::Kind::map;
    std::map<std::string, std::size_t> lines_of_keys;
    for (const auto& pair : node) {
      Value key = convert(pair.first, depth + 1);
      Value member = convert(pair.second, depth + 1);
      if (too_large_) return;
      if (!key.is_scalar()) {
        problems_.add(key.at, fmt::format("a key is text, not {}", describe(key)));
        continue;
      }
      if (key.text == "<<" && pair.first.Tag() != "!") {
        problems_.add(key.at, "`<<` is not supported; write the keys out, or use `defaults`");
        continue;
      }
      // A value that was left out is marked where the next token stands.
      if (member.kind == Value::Kind::null && member.text.empty()) member.at = key.at;
      const auto [first, is_new] = lines_of_keys.emplace(key.text, key.at.line);
      if (!is_new) {
        problems_.add(key.at, fmt::format("duplicate key {}; the first is in line {}",
                                          quoted_name(key.text), first->second));
        continue;
      }
      value.members.push_back(Member{key.text, key.at, std::move(member)});
    }
  }

  // yaml-cpp drops the text of a null; where text is wanted, `null` and `~` mean themselves.
  std::string null_text(Position at) const {
    if (at.line == 0 || at.line > lines_.size()) return "";
    const std::string_view line = lines_[at.line - 1];
    if (at.column > line.size()) return "";
    const std::string_view rest = line.substr(at.column - 1);
    const std::string_view word = rest.substr(0, rest.find_first_of(" \t\r,]}#:"));
    return plain_scalar_kind(word) == Value::Kind::null ? std::string(word) : "";
  }

  std::vector<std::string_view> lines_;
  Problems& problems_;
  std::size_t nodes_ = 0;
  bool too_large_ = false;
};

}  // namespace

std::optional<Value> read_document(std::string_view text, Problems& problems) {
  if (!check_text(text, problems)) return std::nullopt;
  if (auto json = read_json(text, problems)) return json;
  if (!problems.empty()) return std::nullopt;
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.empty()) {
      problems.add({1, 1}, "the file is empty");
      return std::nullopt;
    }
    if (documents.size() > 1) {
      problems.add(position_of(documents[1].Mark()), "a second document; a file holds one");
    }
    return Reader(text, problems).convert(documents[0], 0);
  } catch (const YAML::Exception& exception) {
    problems.add(position_of(exception.mark),
                 fmt::format("not YAML: {}", printable(exception.msg)));
    return std::nullopt;
  }
}

}  // namespace troupe::group_file
