// The log's line of each call of the API. Source: spec/api-framework.md, section 14.
#pragma once

#include "runtime/api/call_report.h"
#include "runtime/process/log.h"

namespace troupe::server {

/// How much a call with this end matters: those that the server fails, or cannot take, are
/// warnings; whoever is kept out is told of at info; all others only to those who debug, as they
/// are many.
LogLevel level_of_call(unsigned status);

void log_call(const api::CallReport& report);

}  // namespace troupe::server
