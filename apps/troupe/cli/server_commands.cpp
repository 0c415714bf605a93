// `troupe up` and `troupe down`.
#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/config_flags.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/server/config.h"
#include "apps/troupe/server/data_files.h"
#include "apps/troupe/server/up.h"
#include "runtime/base/counted.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

namespace troupe::cli {
namespace {

struct UpFlags {
  server::UpOptions options;
  bool is_public = false;
  bool is_private = false;
};

// What a person at a terminal wants to know; standard output keeps to its one line.
void print_hints(const server::Ready& ready, const std::string& data_flag) {
  if (isatty(STDERR_FILENO) == 0) return;
  print_note(
      fmt::format("Troupe serves with {}. Its API is at {}, for programs: there is no web "
                  "page yet.",
                  counted(ready.workers, "local worker"), ready.root_url));
  print_note(fmt::format("Credentials: {}/credentials.json", ready.data_dir));
  print_note(fmt::format("Try: troupe submit{} -- echo hello", data_flag));
  print_note("Stop with Ctrl-C: nothing that was acknowledged is lost.");
}

void print_ready(const server::Ready& ready, bool json) {
  if (!json) {
    return print_line(
        fmt::format("ready rootUrl={} rpc={} data={}", ready.root_url, ready.rpc, ready.data_dir));
  }
  print_line(fmt::format(R"({{"event":"ready","rootUrl":{},"rpc":{},"data":{}}})",
                         json_string(ready.root_url), json_string(ready.rpc),
                         json_string(ready.data_dir)));
}

int up(UpFlags flags, const GlobalOptions& global) {
  // Flags before the word `up` were read by the program itself.
  server::UpOptions& options = flags.options;
  const bool named = !options.data_dir.empty() || !global.find.data_dir.empty();
  if (options.data_dir.empty()) options.data_dir = own_data_dir(global);
  server::ListenRequest& listen = options.listen;
  if (listen.rpc.empty()) listen.rpc = server::split_addresses(global.find.rpc);
  if (listen.root_url.empty()) listen.root_url = global.find.root_url;
  if (flags.is_public) listen.exposure = "public";
  if (flags.is_private) listen.exposure = "private";
  const std::string data_flag = named ? " --data " + options.data_dir : "";
  const auto served = server::run_up(options, [&global, &data_flag](const server::Ready& ready) {
    print_ready(ready, global.json);
    print_hints(ready, data_flag);
  });
  return served ? int{exit_done} : report(served.error());
}

int down(const GlobalOptions& global) {
  const std::string data_dir = running_data_dir(global);
  const auto stopped = server::run_down(data_dir);
  if (!stopped) return report(stopped.error());
  const auto& [server, workers] = stopped.value();
  if (global.json) {
    print_line(fmt::format(R"({{"data":{},"stopped":{},"pid":{},"leftWorkers":{}}})",
                           json_string(data_dir), server.has_value(),
                           server ? std::to_string(*server) : "null", workers));
    return exit_done;
  }
  if (server) print_line(fmt::format("stopped process {} data={}", *server, data_dir));
  if (!server) print_line(fmt::format("no server runs on {}", data_dir));
  if (workers > 0) print_line(fmt::format("stopped local workers left behind: {}", workers));
  return exit_done;
}

void add_up(Commands& commands) {
  CLI::App& command = add_command(commands.app, "up", "Start everything on this machine",
                                  "troupe up --data ./troupe-data --workers 2");
  auto flags = std::make_shared<UpFlags>();
  server::UpOptions& options = flags->options;
  command.add_option("--data", options.data_dir, "Keep the data in DIR [./troupe-data]")
      ->type_name("DIR");
  command.add_option("--http", options.listen.http, "Serve HTTP on ADDR [127.0.0.1:7420]")
      ->type_name("ADDR");
  command
      .add_option("--rpc", options.listen.rpc,
                  "Serve RPC on ADDR, beside DIR/rpc.sock [127.0.0.1:7421]; may be repeated")
      ->type_name("ADDR")
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--root-url", options.listen.root_url, "How clients reach this server")
      ->type_name("URL");
  command.add_option("--workers", options.workers, "Local workers on pool local/default")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::uint32_t{0}, server::local_workers_max));
  auto* open =
      command.add_flag("--public", flags->is_public, "Anybody who reaches it may read: metrics");
  command
      .add_flag("--private", flags->is_private,
                "Nobody reads without credentials: /metrics is refused")
      ->excludes(open);
  command.add_option("--config", options.config_file, "Read the configuration from FILE")
      ->type_name("FILE");
  add_config_flags(command, options.config_flags);
  command.footer(server::config_help() + "\n" + command.get_footer());
  command.callback([flags, &chosen = commands.chosen, &global = commands.global] {
    chosen = [flags, &global] { return up(*flags, global); };
  });
}

void add_down(Commands& commands) {
  CLI::App& command = add_command(commands.app, "down", "Stop the server and its local workers",
                                  "troupe down --data ./troupe-data");
  command.callback([&chosen = commands.chosen, &global = commands.global] {
    chosen = [&global] { return down(global); };
  });
}

}  // namespace

void add_server_commands(Commands& commands) {
  add_up(commands);
  add_down(commands);
}

}  // namespace troupe::cli
