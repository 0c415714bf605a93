// The kinds of durable actors and the numbers of their tables. Both are kept on disk: never reuse.
#pragma once

#include "runtime/actor/actor_id.h"
#include "runtime/store/table.h"

#include <string>

namespace troupe {

namespace kinds {
inline constexpr KindId task{1};
inline constexpr KindId task_group{2};
inline constexpr KindId task_queue{3};
inline constexpr KindId worker{4};
inline constexpr KindId client{5};
}  // namespace kinds

namespace tables {
inline constexpr TableSpec task_state{{16}, "task_state"};
inline constexpr TableSpec task_definition{{17}, "task_definition"};
inline constexpr TableSpec task_edges{{18}, "task_edges"};  // tasks that need this one
inline constexpr TableSpec task_needs{{19}, "task_needs"};  // tasks that this one needs
inline constexpr TableSpec task_artifacts{{20}, "task_artifacts"};
inline constexpr TableSpec task_requests{{21}, "task_requests"};  // commands that are done once
inline constexpr TableSpec group_state{{24}, "group_state"};
inline constexpr TableSpec group_members{{25}, "group_members"};
inline constexpr TableSpec queue_state{{28}, "queue_state"};
inline constexpr TableSpec queue_entries{{29}, "queue_entries"};
inline constexpr TableSpec worker_state{{32}, "worker_state"};
inline constexpr TableSpec worker_claims{{33}, "worker_claims"};
inline constexpr TableSpec clients{{36}, "clients"};
}  // namespace tables

inline ActorId task_id(std::string key) {
  return {kinds::task, std::move(key)};
}
inline ActorId task_group_id(std::string key) {
  return {kinds::task_group, std::move(key)};
}
inline ActorId task_queue_id(std::string key) {
  return {kinds::task_queue, std::move(key)};
}
inline ActorId worker_id(std::string key) {
  return {kinds::worker, std::move(key)};
}

}  // namespace troupe
