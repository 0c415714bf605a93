#include "apps/troupe/server/call_log.h"

#include "runtime/http/message.h"

#include <string>

namespace troupe::server {
namespace {

std::string joined(const ScopeSet& scopes) {
  std::string text;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    text += (i > 0 ? " " : "") + std::string(scopes[i]);
  }
  return text;
}

}  // namespace

LogLevel level_of_call(unsigned status) {
  if (status >= 500) return LogLevel::warning;
  if (status == 401 || status == 403) return LogLevel::info;
  return LogLevel::debug;
}

void log_call(const api::CallReport& report) {
  const LogLevel level = level_of_call(report.status);
  if (!would_log(level)) return;
  const auto* const who = report.credentials;
  const auto* const request = report.request;
  // What only HTTP has is empty over RPC.
  log_event(level, "api_call",
            {{"face", api::to_string(report.face)},
             {"service", report.method.service},
             {"name", report.method.name},
             {"method", request != nullptr ? request->verb : std::string()},
             {"resource", request != nullptr ? request->path : std::string()},
             {"status", report.status},
             {"duration_ms", report.taken},
             {"public", report.method.is_public()},
             {"client", who != nullptr ? who->client_id : std::string()},
             {"authenticated", who != nullptr && !who->anonymous},
             {"scopes", joined(report.used)},
             {"source_ip", report.peer},
             {"trace_id", request != nullptr ? request->trace_id : std::string()}});
}

}  // namespace troupe::server
