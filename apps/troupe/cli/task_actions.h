// What `troupe task ...` does; each returns the exit status.
#pragma once

#include "apps/troupe/cli/command.h"

#include <cstdint>
#include <optional>
#include <string>

namespace troupe::cli {

struct TaskListOptions {  // what is empty matches all
  std::string state;
  std::string priority;
  std::string queue;
  std::string name;  // of this one, the owner and the source a part is enough
  std::string owner;
  std::string source;
  std::string tag;  // KEY or KEY=VALUE
  std::string project;
  std::string group;
  std::string since;  // a time, or so long ago
  std::string until;
  std::uint32_t limit = 100;  // 0: all
};

struct TaskLogOptions {
  std::string task;
  bool follow = false;
  std::optional<std::uint32_t> run;
};

struct TaskArtifactsOptions {
  std::string task;
  std::optional<std::uint32_t> run;
};

/// Calls that take a task and answer with its status.
enum class TaskChange { cancel, rerun, schedule };

int task_create(const GlobalOptions& global, const std::string& file);
int task_list(const GlobalOptions& global, const TaskListOptions& options);
int task_status(const GlobalOptions& global, const std::string& task);
int task_show(const GlobalOptions& global, const std::string& task);
int task_log(const GlobalOptions& global, const TaskLogOptions& options);
int task_change(const GlobalOptions& global, const std::string& task, TaskChange change);
int task_priority(const GlobalOptions& global, const std::string& task, const std::string& name);
int task_artifacts(const GlobalOptions& global, const TaskArtifactsOptions& options);

}  // namespace troupe::cli
