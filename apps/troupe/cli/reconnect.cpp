#include "apps/troupe/cli/reconnect.h"

#include "apps/troupe/cli/output.h"
#include "runtime/rpc/errors.h"

#include <kj/async-unix.h>
#include <kj/debug.h>

#include <csignal>

namespace troupe::cli {

Reconnector::Reconnector(kj::AsyncIoContext& io, client::Target target)
    : io_(io), target_(std::move(target)), say_lost_(print_note) {}

Reconnector::~Reconnector() noexcept {}

kj::Promise<void> Reconnector::start() {
  return client::connect(*io_.provider, target_)
      .then([this](std::unique_ptr<client::Connection>&& connection) {
        adopt(std::move(connection));
      });
}

kj::Promise<Reconnector::Shared> Reconnector::ready() {
  if (connection_) return connection_;
  if (!dialling_) {
    dialling_ = true;
    dialled_ = dial(first_delay).fork();
  }
  return dialled_.addBranch().then([this]() -> kj::Promise<Shared> { return ready(); });
}

kj::Promise<void> Reconnector::dial(kj::Duration delay) {
  return client::connect(*io_.provider, target_)
      .then(
          [this](std::unique_ptr<client::Connection>&& connection) -> kj::Promise<void> {
            adopt(std::move(connection));
            return kj::READY_NOW;
          },
          [this, delay](kj::Exception&& exception) -> kj::Promise<void> {
            const Error error = error_from(exception);
            if (!is_retryable(error.code)) {
              dialling_ = false;
              return kj::mv(exception);
            }
            return timer().afterDelay(delay).then(
                [this, delay] { return dial(kj::min(delay * 2, longest_delay)); });
          });
}

void Reconnector::adopt(std::unique_ptr<client::Connection> connection) {
  dialling_ = false;
  connection_ = std::move(connection);
  const client::Connection* const watched = connection_.get();
  // A connection that nobody uses at the moment must not be found dead only at the next call.
  watch_ = connection_->on_disconnect()
               .then([this, watched] { drop(watched); },
                     [this, watched](kj::Exception&&) { drop(watched); })
               .eagerlyEvaluate(nullptr);
}

void Reconnector::drop(const client::Connection* connection) {
  if (!connection_ || connection_.get() != connection) return;
  say_lost_("connection lost, reconnecting");
  retired_ = std::move(connection_);
  connection_ = nullptr;
}

kj::Promise<void> Reconnector::pause(const kj::Exception& exception,
                                     const Shared& connection,
                                     kj::Duration delay) {
  if (exception.getType() == kj::Exception::Type::DISCONNECTED) {
    drop(connection.get());
    return timer().afterDelay(delay);
  }
  if (!is_retryable(error_from(exception).code)) return kj::cp(exception);
  return timer().afterDelay(delay);
}

Interrupts::Interrupts() {
  kj::UnixEventPort::captureSignal(SIGINT);
  kj::UnixEventPort::captureSignal(SIGTERM);
}

kj::Promise<int> Interrupts::next(kj::AsyncIoContext& io) const {
  const auto number = [](siginfo_t&& info) { return static_cast<int>(info.si_signo); };
  return io.unixEventPort.onSignal(SIGINT).then(number).exclusiveJoin(
      io.unixEventPort.onSignal(SIGTERM).then(number));
}

}  // namespace troupe::cli
