#include "apps/troupe/server/server.h"

#include "actors/auth/audit.h"
#include "actors/auth/client_actor.h"
#include "actors/auth/roles_actor.h"
#include "actors/blobs/collector.h"
#include "actors/object/object_actor.h"
#include "actors/subscription/subscription_actor.h"
#include "actors/task/task_actor.h"
#include "actors/task_group/group_actor.h"
#include "actors/task_queue/queue_actor.h"
#include "actors/worker/queries.h"
#include "actors/worker/worker_actor.h"
#include "apps/troupe/server/amqp_publisher.h"
#include "apps/troupe/server/api_metrics.h"
#include "apps/troupe/server/blob_janitor.h"
#include "apps/troupe/server/blob_routes.h"
#include "apps/troupe/server/call.h"
#include "apps/troupe/server/event_feed.h"
#include "apps/troupe/server/event_stream.h"
#include "apps/troupe/server/exchanges.h"
#include "apps/troupe/server/http_edge.h"
#include "apps/troupe/server/listener.h"
#include "apps/troupe/server/log_keeper.h"
#include "apps/troupe/server/metric_types.h"
#include "apps/troupe/server/queue_monitor.h"
#include "apps/troupe/server/realm.h"
#include "apps/troupe/server/reseal.h"
#include "apps/troupe/server/retention.h"
#include "apps/troupe/server/server_metrics.h"
#include "apps/troupe/server/services.h"
#include "apps/troupe/server/site.h"
#include "apps/troupe/server/static_clients.h"
#include "apps/troupe/server/store_paths.h"
#include "runtime/api/body_readers.h"
#include "runtime/base/hash.h"
#include "runtime/base/random.h"
#include "runtime/http/operations.h"
#include "runtime/process/log.h"
#include "schema/store/auth.capnp.h"
#include "schema/store/messages.capnp.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

