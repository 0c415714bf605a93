#include "apps/troupe/server/api_metrics.h"

#include "apps/troupe/server/metric_types.h"
#include "runtime/hawk/refusal.h"
#include "runtime/http/message.h"

#include <string>
#include <utility>

namespace troupe::server {
namespace {

// By what a call that was refused with 401 tried to prove who it is.
api::Scheme tried_scheme(const api::CallReport& report) {
  if (report.request == nullptr) return api::Scheme::rpc;
  return report.request->header("authorization").empty() ? api::Scheme::bewit : api::Scheme::hawk;
}

}  // namespace

void ApiMetrics::count(const api::CallReport& report) {
  auto& handles = handles_of(report);
  handles.calls.add();
  handles.seconds.observe(static_cast<double>(report.taken.count()) / 1000);
  const auto* const who = report.credentials;
  if (report.status == 401) return count_refusal(tried_scheme(report), report.fault);
  if (who != nullptr && report.face == api::Face::http) count_proof(who->scheme, who->is_temporary);
}

// Clients are no label: there may be any number of them.
void ApiMetrics::count_proof(api::Scheme scheme, bool is_temporary) {
  const auto key = std::make_pair(scheme, is_temporary);
  auto found = proofs_.find(key);
  if (found == proofs_.end()) {
    const char* const kind = scheme == api::Scheme::none ? "none"
                             : is_temporary              ? "temporary"
                                                         : "permanent";
    const metrics::Labels labels = {{"scheme", to_string(scheme)}, {"credentials", kind}};
    found = proofs_.emplace(key, registry_.counter(metric("auth_success_total", labels))).first;
  }
  found->second.add();
}

void ApiMetrics::count_refusal(api::Scheme scheme, std::string_view fault) {
  registry_
      .counter(metric("auth_failure_total", {{"reason", std::string(hawk::reason_of(fault))},
                                             {"scheme", to_string(scheme)}}))
      .add();
}

ApiMetrics::Handles& ApiMetrics::handles_of(const api::CallReport& report) {
  const std::tuple key{&report.method, report.face, report.status};
  const auto found = handles_.find(key);
  if (found != handles_.end()) return found->second;
  const bool is_http = report.face == api::Face::http;
  const metrics::Labels names = {{"service", report.method.service}, {"name", report.method.name}};
  auto labels = names;
  if (is_http) labels["method"] = report.method.verb;
  labels["status"] = std::to_string(report.status);
  const char* const calls = is_http ? "http_requests_total" : "rpc_requests_total";
  const char* const seconds =
      is_http ? "http_request_duration_seconds" : "rpc_request_duration_seconds";
  const Handles made{registry_.counter(metric(calls, labels)),
                     registry_.histogram(metric(seconds, names), metric_bounds(seconds))};
  return handles_.emplace(key, made).first->second;
}

}  // namespace troupe::server
