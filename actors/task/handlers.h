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
/// Nothing is left of the task but its state and definition: they go, unless a createTask has
/// waited for that, which is next.
void end_or_create_next(Transition& t, const Input& in);

// -- runs.cpp: commands that start and stop runs, and what time does to them
Result<Transition> on_schedule(const TaskState& s, const Input& in);
/// A request that was answered before is answered so again and does nothing; an empty id is new.
Result<Transition> on_rerun(const TaskState& s, std::string_view request_id, const Input& in);
Result<Transition> on_cancel(const TaskState& s, const Input& in);
Result<Transition> on_release(const TaskState& s, const Input& in);
Result<Transition> on_deadline_due(const TaskState& s, const Input& in);
/// From the group: its sweep cancels all members.
Result<Transition> on_cancel_member(const TaskState& s, const Input& in);

// -- priority.cpp: who is claimed first
Result<Transition> on_change_priority(const TaskState& s, schema::Priority to, const Input& in);
/// From the group: its sweep changes all members.
Result<Transition> on_change_member_priority(const TaskState& s,
                                             schema::Priority to,
                                             const Input& in);

// -- claims.cpp: who runs it
/// `message.timed`: it comes over HTTP, so that no connection holds the claim.
Result<Transition> on_claim_run(const TaskState& s, M::Reader message, const Input& in);
/// The queue's no to a claim by name.
Result<Transition> on_claim_refused(const TaskState& s, M::Reader message, const Input& in);
Result<Transition> on_claim_by_name(const TaskState& s,
                                    M::ClaimByName::Reader m,
                                    bool timed,
                                    const Input& in);
Result<Transition> on_reclaim(const TaskState& s, schema::ClaimRef::Reader m, const Input& in);
Result<Transition> on_resolve(const TaskState& s, M::Resolve::Reader m, const Input& in);
Result<Transition> on_worker_lost(const TaskState& s, schema::ClaimRef::Reader m, const Input& in);
/// The claim's answer could not be delivered: it ends as if its time were over.
Result<Transition> on_expire_claim(const TaskState& s, schema::ClaimRef::Reader m, const Input& in);
Result<Transition> on_claim_due(const TaskState& s, std::uint64_t token, const Input& in);

// -- artifacts.cpp
Result<Transition> on_put_artifact(const TaskState& s, M::PutArtifact::Reader m, const Input& in);
/// The bytes of an artifact have come.
Result<Transition> on_store_blob(const TaskState& s, M::StoreBlob::Reader m, const Input& in);
Result<Transition> on_finish_artifact(const TaskState& s,
                                      M::FinishArtifact::Reader m,
                                      const Input& in);
Result<Transition> on_keep_log(const TaskState& s, M::KeepLog::Reader m, const Input& in);
/// Stores one artifact of `run`. Errors as of createArtifact.
Status store_artifact(Transition& t,
                      std::uint32_t run,
                      schema::ArtifactPut::Reader put,
                      const Input& in);

// -- expiry.cpp: the end of all of it
Result<Transition> on_expiry_due(const TaskState& s, const Input& in);
Result<Transition> on_continue_expiry(const TaskState& s, const Input& in);

// -- artifact_rows.cpp: rows of artifacts, with what others must know of them
/// Puts the row in place of `old`, if there was one.
void put_artifact_row(Transition& t,
                      std::uint32_t run,
                      const std::optional<schema::ArtifactRow::Reader>& old,
                      Bytes row,
                      const Input& in);
void remove_artifact_row(Transition& t, const Rows::Row& row);
/// Artifacts that expire before their task.
Result<Transition> on_artifacts_due(const TaskState& s, const Input& in);
/// Does for the next artifacts what an earlier program did not: their blobs' collectors are told.
void adopt_slice(Transition& t, const Input& in);

// -- edges.cpp: tasks that need this one, and tasks that it needs
Result<Transition> on_add_edge(const TaskState& s, M::AddEdge::Reader m, const Input& in);
Result<Transition> on_remove_edge(const TaskState& s, const Input& in);
Result<Transition> on_satisfied(const TaskState& s, const Input& in);
Result<Transition> on_satisfied_answer(const TaskState& s, const Input& in);
Result<Transition> on_continue_dependents(const TaskState& s, const Input& in);
Result<Transition> on_group_told(const TaskState& s, const Input& in);

}  // namespace troupe::task
