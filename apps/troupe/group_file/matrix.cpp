#include "apps/troupe/group_file/matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace troupe::group_file {
namespace {

constexpr std::size_t combinations_max = 10'000;

bool is_variable_name(std::string_view name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
  });
}

// The values of one name; empty if it is malformed.
std::vector<std::string> values_of(const Member& member, Problems& problems) {
  if (!is_variable_name(member.key)) {
    problems.add(member.key_at,
                 fmt::format("`{}` cannot name a variable: letters, digits and `_`", member.key));
    return {};
  }
  if (!member.value.is_list() || member.value.items.empty()) {
    problems.add(member.value.at,
                 fmt::format("matrix: `{}` is a list of at least one value", member.key));
    return {};
  }
  std::vector<std::string> values;
  std::set<std::string> seen;
  for (const Value& item : member.value.items) {
    if (!item.is_scalar()) {
      problems.add(item.at, fmt::format("matrix: a value is text, not {}", describe(item)));
      return {};
    }
    if (!seen.insert(item.text).second) {
      problems.add(item.at, fmt::format("matrix: `{}` has `{}` twice", member.key, item.text));
    }
    values.push_back(item.text);
  }
  return values;
}

class Substitution {
 public:
  Substitution(const Combination& combination, Problems& problems)
      : combination_(combination), problems_(problems) {}

  void apply(Value& value, bool strict) {
    if (value.is_text()) value.text = replace(value.text, value.at, strict);
    for (Value& item : value.items) apply(item, strict);
    for (Member& member : value.members) {
      member.key = replace(member.key, member.key_at, strict);
      apply(member.value, strict);
    }
  }

 private:
  std::string replace(const std::string& text, Position at, bool strict) {
    std::string out;
    std::size_t from = 0;
    for (;;) {
      const auto start = text.find("${", from);
      const auto end = start == std::string::npos ? start : text.find('}', start);
      if (end == std::string::npos) break;
      const std::string name = text.substr(start + 2, end - start - 2);
      const auto found = std::find_if(combination_.begin(), combination_.end(),
                                      [&name](const auto& pair) { return pair.first == name; });
      out.append(text, from, start - from);
      if (found != combination_.end()) {
        out += found->second;
      } else {
        out.append(text, start, end + 1 - start);
        if (strict) report_unknown(name, at);
      }
      from = end + 1;
    }
    return out.append(text, from);
  }

  void report_unknown(const std::string& name, Position at) {
    std::vector<std::string> known;
    for (const auto& [known_name, value] : combination_) known.push_back(known_name);
    problems_.add(at, fmt::format("`{}` is not in the matrix{}", name, nearest_hint(name, known)));
  }

  const Combination& combination_;
  Problems& problems_;
};

}  // namespace

std::vector<Combination> combinations(const Value* matrix, Problems& problems) {
  std::vector<Combination> all = {{}};
  if (matrix == nullptr) return all;
  if (!matrix->is_map() || matrix->members.empty()) {
    problems.add(matrix->at, "`matrix` is a map of names to lists of values");
    return all;
  }
  for (const Member& member : matrix->members) {
    const std::vector<std::string> values = values_of(member, problems);
    if (values.empty()) continue;
    if (all.size() * values.size() > combinations_max) {
      problems.add(matrix->at, fmt::format("a matrix of more than {} tasks", combinations_max));
      return all;
    }
    std::vector<Combination> longer;
    longer.reserve(all.size() * values.size());
    for (const Combination& combination : all) {
      for (const std::string& value : values) {
        longer.push_back(combination);
        longer.back().emplace_back(member.key, value);
      }
    }
    all = std::move(longer);
  }
  return all;
}

std::string combined_name(const std::string& task, const Combination& combination) {
  std::string name = task;
  for (const auto& [variable, value] : combination) {
    name += '-';
    for (const char c : value) {
      const bool fits = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' ||
                        c == '-' || c == '+' || c == '=' || static_cast<unsigned char>(c) >= 0x80;
      name += fits ? c : '-';
    }
  }
  return name;
}

void substitute(Value& task, const Combination& combination, Problems& problems) {
  if (combination.empty()) return;
  Substitution substitution(combination, problems);
  for (Member& member : task.members) {
    if (member.key == "run" || member.key == "matrix") continue;
    substitution.apply(member.value, member.key != "payload");
  }
  Value& payload = task.map_at("payload");
  Value& env = payload.map_at("env");
  for (const auto& [name, value] : combination) env.set(name, make_text(value));
}

}  // namespace troupe::group_file
