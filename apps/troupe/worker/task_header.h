// The first lines of a task's log.
#pragma once

#include "apps/troupe/worker/task_facts.h"
#include "apps/troupe/worker/worker.h"

#include <string>

namespace troupe::worker {

/// `Worker Type (POOL) settings:`, what the worker is in JSON, and the task's id.
/// Source: spec/generic-worker.md, section 7.0.
std::string task_header(const TaskFacts& facts, const WorkerOptions& options);

/// This machine's name, for people.
std::string host_name();

}  // namespace troupe::worker
