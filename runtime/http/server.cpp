#include "runtime/http/server.h"

#include "runtime/base/assert.h"
#include "runtime/http/service.h"
#include "runtime/http/versioned_stream.h"
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

class KjServer final : public Server, public kj::TaskSet::ErrorHandler {
 public:
  KjServer(kj::Timer& timer, const RouteTable& routes, ServerOptions options)
      : timer_(timer),
        options_(options),
        parts_{timer, routes, table_, options_, last_response_},
        errors_(parts_),
        http_(timer, table_, service_factory(), settings()),
        served_(*this),
        listeners_(kj::heap<kj::TaskSet>(*this)) {
    TROUPE_EXPECTS(options.connections_max > 0);
  }

  ~KjServer() noexcept override = default;

  void listen(kj::Own<kj::ConnectionReceiver> port) override;
  kj::Promise<void> serve(kj::Own<kj::AsyncIoStream> connection) override;
  kj::Promise<void> drain() override;
  std::size_t connections() const override { return open_; }

 private:
  /// Counts one connection while it lives; its end lets waiting accepts go on.
  class Slot {
   public:
    explicit Slot(KjServer& server) : server_(server) { ++server_.open_; }
    ~Slot() {
      --server_.open_;
      for (auto& waiting : std::exchange(server_.waiting_for_slot_, {})) waiting->fulfill();
    }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

   private:
    KjServer& server_;
  };

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
  const ServiceParts parts_;
  ProtocolErrors errors_;

  // Owned by the event loop's thread.
  bool draining_ = false;
  std::size_t open_ = 0;
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
  out.errorHandler = errors_;
  out.callbacks = last_response_;
  return out;
}

kj::HttpServer::HttpServiceFactory KjServer::service_factory() {
  return [this](kj::AsyncIoStream& connection) -> kj::Own<kj::HttpService> {
    return kj::heap<RouteService>(parts_, kj::downcast<VersionedStream>(connection));
  };
}

void KjServer::listen(kj::Own<kj::ConnectionReceiver> port) {
  TROUPE_EXPECTS(!draining_);
  auto& receiver = *port;
  listeners_->add(accept_loop(receiver).attach(kj::mv(port)));
}

kj::Promise<void> KjServer::serve(kj::Own<kj::AsyncIoStream> connection) {
  auto slot = kj::heap<Slot>(*this);
  return http_.listenHttp(kj::heap<VersionedStream>(kj::mv(connection)))
      .catch_([](kj::Exception&& exception) {
        log_event(LogLevel::debug, "http_connection_failed",
                  {{"error", description_of(exception)}});
      })
      .attach(kj::mv(slot));
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
            served_.add(serve(kj::mv(connection)));
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
