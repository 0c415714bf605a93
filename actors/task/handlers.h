// One function for each message of a task. All are pure: (state, message, input) -> transition.
// An Error refuses a command and changes nothing.
#pragma once

#include "actors/task/transition.h"

#include <string_view>

namespace troupe::task {

using M = schema::TaskMessage;

// -- create.cpp: createTask, step by step
Result<Transition> on_create(const TaskState& s, const Bytes& body, const Input& in);
Result<Transition> on_group_answer(const TaskState& s,
                                   schema::GroupAnswer::Reader m,
                                   const Input& in);
Result<Transition> on_edge_answer(const TaskState& s, M::EdgeAnswer::Reader m, const Input& in);
Result<Transition> on_continue_edges(const TaskState& s, const Input& in);
Result<Transition> on_entry_stored(const TaskState& s, std::uint32_t run, const Input& in);

// -- runs.cpp: commands that start and stop runs, and what time does to them
Result<Transition> on_schedule(const TaskState& s, const Input& in);
/// A request that was answered before is answered so again and does nothing; an empty id is new.
Result<Transition> on_rerun(const TaskState& s, std::string_view request_id, const Input& in);
Result<Transition> on_cancel(const TaskState& s, const Input& in);
Result<Transition> on_release(const TaskState& s, const Input& in);
Result<Transition> on_deadline_due(const TaskState& s, const Input& in);

// -- claims.cpp: who runs it
Result<Transition> on_claim_run(const TaskState& s, M::ClaimRun::Reader m, const Input& in);
Result<Transition> on_claim_by_name(const TaskState& s, M::ClaimByName::Reader m, const Input& in);
Result<Transition> on_reclaim(const TaskState& s, schema::ClaimRef::Reader m, const Input& in);
Result<Transition> on_resolve(const TaskState& s, M::Resolve::Reader m, const Input& in);
Result<Transition> on_worker_lost(const TaskState& s, schema::ClaimRef::Reader m, const Input& in);
Result<Transition> on_claim_due(const TaskState& s, std::uint64_t token, const Input& in);

// -- artifacts.cpp
Result<Transition> on_put_artifact(const TaskState& s, M::PutArtifact::Reader m, const Input& in);
Result<Transition> on_keep_log(const TaskState& s, M::KeepLog::Reader m, const Input& in);
/// Stores one artifact of `run`. Errors as of createArtifact.
Status store_artifact(Transition& t,
                      std::uint32_t run,
                      schema::ArtifactPut::Reader put,
                      const Input& in);

// -- edges.cpp: tasks that need this one, and tasks that it needs
Result<Transition> on_add_edge(const TaskState& s, M::AddEdge::Reader m, const Input& in);
Result<Transition> on_remove_edge(const TaskState& s, const Input& in);
Result<Transition> on_satisfied(const TaskState& s, const Input& in);
Result<Transition> on_satisfied_answer(const TaskState& s, const Input& in);
Result<Transition> on_continue_dependents(const TaskState& s, const Input& in);
Result<Transition> on_group_told(const TaskState& s, const Input& in);

}  // namespace troupe::task
