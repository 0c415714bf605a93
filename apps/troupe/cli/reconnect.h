// A connection that outlives the server: when it is lost it is dialled again, and what was being
// asked is asked again. For commands that wait: `run`, `submit`, `watch`, `log -f`.
//
// Everything runs on the caller's KJ event loop.
#pragma once

#include "apps/troupe/client/client.h"

#include <kj/async-io.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace troupe::cli {

class Reconnector {
 public:
  /// Borrowed: `io` outlives *this. Nothing is dialled before `start` or the first call.
  Reconnector(kj::AsyncIoContext& io, client::Target target);
  ~Reconnector() noexcept;
  Reconnector(const Reconnector&) = delete;
  Reconnector& operator=(const Reconnector&) = delete;

  /// Connects once: unlike `call`, fails if nobody answers.
  kj::Promise<void> start();

  /// Asks until there is an answer: `ask(connection)` is repeated while it ends with a lost
  /// connection, `unavailable` or `busy`, so it must be safe to repeat. Any other exception is the
  /// answer. Waits 50 ms before the second attempt, then twice as long each time, at most 1 s.
  /// Says `connection lost, reconnecting` on standard error, once for each loss.
  template <class Ask>
  auto call(Ask ask) -> decltype(ask(std::declval<client::Connection&>())) {
    return attempt(std::make_shared<Ask>(std::move(ask)), first_delay);
  }

  /// The same as `call(...).wait(...)`.
  template <class Ask>
  auto ask(Ask ask) {
    return call(std::move(ask)).wait(io_.waitScope);
  }

  /// Replaces the line on standard error that tells of a loss.
  void on_loss(std::function<void(const std::string&)> say) { say_lost_ = std::move(say); }

  kj::AsyncIoContext& io() { return io_; }
  kj::Timer& timer() { return io_.provider->getTimer(); }
  const client::Target& target() const { return target_; }

  static constexpr kj::Duration first_delay = 50 * kj::MILLISECONDS;
  static constexpr kj::Duration longest_delay = 1 * kj::SECONDS;

 private:
  using Shared = std::shared_ptr<client::Connection>;

  template <class Ask>
  auto attempt(std::shared_ptr<Ask> ask, kj::Duration delay)
      -> decltype((*ask)(std::declval<client::Connection&>())) {
    using Answer = decltype((*ask)(std::declval<client::Connection&>()));
    return ready().then([this, ask, delay](Shared&& connection) mutable -> Answer {
      return kj::evalNow([&ask, &connection] { return (*ask)(*connection); })
          .catch_([this, ask, delay, connection](kj::Exception&& exception) mutable -> Answer {
            return pause(exception, connection, delay).then([this, ask, delay] {
              return attempt(ask, kj::min(delay * 2, longest_delay));
            });
          });
    });
  }

  /// The connection, once there is one.
  kj::Promise<Shared> ready();

  /// Ends after `delay` if the call is worth repeating; else rejects with `exception`.
  kj::Promise<void> pause(const kj::Exception& exception,
                          const Shared& connection,
                          kj::Duration delay);

  kj::Promise<void> dial(kj::Duration delay);
  void adopt(std::unique_ptr<client::Connection> connection);
  void drop(const client::Connection* connection);

  kj::AsyncIoContext& io_;
  const client::Target target_;
  std::function<void(const std::string&)> say_lost_;
  Shared connection_;  // null while there is none
  Shared retired_;     // the one before: it may still be on the stack that drops it
  bool dialling_ = false;
  kj::ForkedPromise<void> dialled_ = nullptr;  // of the dialling under way
  kj::Promise<void> watch_ = nullptr;          // for the end of connection_
};

/// SIGINT and SIGTERM as promises instead of the end of the process. Make it before any thread; the
/// signals are captured until the process ends.
class Interrupts {
 public:
  Interrupts();

  /// The number of the next signal; those that came earlier count.
  kj::Promise<int> next(kj::AsyncIoContext& io) const;
};

}  // namespace troupe::cli
