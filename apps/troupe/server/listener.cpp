#include "apps/troupe/server/listener.h"

#include "apps/troupe/server/api_metrics.h"
#include "apps/troupe/server/gateway.h"
#include "apps/troupe/server/realm.h"
#include "apps/troupe/server/session.h"
#include "apps/troupe/server/strangers.h"
#include "runtime/http/request_stream.h"
#include "runtime/process/log.h"
#include "runtime/rpc/handshake_stream.h"

#include <capnp/rpc-twoparty.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace troupe::server {
namespace {

// Of all connections, those of peers that have not proven who they are.
constexpr std::size_t strangers_max = 2'048;
// After so many newcomers who took another's place there is a pause. So a flood leaves the loop
// time for those who are in, and everybody has half a second to prove who it is; a newcomer waits
// in the system's queue of 4,096 for a second at most.
constexpr std::size_t newcomers_max = 4;
constexpr auto crowded_pause = 1 * kj::MILLISECONDS;
static_assert(strangers_max / newcomers_max * crowded_pause >= 500 * kj::MILLISECONDS);
constexpr auto accept_retry = 100 * kj::MILLISECONDS;
// A peer that has not proven who it is by then is sent away; afterwards it may be idle.
constexpr auto authentication_time = 10 * kj::SECONDS;
constexpr Duration tls_handshake_max{10'000};  // a part of it
// A flood is told of now and then, not once for each of its connections.
constexpr auto report_pause = 10 * kj::SECONDS;
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

bool is_tcp(kj::AsyncIoStream& stream) {
  sockaddr_storage name{};
  kj::uint size = sizeof name;
  stream.getsockname(reinterpret_cast<sockaddr*>(&name), &size);
  return name.ss_family == AF_INET || name.ss_family == AF_INET6;
}

// Of this machine's user, who may read the root token anyway.
bool is_same_user(kj::AsyncIoStream& stream) {
  ucred peer{};
  kj::uint size = sizeof peer;
  stream.getsockopt(SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return peer.uid == geteuid();
}

// Whose connection it is, as far as can be known before it says so: its host. Nothing for whom we
// trust with as many as it likes.
std::optional<std::string> origin_of(kj::AsyncIoStream& stream) {
  constexpr std::size_t network_bytes = 8;  // of IPv6: who has one address has all of its network
  try {
    sockaddr_storage name{};
    kj::uint size = sizeof name;
    stream.getpeername(reinterpret_cast<sockaddr*>(&name), &size);
    if (name.ss_family == AF_INET) {
      const auto& address = reinterpret_cast<const sockaddr_in&>(name).sin_addr;
      return std::string(reinterpret_cast<const char*>(&address), sizeof address);
    }
    if (name.ss_family == AF_INET6) {
      const auto& address = reinterpret_cast<const sockaddr_in6&>(name).sin6_addr;
      const bool mapped = IN6_IS_ADDR_V4MAPPED(&address) != 0;
      return std::string(reinterpret_cast<const char*>(&address),
                         mapped ? sizeof address : network_bytes);
    }
    if (is_same_user(stream)) return std::nullopt;
  } catch (const kj::Exception&) {
    return "";  // it is gone already, perhaps
  }
  return "";
}

/// Whom a connection comes from, as far as is known.
struct Peer {
  std::string address;                  // empty: a socket file
  std::shared_ptr<bool> authenticated;  // set once it has proven who it is
  std::function<void()> on_proven;
};

class Listener final : public RpcListener, public kj::TaskSet::ErrorHandler {
 public:
  Listener(Site& site, std::size_t connections_max)
      : site_(site), connections_max_(connections_max), tasks_(*this) {}

  void listen(kj::Own<kj::ConnectionReceiver> port) override {
    auto& receiver = *port;
    tasks_.add(accept(receiver).attach(kj::mv(port)));
  }

  void use_tls(const TlsMaterial& tls) override {
    tls_ = std::make_shared<kj::Own<kj::TlsContext>>(
        make_tls_server(tls, site_.timer, tls_handshake_max));
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
          const std::size_t before = turned_out();
          serve(kj::mv(stream));
          if (turned_out() == before) return accept(port);
          report_crowd();
          if (turned_out() % newcomers_max != 0) return accept(port);
          return accept_after(crowded_pause, port);
        },
        [this, &port](kj::Exception&& e) {
          // Out of descriptors, perhaps: those who are in go on.
          log_event(LogLevel::error, "rpc_accept_failed",
                    {{"detail", std::string(e.getDescription().cStr())}});
          return accept_after(accept_retry, port);
        });
  }

  kj::Promise<void> accept_after(kj::Duration pause, kj::ConnectionReceiver& port) {
    return site_.timer.afterDelay(pause).then([this, &port] { return accept(port); });
  }

  void serve(kj::Own<kj::AsyncIoStream> stream) {
    if (connections_ >= connections_max_ && !strangers_.send_one_away()) {
      refused_ += 1;
      return;
    }
    set_no_delay(*stream);
    connections_ += 1;
    auto stranger = kj::Own<Strangers::Stranger>();
    kj::Promise<void> has_to_leave = kj::NEVER_DONE;
    if (const auto origin = origin_of(*stream)) {
      stranger = strangers_.admit(*origin);
      has_to_leave = stranger->has_to_leave();
    }
    const auto authenticated = std::make_shared<bool>(false);
    Peer peer{http::peer_of(*stream).address, authenticated,
              [authenticated, stranger = stranger.get()] {
                *authenticated = true;
                if (stranger != nullptr) stranger->trust();
              }};
    auto too_late =
        site_.timer.afterDelay(authentication_time).then([authenticated]() -> kj::Promise<void> {
          if (*authenticated) return kj::NEVER_DONE;
          return kj::READY_NOW;
        });
    // The gateway ends before the stranger does.
    auto served = kj::evalNow([&] { return serve_secured(kj::mv(stream), std::move(peer)); });
    tasks_.add(served.exclusiveJoin(kj::mv(too_late))
                   .exclusiveJoin(kj::mv(has_to_leave))
                   .attach(kj::mv(stranger))
                   .attach(kj::defer([this] { connections_ -= 1; })));
  }

  // With TLS, if it is for this one.
  kj::Promise<void> serve_secured(kj::Own<kj::AsyncIoStream> stream, Peer peer) {
    if (!tls_ || !is_tcp(*stream)) return serve_messages(kj::mv(stream), std::move(peer));
    // The context is kept by those who shake hands: there may be another one by then.
    return (*tls_)
        ->wrapServer(kj::mv(stream))
        .attach(kj::heap<std::shared_ptr<kj::Own<kj::TlsContext>>>(tls_))
        .then([this, peer = std::move(peer)](kj::Own<kj::AsyncIoStream> secured) mutable {
          return serve_messages(kj::mv(secured), std::move(peer));
        });
  }

  kj::Promise<void> serve_messages(kj::Own<kj::AsyncIoStream> stream, Peer peer) {
    auto gateway = make_gateway(
        {.realm = site_.realm,
         .clock = site_.clock,
         .open_session = [this, address = peer.address](
                             const SessionKey& key) { return make_session(site_, key, address); },
         .peer = peer.address,
         .on_proven =
             [this, on_proven = std::move(peer.on_proven)](bool is_temporary) {
               site_.figures->count_proof(api::Scheme::rpc, is_temporary);
               on_proven();
             },
         .on_refused =
             [this](std::string_view fault) {
               site_.figures->count_refusal(api::Scheme::rpc, fault);
             }});
    capnp::ReaderOptions options;
    options.traversalLimitInWords = message_words_max;
    auto messages = kj::heap<HandshakeStream>(*stream, std::move(peer.authenticated));
    auto network =
        kj::heap<capnp::TwoPartyVatNetwork>(*messages, capnp::rpc::twoparty::Side::SERVER, options);
    auto system = kj::heap(capnp::makeRpcServer(*network, kj::mv(gateway)));
    // One at a time: what is attached first is destroyed first, and the system uses the network.
    auto done = network->onDisconnect();
    return done.attach(kj::mv(system))
        .attach(kj::mv(network))
        .attach(kj::mv(messages))
        .attach(kj::mv(stream));
  }

  std::size_t turned_out() const { return refused_ + strangers_.sent_away(); }

  void report_crowd() {
    const auto now = site_.timer.now();
    if (now < next_report_) return;
    log_event(LogLevel::warning, "rpc_crowded",
              {{"connections", connections_},
               {"strangers_sent_away", strangers_.sent_away()},
               {"refused", refused_}});
    next_report_ = now + report_pause;
  }

  Site& site_;
  const std::size_t connections_max_;
  std::size_t connections_ = 0;
  std::size_t refused_ = 0;  // connections, in all
  kj::TimePoint next_report_ = kj::origin<kj::TimePoint>();
  Strangers strangers_{strangers_max};
  std::shared_ptr<kj::Own<kj::TlsContext>> tls_;  // null: none
  kj::TaskSet tasks_;
};

}  // namespace

std::unique_ptr<RpcListener> make_rpc_listener(Site& site, std::size_t connections_max) {
  return std::make_unique<Listener>(site, connections_max);
}

}  // namespace troupe::server
