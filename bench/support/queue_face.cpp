#include "bench/support/queue_face.h"

namespace troupe::bench {

void Meter::start() {
  client_cpu_before_ = cpu_seconds_of_thread();
  server_cpu_before_ = platform_.cpu_seconds();
  clock_.emplace();
}

void Meter::stop() {
  seconds_ = clock_->seconds();
  client_cpu_seconds_ = cpu_seconds_of_thread() - client_cpu_before_;
  server_cpu_seconds_ = platform_.cpu_seconds() - server_cpu_before_;
}

}  // namespace troupe::bench
