// Rules of a task definition that no single field can express. Source: spec/queue.md, section 1.
#pragma once

#include "actors/task/state.h"
#include "runtime/transcode/json.h"

#include <string>
#include <vector>

namespace troupe::task {

/// Fills in what follows from other fields (queue id and its halves, group, `expires`) and drops
/// nothing. `task_id` is the default group.
/// Returns what is wrong: the queue is missing or its three fields disagree.
std::vector<FieldError> normalise(const std::string& task_id,
                                  schema::TaskDefinition::Builder definition);

/// Checks their number, which a setting limits.
std::vector<FieldError> check_dependencies(schema::TaskDefinition::Reader definition,
                                           const TaskConfig& config);

/// Checks that too, and what depends on the time and on settings or what the schema cannot say:
/// dates, scopes, limits in `extra`.
/// Returns every rule that is broken.
std::vector<FieldError> check(schema::TaskDefinition::Reader definition,
                              const TaskConfig& config,
                              Instant now);

/// Whether two normalised definitions say the same: the order of tags and of keys in free-form JSON
/// does not count, and of a key that comes several times only the last does.
/// `priority` is the stored task's current one.
bool same_definition(schema::TaskDefinition::Reader stored,
                     schema::Priority priority,
                     schema::TaskDefinition::Reader other);

}  // namespace troupe::task
