#include "apps/troupe/server/queue/completed_task.h"

#include "actors/task/codec.h"
#include "actors/task/definition.h"
#include "runtime/base/time.h"
#include "runtime/base/utf8.h"

#include <capnp/message.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <string>
#include <string_view>

namespace troupe::server {
namespace {

using Document = rapidjson::Document;
using Value = rapidjson::Value;

// Empty if there is none.
std::string text_of(const Document& task, const char* name) {
  const auto member = task.FindMember(name);
  if (member == task.MemberEnd() || !member->value.IsString()) return {};
  return {member->value.GetString(), member->value.GetStringLength()};
}

Instant time_of(const Document& task, const char* name) {
  return parse_time(text_of(task, name)).value_or(Instant{});
}

void put(Document& task, const char* name, const std::string& text) {
  auto& memory = task.GetAllocator();
  Value value(text.data(), static_cast<rapidjson::SizeType>(text.size()), memory);
  const auto member = task.FindMember(name);
  if (member != task.MemberEnd()) {
    member->value = value;
  } else {
    task.AddMember(rapidjson::StringRef(name), value, memory);
  }
}

// Whether there is a name, and only one.
bool complete_queue(Document& task) {
  const std::string queue = text_of(task, "taskQueueId");
  const std::string provisioner = text_of(task, "provisionerId");
  const std::string worker_type = text_of(task, "workerType");
  if (!provisioner.empty() && !worker_type.empty()) {
    const std::string joined = provisioner + "/" + worker_type;
    put(task, "taskQueueId", queue.empty() ? joined : queue);
    return queue.empty() || queue == joined;
  }
  if (queue.empty()) return false;
  const auto [first, second] = task::split_queue_id(queue);
  put(task, "provisionerId", first);
  put(task, "workerType", second);
  return true;
}

bool has_right_times(const Document& task, const task::TaskConfig& config, Instant now) {
  capnp::MallocMessageBuilder message;
  auto times = message.initRoot<schema::TaskDefinition>();
  times.setCreated(time_of(task, "created").ms);
  times.setDeadline(time_of(task, "deadline").ms);
  times.setExpires(time_of(task, "expires").ms);
  return task::check(times.asReader(), config, now).empty();
}

void complete_times(Document& task) {
  if (!task.HasMember("expires")) {
    put(task, "expires", format_time(add_years(time_of(task, "deadline"), 1)));
  }
  for (const char* name : {"created", "deadline", "expires"}) {
    put(task, name, format_time(time_of(task, name)));
  }
}

// The steps of createTask up to this error.
void complete(Document& task,
              const task::TaskConfig& config,
              const api::RequestInfo& request,
              const Error& error) {
  if (error.code == Errc::invalid_payload) {
    // The default that the published schema has for it. It does not fit, so that it must be given.
    if (task.HasMember("payload")) return;
    task.AddMember("payload", Value(rapidjson::kArrayType), task.GetAllocator());
    return;
  }
  if (!complete_queue(task)) return;
  if (error.code == Errc::unauthenticated || error.code == Errc::forbidden) return;
  const std::string* task_id = api::find_text(request.params, "taskId");
  if (!task.HasMember("taskGroupId") && task_id != nullptr) put(task, "taskGroupId", *task_id);
  if (has_right_times(task, config, request.time)) complete_times(task);
}

}  // namespace

api::CompleteBody complete_task(const task::TaskConfig& config) {
  return [config](const api::RequestInfo& request, std::string_view body, const Error& error) {
    if (request.method.name != "createTask") return std::string(body);
    Document task;
    task.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
    if (task.HasParseError() || !task.IsObject()) return std::string(body);
    complete(task, config, request, error);
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    task.Accept(writer);
    return repaired_utf8({buffer.GetString(), buffer.GetSize()});
  };
}

}  // namespace troupe::server
