// The whole command line: one tree of commands, one way to say that it was used wrongly.
#pragma once

namespace troupe::cli {

/// Parses and runs; returns the exit status of the process.
int run(int argc, char** argv);

}  // namespace troupe::cli
