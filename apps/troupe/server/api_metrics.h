// Figures of the API's calls: how many, how long, who was let in and who was refused.
#pragma once

#include "runtime/api/call_report.h"
#include "runtime/metrics/registry.h"

#include <map>
#include <optional>
#include <string_view>
#include <tuple>

namespace troupe::server {

/// One for each thread that serves: its handles are looked up without a lock. Borrows `registry`.
class ApiMetrics {
 public:
  explicit ApiMetrics(metrics::Registry& registry) : registry_(registry) {}

  /// A call that has ended. Over HTTP each proves anew who it is; over RPC the session has.
  void count(const api::CallReport& report);

  /// Somebody has shown who it is; `none` if nobody asked for more.
  void count_proof(api::Scheme scheme, bool is_temporary);
  /// Somebody has tried to, in vain; `fault` is what was wrong (see runtime/hawk/refusal.h).
  void count_refusal(api::Scheme scheme, std::string_view fault);

 private:
  struct Handles {
    metrics::Counter calls;
    metrics::Histogram seconds;
  };
  Handles& handles_of(const api::CallReport& report);

  metrics::Registry& registry_;
  std::map<std::tuple<const api::Method*, api::Face, unsigned>, Handles> handles_;
  std::map<std::pair<api::Scheme, bool>, metrics::Counter> proofs_;
};

}  // namespace troupe::server
