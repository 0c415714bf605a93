#include "tests/crash/race_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace troupe::load {

RaceLog::RaceLog(const std::string& path)
    : file_(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
  if (file_.get() < 0) {
    std::perror(path.c_str());
    std::exit(1);  // NOLINT: no other thread yet
  }
}

void RaceLog::write(std::string line) {
  line.push_back('\n');
  if (::write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
}

}  // namespace troupe::load