namespace troupe::server {
namespace {

constexpr std::size_t disk_threads = 4;
// A worker that comes back at the end of its lease has to renew the claims that ran out while this
// program was down; it tries that every 10 s.
constexpr Duration renewal_least{30'000};
// What is under way when the server stops has so long.
constexpr Duration stop_grace{1'000};
constexpr std::size_t log_name_bytes = 6;

// Workers that were connected when the last process ended: their leases count from now.
void begin_leases(Host& host) {
  std::string next;
  for (Page page;; page = read_page(1000, next)) {
    next.clear();
    for (const auto& w : worker::list_workers(*host.snapshot(), "", page, next)) {
      if (w.session == 0 && w.claims.empty()) continue;
      host.ask(
          worker_id(w.task_queue_id + "/" + w.worker_group + "/" + w.worker_id),
          build<schema::WorkerMessage>([](schema::WorkerMessage::Builder m) { m.setRestarted(); }),
          ReplyTo{});
    }
    if (next.empty()) return;
  }
}

// The reserve is made again when there is room, slots of dead readers are freed.
kj::Promise<void> maintain_host(Host& host, kj::Timer& timer) {
  host.maintain();
  return timer.afterDelay(1 * kj::SECONDS).then([&host, &timer] {
    return maintain_host(host, timer);
  });
}

// Who waits for what others do is answered, and what is under way over HTTP ends. Other calls over
// RPC are short: who made one that is cut makes it again.
kj::Promise<void> end_calls(Site& site, HttpEdge& http) {
  site.stopping->begin();
  auto drained = http.drain(stop_grace);
  auto late = site.timer.afterDelay(stop_grace.count() * kj::MILLISECONDS);
  return site.stopping->answered()
      .exclusiveJoin(kj::mv(late))
      .then([] { return kj::evalLast([] {}); })  // the answers leave
      .then([drained = kj::mv(drained)]() mutable { return kj::mv(drained); });
}

// LMDB follows what a damaged page says. As long as reading all of them takes no time to speak of,
// they are looked at before it does.
constexpr std::uint64_t verified_bytes_max = 256ULL << 20;

// What positions of this event log begin with, made at the first start. Later starts write nothing.
kj::Promise<std::string> name_of_log(Site& site) {
  const auto known = subscription::find(*site.host.snapshot(), subscription::log_name);
  if (known) return known->log;
  const std::string fresh = to_hex(as_bytes(random_bytes(log_name_bytes)));
  return ask(site, {kinds::subscription, subscription::log_name}, subscription::begin(fresh, {}))
      .then([](const Bytes& row) { return subscription::decode(row.words()).log; });
}

// Where the publisher is: at its first start, at the end of the log.
kj::Promise<EventPosition> begin_publishing(Site& site) {
  auto known = subscription::find(*site.host.snapshot(), subscription::amqp_name);
  if (known) return std::move(known->position);
  return ask(site, {kinds::subscription, subscription::amqp_name},
             subscription::begin({}, site.host.last_events()))
      .then([](const Bytes& row) { return subscription::decode(row.words()).position; });
}

HostOptions host_options(const ServerOptions& options, const task::TaskConfig& tasks) {
  HostOptions host;
  host.store.directory = store_dir(options.data_dir);
  host.store.use_bytes_max = options.map_size_bytes;
  host.store.disk_free_least = options.disk_reserve_bytes;
  host.store.sync = options.sync;
  host.store.verify = stored_bytes(options.data_dir) <= verified_bytes_max;
  host.shards = options.shards;
  host.threads = std::max(2U, std::thread::hardware_concurrency());
  host.kinds = {task::kind(tasks),
                task_group::kind({options.expiration_delay}),
                task_queue::kind({options.expiration_delay}),
                worker::kind({options.worker_lease, options.expiration_delay}),
                auth::client_kind(),
                auth::roles_kind(),
                auth::audit_kind({options.audit_retention}),
                object::kind(),
                blobs::kind({options.garbage_delay}),
                subscription::kind()};
  host.timers.hold = options.worker_lease + renewal_least;
  host.prepare = begin_leases;
  return host;
}

Status make_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return Done{};
  return Error{Errc::unavailable,
               "cannot create " + path + ": " + std::generic_category().message(errno)};
}

constexpr std::size_t descriptors_beside = 1'024;  // open logs, the store, ...

// Connections and open logs need a descriptor each; the usual soft limit is far below.
void raise_descriptor_limit(std::size_t connections_max) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    log_event(LogLevel::warning, "descriptor_limit_kept",
              {{"detail", std::generic_category().message(errno)}});
  }
  const auto wanted = 2 * connections_max + descriptors_beside;
  if (limit.rlim_max < wanted) {
    log_event(LogLevel::warning, "descriptor_limit_low",
              {{"limit", std::uint64_t{limit.rlim_max}}, {"wanted", std::uint64_t{wanted}}});
  }
}

// What stands still on disk and in memory; outlives the I/O thread.
struct Foundation {
  SystemClock clock;
  metrics::Registry registry;
  HostHistograms histograms{registry};
  std::unique_ptr<Host> host;
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<StreamStore> logs;
  std::unique_ptr<metrics::CollectorRegistration> collector;
  std::unique_ptr<ThreadPool> disk;
};

HostHooks host_hooks(Foundation& f, std::function<void(const std::string&)> on_fatal) {
  HostHooks hooks;
  hooks.fatal = std::move(on_fatal);
  hooks.report = [](const std::string& kind, const std::string& event, const std::string& actor,
                    const std::string& detail) {
    // What the store does by itself, in its own order.
    const bool news = event == "reserve_made" || event == "upgrade_step";
    log_event(news ? LogLevel::info : LogLevel::error, event,
              {{"kind", kind}, {"actor", actor}, {"detail", detail}});
  };
  hooks.batch_written = [&f](double seconds, std::size_t commits) {
    f.histograms.commit_seconds.observe(seconds);
    f.histograms.batch_commits.observe(static_cast<double>(commits));
  };
  return hooks;
}

Status open_foundation(Foundation& f,
                       const ServerOptions& options,
                       const task::TaskConfig& tasks,
                       std::function<void(const std::string&)> on_fatal) {
  for (const char* folder : {"", "/blobs", "/logs"}) {
    if (auto made = make_directory(options.data_dir + folder); !made.ok()) return made;
  }
  HostOptions setup = host_options(options, tasks);
  setup.timers.fired = [&f](double late) { f.histograms.timer_late_seconds.observe(late); };
  auto host = Host::start(f.clock, std::move(setup), host_hooks(f, std::move(on_fatal)));
  if (!host.ok()) return host.error();
  f.host = std::move(host).value();
  auto blobs = BlobStore::open({.dir = options.data_dir + "/blobs"}, f.clock.wall_now());
  if (!blobs.ok()) return blobs.error();
  f.blobs = std::move(blobs).value();
  auto logs = StreamStore::open({.dir = options.data_dir + "/logs"}, *f.blobs);
  if (!logs.ok()) return logs.error();
  f.logs = std::move(logs).value();
  f.collector = add_host_metrics(f.registry, *f.host, f.clock);
  f.disk = std::make_unique<ThreadPool>(disk_threads);
  return Done{};
}

struct Bound {
  std::string http;
  std::vector<std::string> rpc;
  kj::Own<kj::ConnectionReceiver> http_port;
};

// `host:port` with the port that was bound.
std::string with_port(const std::string& address, unsigned port) {
  if (address.starts_with("unix:")) return address;
  return address.substr(0, address.rfind(':') + 1) + std::to_string(port);
}

class RunningServer final : public Server {
 public:
  RunningServer(ServerOptions options,
                task::TaskConfig tasks,
                std::function<void(const std::string&)> on_fatal)
      : options_(std::move(options)), tasks_(tasks), on_fatal_(std::move(on_fatal)) {}
  ~RunningServer() noexcept override { stop(); }

