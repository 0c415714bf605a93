#include "runtime/http/server.h"

#include "runtime/base/assert.h"
#include "runtime/http/service.h"
#include "runtime/http/waiting.h"
#include "runtime/process/log.h"

#include <kj/compat/http.h>

#include <string>
#include <utility>
#include <vector>

namespace troupe::http {

namespace {

std::string description_of(const kj::Exception& exception) {
  const auto text = exception.getDescription();
  return {text.begin(), text.size()};
}

// Of a refused body so many times the limit is read and dropped, for so long.
constexpr std::size_t refused_body_factor = 4;
constexpr kj::Duration refused_body_time_max = 5 * kj::SECONDS;

class KjServer final : public Server, public kj::TaskSet::ErrorHandler {
 public:
  KjServer(kj::Timer& timer, const RouteTable& routes, ServerOptions options)
      : timer_(timer),
        options_(options),
        parts_{timer, routes, options_, last_response_, draining_, requests_},
        errors_(parts_),
        waiting_(timer),
        http_(timer, table_, service_factory(), settings()),
        served_(*this),
        listeners_(kj::heap<kj::TaskSet>(*this)) {
    TROUPE_EXPECTS(options.connections_max > 0);
    TROUPE_EXPECTS(options.requests_max > 0);
  }

  ~KjServer() noexcept override = default;

  void listen(kj::Own<kj::ConnectionReceiver> port) override;
  kj::Promise<void> serve(kj::Own<kj::AsyncIoStream> connection, Peer peer) override;
  void take(kj::Own<kj::AsyncIoStream> connection, Peer peer) override {
    served_.add(serve(kj::mv(connection), std::move(peer)));
  }
  void take_secured(kj::Promise<kj::Own<kj::AsyncIoStream>> connection, Peer peer) override;
  bool make_room() override { return waiting_.end_one(); }
  kj::Promise<void> drain() override;
  std::size_t connections() const override { return open_; }
  std::size_t requests() const override { return requests_; }

 private:
  /// Counts one connection while it lives; its end lets waiting accepts go on.
  class Slot {
   public:
    explicit Slot(KjServer& server) : place(server.waiting_), server_(server) { ++server_.open_; }
    ~Slot() {
      --server_.open_;
      for (auto& waiting : std::exchange(server_.waiting_for_slot_, {})) waiting->fulfill();
    }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

    Waiting::Place place;

   private:
    KjServer& server_;
  };

  kj::Promise<void> speak(kj::Own<kj::AsyncIoStream> connection, Peer peer, Slot& slot);
  kj::HttpServerSettings settings();
  kj::HttpServer::HttpServiceFactory service_factory();
  kj::Promise<void> accept_loop(kj::ConnectionReceiver& port);
  kj::Promise<void> wait_for_slot();
  void taskFailed(kj::Exception&& exception) override {
    log_event(LogLevel::warning, "http_loop_failed", {{"error", description_of(exception)}});
  }

  // Constant after construction. Borrowed: it outlives *this.
  kj::Timer& timer_;
  const ServerOptions options_;
  const kj::HttpHeaderTable table_;
  LastResponse last_response_;
  std::size_t requests_ = 0;  // under way; the loop's thread counts
  const ServiceParts parts_;
  ProtocolErrors errors_;

  // Owned by the event loop's thread.
  bool draining_ = false;
  std::size_t open_ = 0;
  Waiting waiting_;
  std::vector<kj::Own<kj::PromiseFulfiller<void>>> waiting_for_slot_;

