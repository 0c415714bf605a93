// Task rows and messages to and from state.
#pragma once

#include "actors/task/state.h"
#include "runtime/store/bytes.h"
#include "schema/rpc/worker.capnp.h"

#include <string>
#include <utility>
#include <vector>

namespace troupe::task {

Bytes encode_row(const TaskState& state);
/// Requires a row that `encode_row` made; unknown fields are ignored.
TaskState decode_row(WordSpan row);

/// As rows and the queue have it. Requires a list of their number.
void fill_demands(const std::vector<Demand>& demands, capnp::List<schema::Resource>::Builder list);

/// The status as the API shows it.
void fill_status(const TaskState& state, schema::TaskStatus::Builder status);
Bytes encode_status(const TaskState& state);

/// `prov` and `type` of `prov/type`.
std::pair<std::string, std::string> split_queue_id(const std::string& task_queue_id);

std::string artifact_key(std::uint32_t run, const std::string& name);
std::string edge_key(const std::string& task_id);

}  // namespace troupe::task
