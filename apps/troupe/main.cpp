// The one binary: server, worker and command line.
#include "apps/troupe/cli/app.h"
#include "apps/troupe/worker/worker.h"

#include <string_view>

int main(int argc, char** argv) {
  // Started by a worker around each command of a task: not a command that people use.
  if (argc > 1 && std::string_view(argv[1]) == troupe::worker::guard_argument) {
    return troupe::worker::run_guard(argc, argv);
  }
  return troupe::cli::run(argc, argv);
}
