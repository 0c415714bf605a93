#include "apps/troupe/server/listener.h"

#include "apps/troupe/server/gateway.h"
#include "runtime/process/log.h"
#include "runtime/rpc/handshake_stream.h"

#include <capnp/rpc-twoparty.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace troupe::server {
namespace {

constexpr std::size_t connections_max = 4'096;
constexpr auto accept_retry = 100 * kj::MILLISECONDS;
// A peer that has not proven who it is by then is sent away; afterwards it may be idle.
constexpr auto authentication_time = 10 * kj::SECONDS;
constexpr std::uint64_t message_words_max = 64ULL << 20 >> 3;

// Calls are small and answered at once: waiting to fill packets would only delay them.
void set_no_delay(kj::AsyncIoStream& stream) {
  const int on = 1;
  try {
    stream.setsockopt(IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  } catch (const kj::Exception&) {
    return;  // a Unix socket has no such delay
  }
}

class Listener final : public RpcListener, public kj::TaskSet::ErrorHandler {
 public:
  explicit Listener(Site& site) : site_(site), tasks_(*this) {}

  void listen(kj::Own<kj::ConnectionReceiver> port) override {
    auto& receiver = *port;
    tasks_.add(accept(receiver).attach(kj::mv(port)));
  }

  std::size_t connections() const override { return connections_; }

  void taskFailed(kj::Exception&& exception) override {
    log_event(LogLevel::debug, "rpc_connection_failed",
              {{"detail", std::string(exception.getDescription().cStr())}});
  }

 private:
  kj::Promise<void> accept(kj::ConnectionReceiver& port) {
    return port.accept().then(
        [this, &port](kj::Own<kj::AsyncIoStream> stream) {
          serve(kj::mv(stream));
          return accept(port);
        },
        [this, &port](kj::Exception&& e) {
          // Out of descriptors, perhaps: those who are in go on.
          log_event(LogLevel::error, "rpc_accept_failed",
                    {{"detail", std::string(e.getDescription().cStr())}});
          return site_.timer.afterDelay(accept_retry).then([this, &port] { return accept(port); });
        });
  }

  void serve(kj::Own<kj::AsyncIoStream> stream) {
    if (connections_ >= connections_max) {
      log_event(LogLevel::warning, "rpc_connection_refused", {{"connections", connections_}});
      return;
    }
    set_no_delay(*stream);
    connections_ += 1;
    capnp::ReaderOptions options;
    options.traversalLimitInWords = message_words_max;
    const auto authenticated = std::make_shared<bool>(false);
    auto messages = kj::heap<HandshakeStream>(*stream, authenticated);
    auto network =
        kj::heap<capnp::TwoPartyVatNetwork>(*messages, capnp::rpc::twoparty::Side::SERVER, options);
    auto system = kj::heap(capnp::makeRpcServer(*network, make_gateway(site_, authenticated)));
    auto too_late =
        site_.timer.afterDelay(authentication_time).then([authenticated]() -> kj::Promise<void> {
          if (*authenticated) return kj::NEVER_DONE;
          return kj::READY_NOW;
        });
    auto done = network->onDisconnect().exclusiveJoin(kj::mv(too_late));
    // One at a time: what is attached first is destroyed first, and the system uses the network.
    tasks_.add(done.attach(kj::mv(system))
                   .attach(kj::mv(network))
                   .attach(kj::mv(messages))
                   .attach(kj::mv(stream))
                   .attach(kj::defer([this] { connections_ -= 1; })));
  }

  Site& site_;
  std::size_t connections_ = 0;
  kj::TaskSet tasks_;
};

}  // namespace

std::unique_ptr<RpcListener> make_rpc_listener(Site& site) {
  return std::make_unique<Listener>(site);
}

}  // namespace troupe::server