  Status open() {
    if (auto opened = open_foundation(foundation_, options_, tasks_, on_fatal_); !opened.ok()) {
      return opened;
    }
    std::promise<Status> started;
    auto outcome = started.get_future();
    thread_ = std::thread([this, &started] { run(started); });
    return outcome.get();
  }

  std::string http_address() const override { return bound_.http; }
  std::vector<std::string> rpc_addresses() const override { return bound_.rpc; }
  std::string root_url() const override { return root_url_; }

  void use_tls(ServerTls tls) override {
    // One that was not there at the start would change the addresses' meaning.
    if (options_.tls.http.empty()) tls.http = {};
    if (options_.tls.rpc.empty()) tls.rpc = {};
    const std::lock_guard lock(stop_mutex_);
    if (use_tls_) use_tls_(tls);
  }

  void stop() override {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(stop_mutex_);
      if (stop_.get() != nullptr) stop_->fulfill();
    }
    thread_.join();
  }

 private:
  /// What calls may still use while the loop they ran on is destroyed: calls over RPC belong to the
  /// loop, and end with it, later than their connections.
  struct OutlivesLoop {
    Edge edge;
    const Realm realm;
    std::optional<EventFeed> events = {};  // once the log is known
    std::optional<Site> site = {};         // once there is a loop; its timer ends with that
  };

  void run(std::promise<Status>& started);
  void serve(kj::AsyncIoContext& io, OutlivesLoop& kept, std::promise<Status>& started);
  /// What actors have to do before anybody is served. Errors: `internal` one of them refused.
  Status prepare(kj::AsyncIoContext& io, OutlivesLoop& kept);
  Result<Bound> listen(kj::AsyncIoContext& io, RpcListener& rpc);
  http::OperationsOptions operations();
  void add_routes(http::RouteTable& routes, Site& site, api::BodyReaders& bodies);
  RealmHooks realm_hooks();
  std::unique_ptr<AmqpPublisher> publish(Site& site);

  // Constant once open.
  const ServerOptions options_;
  const task::TaskConfig tasks_;
  const std::function<void(const std::string&)> on_fatal_;
  Foundation foundation_;
  Bound bound_;
  std::string root_url_;
  EventPosition begun_;  // of the publisher, where it was

  std::mutex stop_mutex_;  // guards the next two
  kj::Own<kj::CrossThreadPromiseFulfiller<void>> stop_;
  std::function<void(const ServerTls&)> use_tls_;  // on the I/O thread; none once it stops
  std::thread thread_;
};

http::OperationsOptions RunningServer::operations() {
  http::OperationsOptions operations;
  operations.version = {TROUPE_VERSION, "", "", ""};
  operations.with_metrics = !options_.is_private;
  operations.problems = [this]() -> std::vector<std::string> {
    const HostStats stats = foundation_.host->stats();
    if (stats.committer.stalled || stats.store.low) return {"disk"};
    return {};
  };
  return operations;
}

