#include "apps/troupe/server/up.h"

#include "apps/troupe/server/config.h"
#include "apps/troupe/server/config_value.h"
#include "apps/troupe/server/data_dir.h"
#include "apps/troupe/server/file_system.h"
#include "apps/troupe/server/http_edge.h"
#include "apps/troupe/server/local_credentials.h"
#include "apps/troupe/server/local_workers.h"
#include "apps/troupe/server/named_files.h"
#include "apps/troupe/server/server.h"
#include "apps/troupe/worker/worker.h"
#include "runtime/clock/clock.h"
#include "runtime/process/log.h"
#include "runtime/process/signals.h"
#include "runtime/store/lmdb_values.h"

#include <fmt/format.h>
#include <kj/async-io.h>

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <exception>
#include <filesystem>
#include <utility>

namespace troupe::server {
namespace {

// A stop that takes longer ends the process: recovery is made for that.
constexpr suseconds_t stop_us_max = 800'000;
constexpr time_t stop_s_max = 4;

// What a local worker sees of our environment; its tasks see less.
constexpr std::array worker_variables = {"PATH", "HOME",   "USER", "LOGNAME",
                                         "LANG", "LC_ALL", "TZ",   "TMPDIR"};

ServerOptions server_options(const Settings& settings,
                             const DataDir& data,
                             const ListenPlan& plan,
                             ServerTls tls,
                             SecretFiles secrets) {
  return {.data_dir = data.path(),
          .http_address = plan.addresses.http,
          .rpc_addresses = plan.rpc(),
          .root_url = plan.addresses.root_url,
          .http_threads = http_threads_of(settings.http_threads),
          .connections_max = settings.server_max_connections,
          .tls = std::move(tls),
          .is_private = plan.addresses.exposure == "private",
          .root_client_id = data.credentials().client_id,
          .root_access_token = data.credentials().access_token,
          .static_clients = std::move(secrets.static_clients),
          .websocktunnel_secret = std::move(secrets.websocktunnel_secret),
          .broker = std::move(secrets.broker),
          .audit_retention = settings.auth_audit_retention,
          .keys = data.keys(),
          .claim_timeout = settings.queue_claim_timeout,
          .claim_work_timeout = settings.queue_claim_work_timeout,
          .worker_lease = settings.worker_lease,
          .deadline_delay = settings.queue_deadline_delay,
          .expiration_delay = settings.queue_expiration_delay,
          .garbage_delay = settings.artifacts_garbage_delay,
          .max_task_deadline = settings.queue_max_task_deadline,
          .max_dependencies = settings.queue_max_dependencies,
          .events_retention = settings.events_retention,
          .events_retention_bytes = settings.events_retention_bytes,
          .amqp_backlog_bytes = settings.amqp_backlog_bytes,
          .map_size_bytes = settings.store_map_size_bytes,
          .disk_reserve_bytes = bytes_of(settings.disk_reserve, disk_size_bytes(data.path())),
          .sync = settings.store_sync,
          .shards = settings.store_shards};
}

// What clients are told to trust: see `Credentials::ca`.
std::string trusted_by_clients(const ServerTls& tls) {
  if (tls.rpc.empty()) return {};
  std::string own = own_authority(tls.rpc);
  return own.empty() ? "system" : own;
}

// With each SIGHUP the certificates are read again. Those that cannot be used change nothing.
kj::Promise<void> keep_certificates(kj::UnixEventPort& port,
                                    const Settings& settings,
                                    const std::function<void(ServerTls)>& use) {
  return on_hangup_signal(port).then([&port, &settings, &use] {
    auto tls = read_tls(settings, wall_now());
    if (tls) {
      use(std::move(tls).value());
      log_event(LogLevel::info, "tls_files_read");
    } else {
      log_event(LogLevel::error, "tls_files_refused", {{"error", tls.error().detail}});
    }
    return keep_certificates(port, settings, use);
  });
}

void start_logging(const LoadedConfig& config) {
  LogOptions options;
  options.level = parse_log_level(config.settings.log_level).value_or(options.level);
  options.format = parse_log_format(config.settings.log_format).value_or(options.format);
  configure_logging(options);
  for (const std::string& warning : config.warnings) {
    log_event(LogLevel::warning, "config_unknown_variable", {{"message", warning}});
  }
}

// The host's name as a worker group: 1 to 38 letters, digits, `-` and `_`.
std::string worker_group() {
  constexpr std::size_t group_bytes_max = 38;
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) name[0] = '\0';
  std::string group = name.data();
  group.resize(std::min(group.size(), group_bytes_max));
  std::replace_if(
      group.begin(), group.end(),
      [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_'; }, '-');
  return group.empty() ? "local" : group;
}

std::vector<std::string> worker_environment() {
  std::vector<std::string> variables;
  const auto ours = process_environment();
  for (const char* name : worker_variables) {
    const auto found = ours.find(name);
    if (found != ours.end()) variables.push_back(found->first + '=' + found->second);
  }
  return variables;
}

std::vector<std::string> worker_command(const Settings& settings,
                                        const std::string& socket,
                                        std::uint32_t index,
                                        const std::string& dir) {
  std::vector<std::string> command = {
      "/proc/self/exe",   "worker",
      "--join",           socket,
      "--pool",           local_pool,
      "--credentials",    dir + "/credentials.json",
      "--worker-group",   worker_group(),
      "--worker-id",      fmt::format("local-{}", index),
      "--work-dir",       dir,
      "--orphan-timeout", fmt::format("{}ms", settings.worker_orphan_timeout.count()),
      "--max-log",        fmt::format("{}B", settings.worker_max_log_bytes),
      "--min-free-disk",  fmt::format("{}B", settings.worker_min_free_disk_bytes)};
  if (settings.worker_resources.amounts) {
    command.insert(command.end(), {"--resources", resource_offer_text(settings.worker_resources)});
  }
  return command;
}

// From here on a stop that hangs ends the process, whatever thread it hangs in.
void begin_stop_deadline() {
  struct sigaction action {};
  action.sa_handler = [](int) { _exit(EXIT_FAILURE); };
  sigaction(SIGALRM, &action, nullptr);
  const itimerval deadline{.it_interval = {}, .it_value = {stop_s_max, stop_us_max}};
  setitimer(ITIMER_REAL, &deadline, nullptr);
}

// Once no loop listens any more, SIGINT ends the process as it does by default.
void release_interrupt() {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  signal(SIGINT, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr);
}

// Keeps the local workers until a signal asks to stop, then stops them.
void keep_workers(const UpOptions& options,
                  const Settings& settings,
                  const client::Target& root,
                  const std::string& socket,
                  const std::function<void(ServerTls)>& use_tls) {
  auto io = kj::setupAsyncIo();
  const auto certificates =
      keep_certificates(io.unixEventPort, settings, use_tls).eagerlyEvaluate(nullptr);
  LocalCredentials credentials(*io.provider, root, local_pool, socket);
  const auto data_dir = std::filesystem::path(root.found_in).parent_path().string();
  LocalWorkers workers(
      io.unixEventPort, io.provider->getTimer(),
      {.data_dir = data_dir,
       .count = options.workers,
       .command =
           [&settings, &socket](std::uint32_t index, const std::string& dir) {
             return worker_command(settings, socket, index, dir);
           },
       .environment = worker_environment(),
       .find_living = find_living_worker,
       .prepare = [&credentials](const std::string& dir) { return credentials.ensure(dir); }});
  workers.start();
  const int signal_number = on_stop_signal(io.unixEventPort).wait(io.waitScope);

  log_event(LogLevel::info, "server_stopping", {{"signal", signal_number}});
  begin_stop_deadline();
  auto again =
      io.unixEventPort.onSignal(SIGINT).then([](siginfo_t&& info) { _exit(128 + info.si_signo); });
  workers.stop().exclusiveJoin(kj::mv(again)).wait(io.waitScope);
}

// A start that cannot listen makes no data directory: an error changes nothing.
Status check_new(const std::string& data_dir, const ListenRequest& listen) {
  if (!is_new_data_dir(data_dir)) return Done{};
  const auto plan = plan_listening(listen, std::nullopt, absolute_dir(data_dir));
  return plan ? check_listening(plan.value()) : plan.error();
}

void end_at_once(const std::string& why) {
  log_event(LogLevel::error, "server_failed", {{"error", why}});
  _exit(EXIT_FAILURE);
}

// A thread of its own that comes upon a damaged page has nobody to tell: the process does.
void end_where_store_is_damaged() {
  static const std::terminate_handler otherwise = std::get_terminate();
  std::set_terminate([] {
    try {
      if (const auto thrown = std::current_exception()) std::rethrow_exception(thrown);
    } catch (const StoreDamaged& damage) {
      end_at_once(damage.what());
    } catch (...) {
      // Not for here: it ends the process with what it says.
    }
    otherwise();
  });
}

}  // namespace

Status run_up(const UpOptions& options, const std::function<void(const Ready&)>& on_ready) {
  capture_signals();
  end_where_store_is_damaged();
  const auto environment = process_environment();
  const auto config =
      load_config({.file = find_config_file(options.config_file, environment, options.data_dir),
                   .environment = environment,
                   .flags = options.config_flags});
  if (!config) return config.error();
  start_logging(config.value());
  const Settings& settings = config.value().settings;

  auto tls = read_tls(settings, wall_now());
  if (!tls) return std::move(tls).error();
  auto secrets = read_secret_files(settings);
  if (!secrets) return std::move(secrets).error();
  ListenRequest listen = options.listen;
  listen.rpc_tls = !tls.value().rpc.empty();
  auto possible = check_new(options.data_dir, listen);
  if (!possible) return possible;
  const auto keys = environment.find(keys_variable);
  auto opened = DataDir::open(options.data_dir, keys == environment.end() ? "" : keys->second);
  if (!opened) return std::move(opened).error();
  DataDir& data = *opened.value();
  auto plan = plan_listening(listen, data.last_addresses(), data.path());
  if (!plan) return std::move(plan).error();
  auto free = check_listening(plan.value());
  if (!free) return free;

  auto started =
      start(server_options(settings, data, plan.value(), tls.value(), std::move(secrets).value()),
            end_at_once);
  if (!started) return std::move(started).error();
  Server& server = *started.value();
  Addresses bound = plan.value().addresses;
  bound.http = server.http_address();
  bound.rpc = server.rpc_addresses();
  std::erase(bound.rpc, plan.value().socket);
  const std::vector<std::string> rpc = ListenPlan{bound, plan.value().socket}.rpc();
  const auto publish = [&](const ServerTls& now) {
    return data.publish(server.root_url(), rpc, bound, trusted_by_clients(now));
  };
  auto published = publish(tls.value());
  if (!published) return published;
  on_ready({.root_url = server.root_url(),
            .rpc = join_addresses(rpc),
            .data_dir = data.path(),
            .workers = options.workers});

  keep_workers(options, settings,
               {.rpc = plan.value().socket,
                .root_url = server.root_url(),
                .client_id = data.credentials().client_id,
                .access_token = data.credentials().access_token,
                .found_in = data.path() + "/credentials.json",
                .address_from = {},
                .platform = {}},
               plan.value().socket, [&server, &publish](ServerTls renewed) {
                 static_cast<void>(publish(renewed).ok());
                 server.use_tls(std::move(renewed));
               });
  release_interrupt();
  server.stop();
  remove_sockets(plan.value());
  log_event(LogLevel::info, "server_stopped");
  return Done{};
}

std::optional<ProcessIdentity> find_living_worker(const std::string& work_dir) {
  const auto living = worker::living_worker(work_dir);
  if (!living) return std::nullopt;
  return ProcessIdentity{living->pid, living->start_time};
}

std::string find_config_file(const std::string& given,
                             const std::map<std::string, std::string>& environment,
                             const std::string& data_dir) {
  if (!given.empty()) return given;
  const auto variable = environment.find("TROUPE_CONFIG");
  if (variable != environment.end() && !variable->second.empty()) return variable->second;
  const std::string usual = data_dir + "/troupe.toml";
  std::error_code error;
  return std::filesystem::exists(usual, error) ? usual : "";
}

}  // namespace troupe::server
