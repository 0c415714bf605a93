#include "apps/troupe/group_file/fields.h"

#include "runtime/base/counted.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace troupe::group_file {
namespace {

// Of one map: whoever has more of them wrote another kind of file.
constexpr std::size_t unknown_keys_max = 5;

struct TwoForms {
  std::string_view one;
  std::string_view other;
  bool exclusive;  // both in one place are an error; else only defaults give way
};

constexpr std::array two_forms = {
    TwoForms{"queue", "taskQueueId", true},
    TwoForms{"queue", "provisionerId", true},
    TwoForms{"queue", "workerType", true},
    TwoForms{"taskQueueId", "provisionerId", false},
    TwoForms{"taskQueueId", "workerType", false},
    TwoForms{"run", "payload.command", true},
    TwoForms{"env", "payload.env", true},
    TwoForms{"maxRunTime", "payload.maxRunTime", true},
    TwoForms{"artifacts", "payload.artifacts", true},
    TwoForms{"needs", "dependencies", true},
    TwoForms{"retryOn", "payload.onExitStatus.retry", true},
};

const std::vector<std::string>& task_keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> all = {"queue", "run",    "env",    "maxRunTime", "artifacts",
                                    "needs", "inputs", "caches", "retryOn",    "matrix"};
    all.insert(all.end(), definition_fields().begin(), definition_fields().end());
    return all;
  }();
  return keys;
}

// The value at a path such as `payload.onExitStatus.retry`.
const Value* find_path(const Value& root, std::string_view path) {
  const Value* at = &root;
  while (at != nullptr && !path.empty()) {
    const auto dot = path.find('.');
    at = at->find(path.substr(0, dot));
    path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
  }
  return at;
}

void erase_path(Value& root, std::string_view path) {
  Value* at = &root;
  for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
    at = at->find(path.substr(0, dot));
    if (at == nullptr) return;
    path.remove_prefix(dot + 1);
  }
  at->erase(path);
}

Position key_position(const Value& map, std::string_view key) {
  const auto found = std::find_if(map.members.begin(), map.members.end(),
                                  [key](const Member& member) { return member.key == key; });
  return found == map.members.end() ? map.at : found->key_at;
}

void check_list_of_text(const Value& list, std::string_view field, Problems& problems) {
  for (const Value& item : list.items) {
    if (!item.is_text()) {
      problems.add(item.at, fmt::format("{}: an item is text, not {}", field, describe(item)));
    }
  }
}

}  // namespace

const std::vector<std::string>& definition_fields() {
  static const std::vector<std::string> fields = {
      "taskQueueId", "provisionerId", "workerType", "schedulerId", "projectId",
      "taskGroupId", "dependencies",  "requires",   "routes",      "priority",
      "retries",     "created",       "deadline",   "expires",     "scopes",
      "payload",     "metadata",      "tags",       "extra"};
  return fields;
}

void check_keys(const Value& map, const std::vector<std::string>& known, Problems& problems) {
  std::size_t unknown = 0;
  Position last;
  for (const Member& member : map.members) {
    if (std::find(known.begin(), known.end(), member.key) != known.end()) continue;
    last = member.key_at;
    if (++unknown > unknown_keys_max) continue;
    problems.add(member.key_at, fmt::format("unknown key {}{}", quoted_name(member.key),
                                            nearest_hint(member.key, known)));
  }
  if (unknown <= unknown_keys_max) return;
  const std::size_t rest = unknown - unknown_keys_max;
  problems.add(last, fmt::format("{}, the last one here", counted(rest, "more unknown key")));
}

bool resembles(const Value& map, const std::vector<std::string>& known) {
  return std::any_of(map.members.begin(), map.members.end(), [&known](const Member& member) {
    return std::find(known.begin(), known.end(), member.key) != known.end() ||
           !nearest_hint(member.key, known).empty();
  });
}