// All of HTTP, for one of its threads.
void RunningServer::add_routes(http::RouteTable& routes, Site& site, api::BodyReaders& bodies) {
  http::add_operations(routes, foundation_.registry, operations());
  add_service_routes(routes, site, foundation_.registry, bodies);
  add_blob_routes(routes, site);
  add_event_stream(routes, site);
}

RealmHooks RunningServer::realm_hooks() {
  RealmHooks hooks;
  hooks.open = [this](const std::string& client_id,
                      const std::string& sealed) -> std::optional<Secret> {
    auto token = options_.keys.open(sealed, client_id);
    if (token.ok()) return std::move(token).value();
    log_event(LogLevel::error, "token_unreadable",
              {{"client", client_id}, {"detail", token.error().detail}});
    return std::nullopt;
  };
  hooks.used = [this](const std::string& id, Instant before) {
    if (foundation_.clock.wall_now() - before < auth::touch_least) return false;
    auto touch =
        build<schema::ClientMessage>([](schema::ClientMessage::Builder m) { m.setTouch(); });
    foundation_.host->ask(client_id(id), std::move(touch), ReplyTo{});
    return true;
  };
  return hooks;
}

// Null: there is no broker. One that is new begins with what comes.
std::unique_ptr<AmqpPublisher> RunningServer::publish(Site& site) {
  if (!options_.broker) return nullptr;
  PublisherOptions options;
  options.broker = *options_.broker;
  options.begin = begun_;
  options.exchanges = all_exchanges();
  return start_publisher(site.host, *site.events, foundation_.registry, std::move(options));
}

Result<Bound> RunningServer::listen(kj::AsyncIoContext& io, RpcListener& rpc) {
  Bound bound;
  auto& network = io.provider->getNetwork();
  const auto bind = [&](const std::string& address) {
    return network.parseAddress(address.c_str()).wait(io.waitScope)->listen();
  };
  std::string current = options_.http_address;
  try {
    auto port = bind(current);
    bound.http = with_port(current, port->getPort());
    bound.http_port = kj::mv(port);
    for (const auto& address : options_.rpc_addresses) {
      current = address;
      auto rpc_port = bind(address);
      bound.rpc.push_back(
          with_port(address, address.starts_with("unix:") ? 0 : rpc_port->getPort()));
      rpc.listen(kj::mv(rpc_port));
    }
  } catch (const kj::Exception& e) {
    const std::string why(e.getDescription().cStr());
    const bool taken = why.find("in use") != std::string::npos;
    return Error{taken ? Errc::conflict : Errc::invalid,
                 "cannot listen on " + current + ": " + why};
  }
  return bound;
}

Status RunningServer::prepare(kj::AsyncIoContext& io, OutlivesLoop& kept) {
  Site& site = *kept.site;
  try {
    site.events = &kept.events.emplace(site.host, name_of_log(site).wait(io.waitScope));
    if (options_.broker) begun_ = begin_publishing(site).wait(io.waitScope);
    synchronise_static_clients(site, options_.static_clients, options_.is_private)
        .wait(io.waitScope);
  } catch (const kj::Exception& e) {  // on a thread that would end the process
    return Error{Errc::internal, "cannot start: " + error_from(e).detail};
  }
  return Done{};
}

