#include "actors/task/definition.h"

#include "actors/task/codec.h"
#include "actors/task/limits.h"
#include "runtime/base/counted.h"
#include "runtime/store/message.h"

#include <capnp/any.h>
#include <fmt/format.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace troupe::task {
namespace {

constexpr Duration skew_max{15 * 60 * 1000};

std::vector<FieldError> normalise_queue(schema::TaskDefinition::Builder d) {
  const std::string queue = str(d.asReader().getTaskQueueId());
  const std::string provisioner = str(d.asReader().getProvisionerId());
  const std::string type = str(d.asReader().getWorkerType());
  if (!provisioner.empty() && !type.empty()) {
    const std::string joined = provisioner + "/" + type;
    if (!queue.empty() && queue != joined) {
      return {{"taskQueueId", "is " + queue + " but provisionerId and workerType are " + joined +
                                  ": leave one form out"}};
    }
    d.setTaskQueueId(text(joined));
    return {};
  }
  if (queue.empty()) {
    return {{"taskQueueId", "is missing: name the queue, such as local/default"}};
  }
  const auto [first, second] = split_queue_id(queue);
  d.setProvisionerId(text(first));
  d.setWorkerType(text(second));
  return {};
}

using Json = rapidjson::Value;
using JsonPairs = std::vector<std::pair<const Json*, const Json*>>;

// Sorted by key; of a key that comes several times, the last.
std::vector<const Json::Member*> sorted_members(const Json& object) {
  const auto key = [](const Json::Member* member) {
    return std::string_view(member->name.GetString(), member->name.GetStringLength());
  };
  std::vector<const Json::Member*> members;
  members.reserve(object.MemberCount());
  for (const auto& member : object.GetObject()) members.push_back(&member);
  std::ranges::reverse(members);
  std::ranges::stable_sort(members, {}, key);
  const auto earlier = std::ranges::unique(members, {}, key);
  members.erase(earlier.begin(), earlier.end());
  return members;
}

// Whether two values are equal but for what is in them, which is added to `pairs`.
bool same_outside(const Json& a, const Json& b, JsonPairs& pairs) {
  if (a.GetType() != b.GetType()) return false;
  if (a.IsArray()) {
    if (a.Size() != b.Size()) return false;
    for (rapidjson::SizeType i = 0; i < a.Size(); ++i) pairs.emplace_back(&a[i], &b[i]);
    return true;
  }
  if (!a.IsObject()) return a == b;
  const auto left = sorted_members(a);
  const auto right = sorted_members(b);
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i]->name != right[i]->name) return false;
    pairs.emplace_back(&left[i]->value, &right[i]->value);
  }
  return true;
}

// Equal but for the order of keys in objects. Neither many keys nor deep nesting make it slow:
// whoever makes tasks chooses them, and other actors wait.
bool same_json(std::string_view a, std::string_view b) {
  if (a == b) return true;
  rapidjson::Document left;
  rapidjson::Document right;
  left.Parse<rapidjson::kParseIterativeFlag>(a.data(), a.size());
  right.Parse<rapidjson::kParseIterativeFlag>(b.data(), b.size());
  if (left.HasParseError() || right.HasParseError()) return false;
  JsonPairs pairs{{&left, &right}};
  while (!pairs.empty()) {
    const auto [l, r] = pairs.back();
    pairs.pop_back();
    if (!same_outside(*l, *r, pairs)) return false;
  }
  return true;
}

// Sorted: they are an object, whose order says nothing.
std::vector<std::pair<std::string_view, std::string_view>> sorted_tags(
    schema::TaskDefinition::Reader d) {
  std::vector<std::pair<std::string_view, std::string_view>> tags;
  for (const auto tag : d.getTags()) tags.emplace_back(view(tag.getKey()), view(tag.getValue()));
  std::ranges::sort(tags);
  return tags;
}

}  // namespace

std::vector<FieldError> normalise(const std::string& task_id, schema::TaskDefinition::Builder d) {
  auto faults = normalise_queue(d);
  if (d.getTaskGroupId().size() == 0) d.setTaskGroupId(text(task_id));
  if (d.getExpires() == 0) d.setExpires(add_years(Instant{d.getDeadline()}, 1).ms);
  return faults;
}

std::vector<FieldError> check_dependencies(schema::TaskDefinition::Reader d,
                                           const TaskConfig& config) {
  const auto needs = d.getDependencies().size();
  if (needs <= config.max_dependencies) return {};
  return {{"dependencies", fmt::format("{} are over the limit of {} (queue.max_dependencies)",
                                       needs, config.max_dependencies)}};
}

std::vector<FieldError> check(schema::TaskDefinition::Reader d,
                              const TaskConfig& config,
                              Instant now) {
  auto faults = check_dependencies(d, config);
  const auto refuse_if = [&faults](bool broken, std::string field, std::string message) {
    if (broken) faults.push_back({std::move(field), std::move(message)});
  };
  const Instant created{d.getCreated()};
  const Instant deadline{d.getDeadline()};
  refuse_if(created < now - skew_max, "created", "is more than 15 minutes in the past");
  refuse_if(created > now + skew_max, "created", "is more than 15 minutes in the future");
  // Of a deadline that is wrong in several ways, the first says it best.
  if (created > deadline) {
    refuse_if(true, "deadline", "is before created");
  } else if (deadline < now) {
    refuse_if(true, "deadline", "is in the past");
  } else {
    refuse_if(deadline - now > config.max_task_deadline + skew_max, "deadline",
              "is more than " + format_duration(config.max_task_deadline) +
                  " and 15 minutes away (queue.max_task_deadline)");
  }
  refuse_if(d.getExpires() != 0 && deadline > Instant{d.getExpires()}, "expires",
            "is before deadline");
  for (unsigned i = 0; i < d.getScopes().size(); ++i) {
    const auto scope = d.getScopes()[i];
    refuse_if(view(scope).ends_with("**"), fmt::format("scopes[{}]", i),
              "\"" + str(scope) + "\" ends in **");
  }
  read_limits(view(d.getExtra()), faults);
  return faults;
}

bool same_definition(schema::TaskDefinition::Reader stored,
                     schema::Priority priority,
                     schema::TaskDefinition::Reader other) {
  if (!same_json(view(stored.getPayload()), view(other.getPayload()))) return false;
  if (!same_json(view(stored.getExtra()), view(other.getExtra()))) return false;
  if (sorted_tags(stored) != sorted_tags(other)) return false;
  const auto rest = [](schema::TaskDefinition::Reader d, capnp::MessageBuilder& message) {
    message.setRoot(d);
    auto copy = message.getRoot<schema::TaskDefinition>();
    copy.setPayload("");
    copy.setExtra("");
    copy.initTags(0);
    return copy;
  };
  capnp::MallocMessageBuilder left;
  capnp::MallocMessageBuilder right;
  auto a = rest(stored, left);
  a.setPriority(priority);
  auto b = rest(other, right);
  return left.getRoot<capnp::AnyStruct>().asReader().equals(
             right.getRoot<capnp::AnyStruct>().asReader()) == capnp::Equality::EQUAL &&
         b.getPriority() == priority;
}

}  // namespace troupe::task
