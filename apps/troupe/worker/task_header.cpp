#include "apps/troupe/worker/task_header.h"

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <unistd.h>

#include <array>

namespace troupe::worker {

std::string host_name() {
  std::array<char, 256> room{};
  if (gethostname(room.data(), room.size() - 1) != 0) return "unknown";
  return room.data();
}

std::string task_header(const TaskFacts& facts, const WorkerOptions& options) {
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> json(buffer);
  json.SetIndent(' ', 2);
  const auto field = [&json](const char* name, const std::string& value) {
    json.Key(name);
    json.String(value.c_str());
  };
  json.StartObject();
  json.Key("troupe");
  json.StartObject();
  field("host", host_name());
  field("version", TROUPE_VERSION);
  field("workerGroup", options.worker_group);
  field("workerId", options.worker_id);
  json.EndObject();
  json.EndObject();
  return "Worker Type (" + facts.task_queue_id + ") settings:\n" + buffer.GetString() +
         "\nTask ID: " + facts.id.task_id;
}

}  // namespace troupe::worker