void RunningServer::serve(kj::AsyncIoContext& io,
                          OutlivesLoop& kept,
                          std::promise<Status>& started) {
  Edge& edge = kept.edge;
  const auto answers = edge.run().eagerlyEvaluate(nullptr);
  Site& site =
      kept.site.emplace(Site{foundation_.clock, *foundation_.host, edge, *foundation_.blobs,
                             *foundation_.logs, *foundation_.disk, io.provider->getTimer(), tasks_,
                             options_.root_url, options_.root_client_id, options_.root_access_token,
                             options_.keys, kept.realm, foundation_.clock.wall_now(), on_fatal_});
  site.data_dir = options_.data_dir;
  site.websocktunnel_secret = options_.websocktunnel_secret;
  site.claim_work_timeout = options_.claim_work_timeout;
  site.figures = std::make_shared<ApiMetrics>(foundation_.registry);
  if (auto prepared = prepare(io, kept); !prepared.ok()) {
    started.set_value(prepared.error());
    return;
  }
  auto rpc = make_rpc_listener(site, options_.connections_max);
  if (!options_.tls.rpc.empty()) rpc->use_tls(options_.tls.rpc);

  auto bound = listen(io, *rpc);
  if (!bound.ok()) {
    started.set_value(bound.error());
    return;
  }
  bound_ = std::move(bound).value();
  const char* const scheme = options_.tls.http.empty() ? "http://" : "https://";
  if (site.root_url.empty()) site.root_url = scheme + bound_.http;
  root_url_ = site.root_url;
  api::BodyReaders bodies;
  const auto http = make_http_edge(
      site,
      {.threads = options_.http_threads,
       .tls = options_.tls.http,
       .connections_max = options_.connections_max},
      [this, &bodies](http::RouteTable& routes, Site& own) { add_routes(routes, own, bodies); });
  http->listen(kj::mv(bound_.http_port));
  const auto http_figures = foundation_.registry.add_collector([&http = *http](auto& samples) {
    samples.gauge(metric("http_connections"), static_cast<double>(http.connections()));
    samples.counter(metric("http_connections_ended_total"), static_cast<double>(http.ended()));
  });
  const auto publisher = publish(site);
  const auto retention =
      keep_events_bounded(site, {.age = options_.events_retention,
                                 .bytes_max = options_.events_retention_bytes,
                                 .reader = publisher ? subscription::amqp_name : "",
                                 .backlog_bytes_max = options_.amqp_backlog_bytes})
          .eagerlyEvaluate(nullptr);
  const auto resealing = reseal_tokens(site).eagerlyEvaluate([](kj::Exception&& e) {
    log_event(LogLevel::error, "tokens_not_resealed", {{"detail", error_from(e).detail}});
  });
  const auto maintenance = maintain_host(site.host, site.timer).eagerlyEvaluate(nullptr);
  const auto logs = keep_logs(site).eagerlyEvaluate(
      [&site](kj::Exception&& e) { site.fatal("logs: " + error_from(e).detail); });
  const auto janitor = remove_unused_blobs(site, options_.garbage_delay).eagerlyEvaluate(nullptr);
  const auto monitor =
      monitor_queue(site, foundation_.registry).eagerlyEvaluate([](kj::Exception&& e) {
        log_event(LogLevel::error, "queue_not_monitored", {{"detail", error_from(e).detail}});
      });

  auto paf = kj::newPromiseAndCrossThreadFulfiller<void>();
  {
    const std::lock_guard lock(stop_mutex_);
    stop_ = kj::mv(paf.fulfiller);
    use_tls_ = [&edge, &http, &rpc](const ServerTls& tls) {
      edge.post([&http, &rpc, tls] {
        if (!tls.http.empty()) http->use_tls(tls.http);
        if (!tls.rpc.empty()) rpc->use_tls(tls.rpc);
      });
    };
  }
  started.set_value(Done{});
  paf.promise.wait(io.waitScope);
  {
    const std::lock_guard lock(stop_mutex_);
    use_tls_ = nullptr;
  }
  end_calls(site, *http).wait(io.waitScope);
}

void RunningServer::run(std::promise<Status>& started) {
  OutlivesLoop kept{Edge(*foundation_.host), Realm(*foundation_.host, realm_hooks())};
  auto io = kj::setupAsyncIo();
  serve(io, kept, started);
}

}  // namespace

Result<std::unique_ptr<Server>> start(ServerOptions options,
                                      std::function<void(const std::string&)> on_fatal) {
  task::TaskConfig tasks;
  tasks.claim_timeout = options.claim_timeout;
  tasks.deadline_delay = options.deadline_delay;
  tasks.expiration_delay = options.expiration_delay;
  tasks.max_task_deadline = options.max_task_deadline;
  tasks.max_dependencies = options.max_dependencies;
  raise_descriptor_limit(options.connections_max);
  auto server = std::make_unique<RunningServer>(std::move(options), tasks, std::move(on_fatal));
  if (auto opened = server->open(); !opened.ok()) return opened.error();
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace troupe::server
