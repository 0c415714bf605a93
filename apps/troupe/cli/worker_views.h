// Workers as people see them.
#pragma once

#include "schema/api/troupe.capnp.h"

#include <string>

namespace troupe::cli {

/// Prints the list to standard output; if there is none, people get `none` on standard error.
/// Without `uploads` those are left out that only bring files along.
void print_workers(capnp::List<schema::WorkerSummary>::Reader workers,
                   bool json,
                   bool uploads,
                   const std::string& none);

}  // namespace troupe::cli
