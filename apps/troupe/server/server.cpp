#include "apps/troupe/server/server.h"

#include "actors/auth/client_actor.h"
#include "actors/task/task_actor.h"
#include "actors/task_group/group_actor.h"
#include "actors/task_queue/queue_actor.h"
#include "actors/worker/queries.h"
#include "actors/worker/worker_actor.h"
#include "apps/troupe/server/call.h"
#include "apps/troupe/server/listener.h"
#include "apps/troupe/server/log_keeper.h"
#include "apps/troupe/server/retention.h"
#include "apps/troupe/server/server_metrics.h"
#include "apps/troupe/server/site.h"
#include "apps/troupe/server/store_paths.h"
#include "runtime/http/operations.h"
#include "runtime/http/server.h"
#include "runtime/process/log.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <mutex>
#include <system_error>
#include <thread>

namespace troupe::server {
namespace {

constexpr std::size_t disk_threads = 4;
// A worker that comes back at the end of its lease has to renew the claims that ran out while this
// program was down; it tries that every 10 s.
constexpr Duration renewal_least{30'000};

// Workers that were connected when the last process ended: their leases count from now.
void begin_leases(Host& host) {
  std::string next;
  for (Page page{.limit = 1000, .after = ""};; page.after = from_base64(next).value_or("")) {
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

HostOptions host_options(const ServerOptions& options, const task::TaskConfig& tasks) {
  HostOptions host;
  host.store.directory = store_dir(options.data_dir);
  host.store.use_bytes_max = options.map_size_bytes;
  host.store.disk_free_least = options.disk_reserve_bytes;
  host.store.sync = options.sync;
  host.shards = options.shards;
  host.threads = std::max(2U, std::thread::hardware_concurrency());
  host.kinds = {task::kind(tasks), task_group::kind(), task_queue::kind(),
                worker::kind({options.worker_lease}), auth::kind()};
  host.timers.hold = options.worker_lease + renewal_least;
  host.prepare = begin_leases;
  return host;
}

Status make_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return Done{};
  return Error{Errc::unavailable,
               "cannot create " + path + ": " + std::generic_category().message(errno)};
}

// Connections and open logs need a descriptor each; the usual soft limit is far below.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    log_event(LogLevel::warning, "descriptor_limit_kept",
              {{"detail", std::generic_category().message(errno)}});
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
  f.collector = add_host_metrics(f.registry, *f.host);
  f.disk = std::make_unique<ThreadPool>(disk_threads);
  return Done{};
}

struct Bound {
  std::string http;
  std::vector<std::string> rpc;
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

  void stop() override {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(stop_mutex_);
      if (stop_.get() != nullptr) stop_->fulfill();
    }
    thread_.join();
  }

 private:
  void run(std::promise<Status>& started);
  void serve(kj::AsyncIoContext& io, std::promise<Status>& started);
  Result<Bound> listen(kj::AsyncIoContext& io, http::Server& http, RpcListener& rpc);
  http::OperationsOptions operations();

  // Constant once open.
  const ServerOptions options_;
  const task::TaskConfig tasks_;
  const std::function<void(const std::string&)> on_fatal_;
  Foundation foundation_;
  Bound bound_;
  std::string root_url_;

  std::mutex stop_mutex_;  // guards the next
  kj::Own<kj::CrossThreadPromiseFulfiller<void>> stop_;
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

Result<Bound> RunningServer::listen(kj::AsyncIoContext& io, http::Server& http, RpcListener& rpc) {
  Bound bound;
  auto& network = io.provider->getNetwork();
  const auto bind = [&](const std::string& address) {
    return network.parseAddress(address.c_str()).wait(io.waitScope)->listen();
  };
  std::string current = options_.http_address;
  try {
    auto port = bind(current);
    bound.http = with_port(current, port->getPort());
    http.listen(kj::mv(port));
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

void RunningServer::serve(kj::AsyncIoContext& io, std::promise<Status>& started) {
  Edge edge(*foundation_.host);
  const auto answers = edge.run().eagerlyEvaluate(nullptr);
  Site site{foundation_.clock,
            *foundation_.host,
            edge,
            *foundation_.blobs,
            *foundation_.logs,
            *foundation_.disk,
            io.provider->getTimer(),
            tasks_,
            options_.root_url,
            options_.root_client_id,
            options_.root_access_token,
            options_.encryption_key,
            foundation_.clock.wall_now(),
            on_fatal_};
  site.data_dir = options_.data_dir;
  http::RouteTable routes;
  http::add_operations(routes, foundation_.registry, operations());
  auto http = http::make_server(io.provider->getTimer(), routes);
  auto rpc = make_rpc_listener(site);

  auto bound = listen(io, *http, *rpc);
  if (!bound.ok()) {
    started.set_value(bound.error());
    return;
  }
  bound_ = std::move(bound).value();
  if (site.root_url.empty()) site.root_url = "http://" + bound_.http;
  root_url_ = site.root_url;
  const auto retention =
      keep_events_bounded(site, {options_.events_retention, options_.events_retention_bytes})
          .eagerlyEvaluate(nullptr);
  const auto maintenance = maintain_host(site.host, site.timer).eagerlyEvaluate(nullptr);
  const auto logs = keep_logs(site).eagerlyEvaluate(
      [&site](kj::Exception&& e) { site.fatal("logs: " + error_from(e).detail); });

  auto paf = kj::newPromiseAndCrossThreadFulfiller<void>();
  {
    const std::lock_guard lock(stop_mutex_);
    stop_ = kj::mv(paf.fulfiller);
  }
  started.set_value(Done{});
  paf.promise.wait(io.waitScope);
}

void RunningServer::run(std::promise<Status>& started) {
  auto io = kj::setupAsyncIo();
  serve(io, started);
}

}  // namespace

Result<std::unique_ptr<Server>> start(ServerOptions options,
                                      std::function<void(const std::string&)> on_fatal) {
  task::TaskConfig tasks;
  tasks.claim_timeout = options.claim_timeout;
  tasks.deadline_delay = options.deadline_delay;
  tasks.max_task_deadline = options.max_task_deadline;
  tasks.max_dependencies = options.max_dependencies;
  raise_descriptor_limit();
  auto server = std::make_unique<RunningServer>(std::move(options), tasks, std::move(on_fatal));
  if (auto opened = server->open(); !opened.ok()) return opened.error();
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace troupe::server
