// Nothing waits in silence: asks the server once a second why something is not running.
#pragma once

#include "apps/troupe/cli/reconnect.h"
#include "apps/troupe/cli/watch_reasons.h"

#include <kj/async.h>

#include <functional>
#include <string>

namespace troupe::cli {

/// Asks once.
kj::Promise<Reason> ask_why(Reconnector& server, const std::string& subject);

class Explainer {
 public:
  explicit Explainer(Reconnector& server) : server_(server) {}

  /// Half a second from now, then each second, explains what `subject()` names, unless that is
  /// empty; `say` gets each message that is news after the one before. Never ends by itself.
  kj::Promise<void> watch(std::function<std::string()> subject,
                          std::function<void(const std::string&)> say);

 private:
  kj::Promise<void> look();
  kj::Promise<void> look_after(kj::Duration delay);

  Reconnector& server_;
  std::function<std::string()> subject_;
  std::function<void(const std::string&)> say_;
  std::string said_;  // what was news last
};

}  // namespace troupe::cli