bool normalise_fields(Value& task, const char* what, Problems& problems) {
  if (!task.is_map()) {
    problems.add(task.at, fmt::format("{} is a map, not {}", what, describe(task)));
    return false;
  }
  check_keys(task, task_keys(), problems);
  for (const TwoForms& forms : two_forms) {
    if (!forms.exclusive || find_path(task, forms.other) == nullptr) continue;
    if (task.find(forms.one) == nullptr) continue;
    problems.add(key_position(task, forms.one),
                 fmt::format("`{}` and `{}` say the same thing; keep one", forms.one, forms.other));
  }
  check_types(task, problems);
  if (const Value* env = task.find("env")) {
    Value moved = *env;
    task.erase("env");
    if (task.find("payload") == nullptr) task.set("payload", make_map(moved.at));
    Value& payload = *task.find("payload");
    if (payload.is_map()) payload.set("env", std::move(moved));
  }
  if (Value* payload = task.find("payload")) make_env_text(*payload, problems);
  return true;
}

void apply_defaults(Value& task, Value defaults) {
  for (const TwoForms& forms : two_forms) {
    if (find_path(task, forms.one) != nullptr) erase_path(defaults, forms.other);
    if (find_path(task, forms.other) != nullptr) erase_path(defaults, forms.one);
  }
  merge(task, defaults);
}

void make_env_text(Value& payload, Problems& problems) {
  Value* env = payload.find("env");
  if (env == nullptr) return;
  if (!env->is_map()) {
    problems.add(env->at, fmt::format("`env` is a map, not {}", describe(*env)));
    payload.erase("env");
    return;
  }
  for (Member& member : env->members) {
    if (member.key.empty() ||
        member.key.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
      problems.add(member.key_at, fmt::format("`{}` cannot name a variable", member.key));
    }
    if (member.value.is_scalar()) {
      member.value.kind = Value::Kind::text;
    } else {
      problems.add(member.value.at,
                   fmt::format("env: `{}` is text, not {}", member.key, describe(member.value)));
    }
  }
}

void check_types(const Value& task, Problems& problems) {
  using Kind = Value::Kind;
  struct Typed {
    std::string_view field;
    Kind kind;
    std::string_view name;
  };
  static constexpr std::array typed = {
      Typed{"queue", Kind::text, "text"},          Typed{"taskQueueId", Kind::text, "text"},
      Typed{"provisionerId", Kind::text, "text"},  Typed{"workerType", Kind::text, "text"},
      Typed{"schedulerId", Kind::text, "text"},    Typed{"projectId", Kind::text, "text"},
      Typed{"taskGroupId", Kind::text, "text"},    Typed{"requires", Kind::text, "text"},
      Typed{"priority", Kind::text, "text"},       Typed{"retries", Kind::number, "a number"},
      Typed{"dependencies", Kind::list, "a list"}, Typed{"needs", Kind::list, "a list"},
      Typed{"inputs", Kind::list, "a list"},       Typed{"artifacts", Kind::list, "a list"},
      Typed{"routes", Kind::list, "a list"},       Typed{"scopes", Kind::list, "a list"},
      Typed{"caches", Kind::map, "a map"},         Typed{"payload", Kind::map, "a map"},
      Typed{"metadata", Kind::map, "a map"},       Typed{"tags", Kind::map, "a map"},
      Typed{"extra", Kind::map, "a map"},
  };
  for (const Typed& row : typed) {
    const Value* value = task.find(row.field);
    if (value == nullptr || value->kind == row.kind) continue;
    problems.add(value->at,
                 fmt::format("`{}` is {}, not {}", row.field, row.name, describe(*value)));
  }
  for (const std::string_view field : {"dependencies", "needs", "routes", "scopes"}) {
    const Value* list = task.find(field);
    if (list != nullptr && list->is_list()) check_list_of_text(*list, field, problems);
  }
}

}  // namespace troupe::group_file
