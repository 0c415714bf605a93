#include "apps/troupe/server/call_log.h"

#include "apps/troupe/server/log_types.h"
#include "runtime/api/exchanges.h"
#include "runtime/http/message.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace troupe::server {
namespace {

std::string joined(const ScopeSet& scopes) {
  std::string text;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    text += (i > 0 ? " " : "") + std::string(scopes[i]);
  }
  return text;
}

// What the method knows of the query: others' values are nobody's business, and a signed URL's
// proof is a secret.
std::string shown_query(const api::CallReport& report) {
  std::string shown;
  std::string_view rest = report.request->query;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::string_view name = pair.substr(0, pair.find('='));
    const bool is_proof = name == "bewit";
    const auto is_it = [name](const api::Parameter& parameter) {
      return parameter.place == api::Place::query && parameter.name == name;
    };
    if (!is_proof && std::ranges::none_of(report.method.parameters, is_it)) continue;
    shown += (shown.empty() ? "" : "&") + (is_proof ? "bewit=..." : std::string(pair));
  }
  return shown;
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
  log_typed(level, "api_call",
            {{"face", api::to_string(report.face)},
             {"service", report.method.service},
             {"api_version", api::exchange_version},
             {"name", report.method.name},
             {"method", request != nullptr ? request->verb : std::string()},
             {"resource", request != nullptr ? request->path : std::string()},
             {"query", request != nullptr ? shown_query(report) : std::string()},
             {"status", report.status},
             {"duration_ms", report.taken},
             {"public", report.method.is_public()},
             {"client", who != nullptr ? who->client_id : std::string()},
             {"expires", who != nullptr && !who->anonymous ? format_time(who->expires) : ""},
             {"authenticated", who != nullptr && !who->anonymous},
             {"scopes", joined(report.used)},
             {"source_ip", report.peer},
             {"trace_id", request != nullptr ? request->trace_id : std::string()}});
}

}  // namespace troupe::server
