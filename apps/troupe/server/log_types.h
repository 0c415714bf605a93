// The lines of the log that tell what was done: one table, by which they are written and published
// (`/references/<service>/v1/logs.json`). Each has its line in docs/operations.md.
// Source: spec/queue.md, section 15; spec/api-framework.md, sections 14 and 21.
#pragma once

#include "runtime/api/telemetry.h"
#include "runtime/process/log.h"

#include <initializer_list>
#include <string_view>
#include <vector>

namespace troupe::server {

/// Those of a service: its own, and those that all have.
std::vector<api::LogType> log_types(std::string_view service);

/// Writes a line of a type that has a level. Requires: it is in the table, and `fields` are those
/// that the table names, in its order. Thread: any.
void log_typed(std::string_view event, std::initializer_list<LogField> fields);

/// The same for a type whose level goes by what it tells of.
void log_typed(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);

}  // namespace troupe::server
