#include "apps/troupe/server/http_edge.h"

#include "runtime/http/io_threads.h"
#include "runtime/http/server.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace troupe::server {
namespace {

constexpr std::size_t default_threads_max = 4;
constexpr std::size_t requests_max = 1024;
// As long as a plain connection has for its first request.
constexpr Duration tls_handshake_max{15'000};

/// One thread's.
class HttpLoop final : public http::LoopService {
 public:
  HttpLoop(Site& main,
           const HttpEdgeOptions& options,
           const MakeRoutes& make_routes,
           kj::AsyncIoContext& io)
      : edge_(main.host),
        answers_(edge_.run().eagerlyEvaluate(nullptr)),
        site_(main.on_thread(edge_, io.provider->getTimer())) {
    make_routes(routes_, site_);
    // Of all threads together, well below the connections: who comes later is told so at once.
    http::ServerOptions limits;
    limits.requests_max = std::max<std::size_t>(requests_max / options.threads, 1);
    server_ = http::make_server(site_.timer, routes_, limits);
    if (!options.tls.empty()) use_tls(options.tls);
  }

  void use_tls(const TlsMaterial& material) {
    tls_ = std::make_shared<kj::Own<kj::TlsContext>>(
        make_tls_server(material, site_.timer, tls_handshake_max));
  }

  void take(kj::Own<kj::AsyncIoStream> connection, http::Peer peer) override {
    if (!tls_) return server_->take(kj::mv(connection), std::move(peer));
    peer.is_tls = true;
    // The context is kept by those who shake hands: there may be another one by then.
    server_->take_secured((*tls_)
                              ->wrapServer(kj::mv(connection))
                              .attach(kj::heap<std::shared_ptr<kj::Own<kj::TlsContext>>>(tls_)),
                          std::move(peer));
  }
  bool make_room() override { return server_->make_room(); }
  kj::Promise<void> drain() override {
    site_.stopping->begin();
    return server_->drain();
  }

 private:
  // In this order: what serves ends before what it uses.
  Edge edge_;
  kj::Promise<void> answers_;
  Site site_;
  http::RouteTable routes_;
  std::unique_ptr<http::Server> server_;
  std::shared_ptr<kj::Own<kj::TlsContext>> tls_;  // null: none
};

class ThreadedEdge final : public HttpEdge {
 public:
  ThreadedEdge(Site& main, const HttpEdgeOptions& options, const MakeRoutes& make_routes)
      : timer_(main.timer),
        connections_max_(options.connections_max),
        threads_(http::IoThreads::start(
            options.threads, [&main, &options, &make_routes](kj::AsyncIoContext& io, std::size_t) {
              return std::make_unique<HttpLoop>(main, options, make_routes, io);
            })) {}
  ~ThreadedEdge() noexcept override = default;

  void listen(kj::Own<kj::ConnectionReceiver> port) override {
    auto& receiver = *port;
    accepting_ = http::accept_into(*threads_, receiver, timer_, connections_max_)
                     .attach(kj::mv(port))
                     .eagerlyEvaluate(nullptr);
  }

  void use_tls(TlsMaterial tls) override {
    threads_->run_everywhere([tls = std::move(tls)](http::LoopService& service) {
      kj::downcast<HttpLoop>(service).use_tls(tls);
    });
  }

  std::size_t connections() const override { return threads_->connections(); }
  std::size_t ended() const override { return threads_->ended(); }

  kj::Promise<void> drain(Duration grace) override {
    accepting_ = nullptr;
    return threads_->drain(grace);
  }

 private:
  kj::Timer& timer_;
  const std::size_t connections_max_;
  const std::unique_ptr<http::IoThreads> threads_;
  kj::Promise<void> accepting_ = nullptr;  // ends before the threads
};

}  // namespace

std::unique_ptr<HttpEdge> make_http_edge(Site& main,
                                         const HttpEdgeOptions& options,
                                         const MakeRoutes& make_routes) {
  return std::make_unique<ThreadedEdge>(main, options, make_routes);
}

std::size_t http_threads_of(std::size_t configured) {
  if (configured > 0) return configured;
  const std::size_t processors = std::thread::hardware_concurrency();
  return std::clamp(processors, std::size_t{1}, default_threads_max);
}

}  // namespace troupe::server
