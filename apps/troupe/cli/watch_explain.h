// Nothing waits in silence: asks the server once a second why something is not running.
#pragma once

#include "apps/troupe/cli/reconnect.h"

#include <kj/async.h>

#include <functional>
#include <string>

namespace troupe::cli {

/// What `explain` says of a task or group.
struct Reason {
  std::string code;     // empty: nothing is wrong
  std::string message;  // one line, with what would help
};

/// Asks once.
kj::Promise<Reason> ask_why(Reconnector& server, const std::string& subject);

class Explainer {
 public:
  explicit Explainer(Reconnector& server) : server_(server) {}

  /// Half a second from now, then each second, explains what `subject()` names, unless that is
  /// empty; `say` gets each message that differs from the one before. Never ends by itself.
  kj::Promise<void> watch(std::function<std::string()> subject,
                          std::function<void(const std::string&)> say);

 private:
  kj::Promise<void> look();
  kj::Promise<void> look_after(kj::Duration delay);

  Reconnector& server_;
  std::function<std::string()> subject_;
  std::function<void(const std::string&)> say_;
  std::string said_;
};

}  // namespace troupe::cli