  // In this order: connections end before what serves them.
  kj::HttpServer http_;
  kj::TaskSet served_;
  kj::Own<kj::TaskSet> listeners_;
};

kj::HttpServerSettings KjServer::settings() {
  kj::HttpServerSettings out;
  out.headerTimeout = to_kj(options_.header_time_max);
  out.pipelineTimeout = to_kj(options_.idle_time_max);
  // Of a body that is refused before it is read: a connection that is closed with bytes unread is
  // reset, and clients that see no response send it all again.
  out.canceledUploadGraceBytes = refused_body_factor * options_.body_bytes_max;
  out.canceledUploadGracePeriod = refused_body_time_max;
  out.errorHandler = errors_;
  out.callbacks = last_response_;
  return out;
}

kj::HttpServer::HttpServiceFactory KjServer::service_factory() {
  return [this](kj::AsyncIoStream& connection) -> kj::Own<kj::HttpService> {
    return kj::heap<RouteService>(parts_, kj::downcast<RequestStream>(connection));
  };
}

void KjServer::listen(kj::Own<kj::ConnectionReceiver> port) {
  TROUPE_EXPECTS(!draining_);
  auto& receiver = *port;
  listeners_->add(accept_loop(receiver).attach(kj::mv(port)));
}

kj::Promise<void> KjServer::serve(kj::Own<kj::AsyncIoStream> connection, Peer peer) {
  auto slot = kj::heap<Slot>(*this);
  auto leaves = slot->place.has_to_leave();
  return speak(kj::mv(connection), std::move(peer), *slot)
      .exclusiveJoin(kj::mv(leaves))
      .attach(kj::mv(slot));
}

kj::Promise<void> KjServer::speak(kj::Own<kj::AsyncIoStream> connection, Peer peer, Slot& slot) {
  return http_
      .listenHttp(kj::heap<RequestStream>(kj::mv(connection), std::move(peer), slot.place, timer_,
                                          to_kj(options_.header_time_max)))
      .catch_([](kj::Exception&& exception) {
        log_event(LogLevel::debug, "http_connection_failed",
                  {{"error", description_of(exception)}});
      });
}

void KjServer::take_secured(kj::Promise<kj::Own<kj::AsyncIoStream>> connection, Peer peer) {
  auto slot = kj::heap<Slot>(*this);
  auto leaves = slot->place.has_to_leave();
  auto served = connection.then(
      [this, peer = std::move(peer), &slot = *slot](kj::Own<kj::AsyncIoStream> secured) mutable {
        return speak(kj::mv(secured), std::move(peer), slot);
      },
      [](kj::Exception&& exception) -> kj::Promise<void> {
        log_event(LogLevel::debug, "http_tls_failed", {{"error", description_of(exception)}});
        return kj::READY_NOW;
      });
  served_.add(served.exclusiveJoin(kj::mv(leaves)).attach(kj::mv(slot)));
}

kj::Promise<void> KjServer::wait_for_slot() {
  if (open_ < options_.connections_max) return kj::READY_NOW;
  auto pair = kj::newPromiseAndFulfiller<void>();
  waiting_for_slot_.push_back(kj::mv(pair.fulfiller));
  return pair.promise.then([this] { return wait_for_slot(); });
}

kj::Promise<void> KjServer::accept_loop(kj::ConnectionReceiver& port) {
  constexpr Duration accept_retry_delay = std::chrono::seconds{1};
  return wait_for_slot()
      .then([&port] { return port.accept(); })
      .then(
          [this](kj::Own<kj::AsyncIoStream> connection) -> kj::Promise<void> {
            auto peer = peer_of(*connection);
            take(kj::mv(connection), std::move(peer));
            return kj::READY_NOW;
          },
          [this, accept_retry_delay](kj::Exception&& exception) -> kj::Promise<void> {
            log_event(LogLevel::warning, "http_accept_failed",
                      {{"error", description_of(exception)}});
            return timer_.afterDelay(to_kj(accept_retry_delay));
          })
      .then([this, &port] { return accept_loop(port); });
}

kj::Promise<void> KjServer::drain() {
  TROUPE_EXPECTS(!draining_);
  draining_ = true;
  listeners_ = kj::heap<kj::TaskSet>(*this);
  return http_.drain();
}

}  // namespace

std::unique_ptr<Server> make_server(kj::Timer& timer,
                                    const RouteTable& routes,
                                    ServerOptions options) {
  return std::make_unique<KjServer>(timer, routes, options);
}

}  // namespace troupe::http
