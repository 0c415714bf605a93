// What the workers of a race were given and said, line by line: written at once, so that a process
// that is killed leaves all that it did.
//
//   created TASK PRIORITY SENT ANSWERED     priority 0..6, 6 is claimed first
//   claimed TASK RUN WORKER ASKED GOT       by the request of ASKED, or a slot open since then
//   reporting TASK RUN WORKER               before it is sent
//   reported TASK RUN
//   refused TASK RUN WHY                    the run was not that worker's any more
//   died WORKER                             its connection is gone, what it held it still held
//
// Times are milliseconds since the machine's start, the same for all processes.
#pragma once

#include "runtime/clock/clock.h"

#include <fmt/format.h>
#include <kj/io.h>

#include <cstdint>
#include <string>

namespace troupe::load {

class RaceLog {
 public:
  /// Appends to a file; ends the process if it cannot.
  explicit RaceLog(const std::string& path);

  static std::int64_t now() { return elapsed_now().count(); }

  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    write(fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  void write(std::string line);

  kj::AutoCloseFd file_;
};

}  // namespace troupe::load
