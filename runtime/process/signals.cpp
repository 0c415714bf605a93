#include "runtime/process/signals.h"

#include "runtime/base/assert.h"

#include <signal.h>

#include <initializer_list>

namespace troupe {

void capture_signals() {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) kj::UnixEventPort::captureSignal(number);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  TROUPE_ENSURES(sigaction(SIGPIPE, &ignore, nullptr) == 0);
}

kj::Promise<int> on_stop_signal(kj::UnixEventPort& port) {
  const auto number = [](siginfo_t&& info) { return info.si_signo; };
  return port.onSignal(SIGTERM).then(number).exclusiveJoin(port.onSignal(SIGINT).then(number));
}

kj::Promise<void> on_hangup_signal(kj::UnixEventPort& port) {
  return port.onSignal(SIGHUP).ignoreResult();
}

}  // namespace troupe
