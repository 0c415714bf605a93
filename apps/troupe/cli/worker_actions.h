// What `troupe worker show`, `quarantine`, `drain` and `resume` do; each returns the exit status.
// A worker is named PROVISIONER/TYPE/GROUP/ID, GROUP/ID as lists show it, or by its ID alone.
#pragma once

#include "apps/troupe/cli/command.h"

#include <string>

namespace troupe::cli {

struct QuarantineOptions {
  std::string worker;
  std::string duration;  // for so long
  std::string reason;    // why, for people; may be empty
};

int worker_show(const GlobalOptions& global, const std::string& worker);

/// It is given no tasks for some time; those that it runs go on.
int worker_quarantine(const GlobalOptions& global, const QuarantineOptions& options);

/// The same until `worker_resume`. A quarantine that there is stays beneath it.
int worker_drain(const GlobalOptions& global, const std::string& worker, const std::string& reason);
/// Ends a drain, so that the quarantine beneath it holds again if it goes on; else the quarantine.
int worker_resume(const GlobalOptions& global, const std::string& worker);

}  // namespace troupe::cli
