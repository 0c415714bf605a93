// The routes that operators and their tools ask: alive, ready, version, metrics.
#pragma once

#include "runtime/http/router.h"
#include "runtime/metrics/registry.h"

#include <functional>
#include <string>
#include <vector>

namespace troupe::http {

struct VersionFacts {
  std::string version;
  std::string commit;
  std::string source;
  std::string build;
};

struct OperationsOptions {
  VersionFacts version;
  bool with_metrics = true;  // for everybody who reaches the server
  // What keeps the process from serving, in a word each (`disk`, `recovering`); empty when ready.
  // Called on the server's thread for each question.
  std::function<std::vector<std::string>()> problems;
};

/// Adds `/metrics` (else 403), `/healthz` (alive), `/readyz` (503 and the problems, one a line),
/// `/__lbheartbeat__`, `/__heartbeat__`, `/__version__` and `/robots.txt`.
/// Borrows `registry`, which outlives the table. Source: spec/api-framework.md, "Monitoring
/// endpoints".
void add_operations(RouteTable& routes,
                    const metrics::Registry& registry,
                    OperationsOptions options);

}  // namespace troupe::http
