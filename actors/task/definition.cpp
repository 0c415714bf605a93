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

Error invalid(std::string detail) {
  return Error{Errc::invalid, std::move(detail)};
}

std::optional<Error> normalise_queue(schema::TaskDefinition::Builder d) {
  const std::string queue = str(d.asReader().getTaskQueueId());
  const std::string provisioner = str(d.asReader().getProvisionerId());
  const std::string type = str(d.asReader().getWorkerType());
  if (!provisioner.empty() && !type.empty()) {
    const std::string joined = provisioner + "/" + type;
    if (!queue.empty() && queue != joined) {
      return invalid("taskQueueId is " + queue + " but provisionerId and workerType are " + joined +
                     ": leave one form out");
    }
    d.setTaskQueueId(text(joined));
    return std::nullopt;
  }
  if (queue.empty())
    return invalid("taskQueueId is missing: name the queue, such as local/default");
  const auto [first, second] = split_queue_id(queue);
  d.setProvisionerId(text(first));
  d.setWorkerType(text(second));
  return std::nullopt;
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

std::optional<Error> normalise(const std::string& task_id, schema::TaskDefinition::Builder d) {
  if (auto error = normalise_queue(d)) return error;
  if (d.getTaskGroupId().size() == 0) d.setTaskGroupId(text(task_id));
  if (d.getExpires() == 0) d.setExpires(add_years(Instant{d.getDeadline()}, 1).ms);
  return std::nullopt;
}

std::optional<Error> check(schema::TaskDefinition::Reader d,
                           const TaskConfig& config,
                           Instant now) {
  const Instant created{d.getCreated()};
  const Instant deadline{d.getDeadline()};
  if (d.getDependencies().size() > config.max_dependencies) {
    return invalid(fmt::format("depends on {}, the limit is {} (queue.max_dependencies)",
                               counted(d.getDependencies().size(), "task"),
                               config.max_dependencies));
  }
  if (created < now - skew_max) return invalid("created is more than 15 minutes in the past");
  if (created > now + skew_max) return invalid("created is more than 15 minutes in the future");
  if (created > deadline) return invalid("deadline is before created");
  if (deadline < now) return invalid("deadline is in the past");
  if (deadline - now > config.max_task_deadline + skew_max) {
    return invalid("deadline is more than " + format_duration(config.max_task_deadline) +
                   " away (queue.max_task_deadline)");
  }
  if (d.getExpires() != 0 && deadline > Instant{d.getExpires()}) {
    return invalid("expires is before deadline");
  }
  for (const auto scope : d.getScopes()) {
    if (view(scope).ends_with("**")) return invalid("scope \"" + str(scope) + "\" ends in **");
  }
  return std::nullopt;
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
