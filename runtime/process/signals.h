// Signals as events of the main loop.
#pragma once

#include <kj/async-unix.h>
#include <kj/async.h>

namespace troupe {

/// Holds back SIGTERM, SIGINT and SIGHUP for the event loop and ignores SIGPIPE.
///
/// Call it first in `main`, before any thread is made: threads inherit the mask, and a signal that
/// one of them takes would end the process.
void capture_signals();

/// The number of the next SIGTERM or SIGINT. Thread: the main loop, after `capture_signals`.
kj::Promise<int> on_stop_signal(kj::UnixEventPort& port);

/// The next SIGHUP: files that may have changed are read again.
kj::Promise<void> on_hangup_signal(kj::UnixEventPort& port);

}  // namespace troupe
