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
inline constexpr KindId roles{6};
inline constexpr KindId audit{7};
inline constexpr KindId blobs{8};
inline constexpr KindId subscription{9};
inline constexpr KindId object{10};
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
inline constexpr TableSpec group_swept{{26}, "group_swept"};  // members that a sweep has changed
inline constexpr TableSpec queue_state{{28}, "queue_state"};
inline constexpr TableSpec queue_entries{{29}, "queue_entries"};
inline constexpr TableSpec queue_quarantines{{30}, "queue_quarantines"};
inline constexpr TableSpec queue_requests{{31}, "queue_requests"};  // claimWork that is done once
inline constexpr TableSpec worker_state{{32}, "worker_state"};
inline constexpr TableSpec worker_claims{{33}, "worker_claims"};
inline constexpr TableSpec clients{{36}, "clients"};
inline constexpr TableSpec roles_state{{40}, "roles_state"};
inline constexpr TableSpec roles{{41}, "roles"};
inline constexpr TableSpec audit_state{{44}, "audit_state"};
inline constexpr TableSpec audit_entries{{45}, "audit_entries"};
inline constexpr TableSpec queue_lanes{{48}, "queue_lanes"};  // entries that ask for resources
inline constexpr TableSpec queue_held{{49}, "queue_held"};    // entries that a limit holds back
inline constexpr TableSpec queue_admitted{{50}, "queue_admitted"};  // runs that count for a limit
inline constexpr TableSpec queue_concurrency{{51}, "queue_concurrency"};
inline constexpr TableSpec blob_references{{52}, "blob_references"};
inline constexpr TableSpec blob_garbage{{53}, "blob_garbage"};  // blobs that nothing refers to
inline constexpr TableSpec blobs_state{{54}, "blobs_state"};
inline constexpr TableSpec subscriptions{{56}, "subscriptions"};
inline constexpr TableSpec object_state{{60}, "object_state"};
}  // namespace tables

inline ActorId object_id(std::string name) {
  return {kinds::object, std::move(name)};
}
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
inline ActorId client_id(std::string key) {
  return {kinds::client, std::move(key)};
}
/// All roles are one unit: one actor has them.
inline ActorId roles_id() {
  return {kinds::roles, "all"};
}

}  // namespace troupe
