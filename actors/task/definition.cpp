#include "actors/task/definition.h"

#include "actors/task/codec.h"
#include "runtime/base/counted.h"
#include "runtime/store/message.h"

#include <capnp/any.h>
#include <fmt/format.h>
#include <rapidjson/document.h>

#include <algorithm>

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

// Equal but for the order of keys in objects.
bool same_json(std::string_view a, std::string_view b) {
  if (a == b) return true;
  rapidjson::Document left;
  rapidjson::Document right;
  left.Parse<rapidjson::kParseIterativeFlag>(a.data(), a.size());
  right.Parse<rapidjson::kParseIterativeFlag>(b.data(), b.size());
  return !left.HasParseError() && !right.HasParseError() && left == right;
}

}  // namespace

std::vector<FieldError> normalise(const std::string& task_id, schema::TaskDefinition::Builder d) {
  auto faults = normalise_queue(d);
  if (d.getTaskGroupId().size() == 0) d.setTaskGroupId(text(task_id));
  if (d.getExpires() == 0) d.setExpires(add_years(Instant{d.getDeadline()}, 1).ms);
  return faults;
}

std::vector<FieldError> check(schema::TaskDefinition::Reader d,
                              const TaskConfig& config,
                              Instant now) {
  std::vector<FieldError> faults;
  const auto refuse_if = [&faults](bool broken, std::string field, std::string message) {
    if (broken) faults.push_back({std::move(field), std::move(message)});
  };
  const Instant created{d.getCreated()};
  const Instant deadline{d.getDeadline()};
  const auto needs = d.getDependencies().size();
  refuse_if(needs > config.max_dependencies, "dependencies",
            fmt::format("{} are over the limit of {} (queue.max_dependencies)", needs,
                        config.max_dependencies));
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
                  " away (queue.max_task_deadline)");
  }
  refuse_if(d.getExpires() != 0 && deadline > Instant{d.getExpires()}, "expires",
            "is before deadline");
  for (unsigned i = 0; i < d.getScopes().size(); ++i) {
    const auto scope = d.getScopes()[i];
    refuse_if(view(scope).ends_with("**"), fmt::format("scopes[{}]", i),
              "\"" + str(scope) + "\" ends in **");
  }
  return faults;
}

bool same_definition(schema::TaskDefinition::Reader stored,
                     schema::Priority priority,
                     schema::TaskDefinition::Reader other) {
  if (!same_json(view(stored.getPayload()), view(other.getPayload()))) return false;
  if (!same_json(view(stored.getExtra()), view(other.getExtra()))) return false;
  const auto rest = [](schema::TaskDefinition::Reader d, capnp::MessageBuilder& message) {
    message.setRoot(d);
    auto copy = message.getRoot<schema::TaskDefinition>();
    copy.setPayload("");
    copy.setExtra("");
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
