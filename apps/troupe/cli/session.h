// One connection for the length of one command, and the one place where its failures become a line
// on standard error and an exit status.
#pragma once

#include "apps/troupe/cli/command.h"
#include "runtime/base/result.h"

#include <kj/async-io.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace troupe::cli {

class Reconnector;

class Session {
 public:
  /// All borrowed.
  Session(kj::AsyncIoContext& io, client::Connection& connection, const client::Target& target)
      : io_(io), connection_(connection), target_(target) {}

  client::Connection& connection() { return connection_; }
  schema::Queue::Client queue() { return connection_.queue(); }
  schema::Troupe::Client troupe() { return connection_.troupe(); }
  const client::Target& target() const { return target_; }
  kj::AsyncIoContext& io() { return io_; }
  kj::WaitScope& wait_scope() { return io_.waitScope; }

  /// Waits for an answer; a refusal is thrown as the kj::Exception it came as, which
  /// `with_session` catches.
  template <class P>
  auto wait(P&& promise) {
    return std::forward<P>(promise).wait(io_.waitScope);
  }

 private:
  kj::AsyncIoContext& io_;
  client::Connection& connection_;
  const client::Target& target_;
};

/// Finds the platform, connects and runs `action`, whose value is the exit status. Errors, and
/// exceptions of calls, are printed.
int with_session(const GlobalOptions& global, const std::function<Result<int>(Session&)>& action);

/// Runs `action` with an event loop and the platform's address, without connecting: for commands
/// that connect, and connect again, themselves.
int with_target(
    const GlobalOptions& global,
    const std::function<Result<int>(kj::AsyncIoContext&, const client::Target&)>& action);

/// The same with a connection that survives the server beside the one of the session, which serves
/// to find what the command is about.
int with_reconnector(const GlobalOptions& global,
                     const std::function<Result<int>(Session&, Reconnector&)>& action);

/// Reads a list to its end: `page(token)` asks for the page at `token`, empty for the first, and
/// returns the next token, empty after the last page or to stop.
void read_pages(const std::function<std::string(const std::string& token)>& page);

}  // namespace troupe::cli
