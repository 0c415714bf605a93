// `troupe backup`, `troupe restore` and `troupe upgrade`.
#include "apps/troupe/cli/check_command.h"
#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/config_flags.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/server/backup_service.h"
#include "apps/troupe/server/offline.h"
#include "apps/troupe/server/restore.h"
#include "runtime/base/json_writer.h"
#include "runtime/base/size.h"
#include "runtime/clock/clock.h"
#include "runtime/transcode/json.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <capnp/message.h>
#include <fmt/format.h>

#include <memory>

namespace troupe::cli {
namespace {

struct BackupFlags {
  std::string out;
  bool no_blobs = false;
  std::string rate = "64MiB";
};

// Long work says how far it is.
class ProgressNotes final : public schema::BackupObserver::Server {
 public:
  kj::Promise<void> progress(ProgressContext context) override {
    const auto counts = context.getParams().getCounts();
    print_note(fmt::format("{} rows, {} logs, {} blobs of which {} are new ({})", counts.getRows(),
                           counts.getLogs(), counts.getBlobs(), counts.getBlobsCopied(),
                           format_size(counts.getBytesCopied())));
    return kj::READY_NOW;
  }
};

void print_backup(schema::BackupCounts::Reader counts, const std::string& out, bool json) {
  if (json) return print_line(to_json(counts));
  print_line(fmt::format("backup {} rows={} logs={} files={} blobs={} copied={}", out,
                         counts.getRows(), counts.getLogs(), counts.getFiles(), counts.getBlobs(),
                         counts.getBlobsCopied()));
}

int backup_running(const GlobalOptions& global, const BackupFlags& flags, std::uint64_t rate) {
  return with_session(global, [&](Session& session) -> Result<int> {
    auto request = session.troupe().backupRequest();
    request.setPath(flags.out);
    request.setBlobs(!flags.no_blobs);
    request.setBytesPerSecond(rate);
    request.setObserver(kj::heap<ProgressNotes>());
    const auto answer = session.wait(request.send());
    print_backup(answer.getCounts(), flags.out, global.json);
    return int{exit_done};
  });
}

// A data directory that was named, and that nobody serves.
std::optional<std::string> stopped_dir(const GlobalOptions& global) {
  if (!global.find.rpc.empty() || !global.find.root_url.empty()) return std::nullopt;
  const std::string dir = server::absolute_dir(running_data_dir(global));
  const auto holder = server::holder_of(dir);
  const bool stopped = holder.ok() && !holder.value();
  return stopped ? std::optional(dir) : std::nullopt;
}

int backup(const GlobalOptions& global, BackupFlags flags) {
  const auto rate = parse_size(flags.rate);
  if (!rate) {
    return report({Errc::invalid, "--rate " + flags.rate + ": give bytes a second, such as 64MiB"});
  }
  flags.out = server::absolute_dir(flags.out);
  const auto dir = stopped_dir(global);
  if (!dir) return backup_running(global, flags, *rate);
  const auto totals = server::backup_stopped(*dir, {flags.out, !flags.no_blobs, wall_now()}, *rate);
  if (!totals.ok()) return report(totals.error());
  capnp::MallocMessageBuilder message;
  const auto counts = message.initRoot<schema::BackupCounts>();
  server::fill_counts(totals.value(), counts);
  print_backup(counts.asReader(), flags.out, global.json);
  return exit_done;
}

int restore(const GlobalOptions& global, const std::string& out) {
  if (global.find.data_dir.empty()) {
    return report({Errc::invalid, "name the new data directory with --data"});
  }
  const std::string dir = server::absolute_dir(global.find.data_dir);
  Findings findings;
  const auto restored = server::run_restore(server::absolute_dir(out), dir, wall_now(), findings);
  if (!restored.ok()) {
    if (findings.total() > 0) print_findings(findings, dir, global.json);
    return report(restored.error());
  }
  const auto& outcome = restored.value();
  if (global.json) {
    JsonWriter json;
    json.begin_object().key("data").string(dir).key("made").string(outcome.manifest.made);
    json.key("blobs").uint64(outcome.totals.blobs).key("voidedRuns").uint64(outcome.voided);
    json.key("nextPosition").uint64(outcome.next_position).end_object();
    print_line(json.take());
    return exit_done;
  }
  print_line(fmt::format("restored {} made={} data={}", out, outcome.manifest.made, dir));
  print_line(fmt::format("runs that were under way, and are retried: {}", outcome.voided));
  print_line(fmt::format("events are numbered from {} on: no position is given twice",
                         outcome.next_position));
  print_line(outcome.manifest.blobs
                 ? fmt::format("blobs of artifacts and logs: {}", outcome.totals.blobs)
                 : "artifacts and logs have no contents: the backup was made with --no-blobs");
  return exit_done;
}

void print_upgrade(const server::Upgrade& upgrade, const std::string& dir, bool dry_run) {
  print_line(fmt::format("{}: data format {}; this is troupe {}, which stores version {}", dir,
                         upgrade.data_format, TROUPE_VERSION, upgrade.to));
  for (const auto& shard : upgrade.shards) {
    print_line(fmt::format("shard {}: version {}, rows: {}", shard.shard, shard.from, shard.rows));
    for (const auto& step : shard.steps) print_line("  " + step);
  }
  if (!upgrade.has_steps()) return print_line("nothing to do");
  print_line(dry_run
                 ? fmt::format("would be brought to version {}; nothing was changed", upgrade.to)
                 : fmt::format("brought to version {}", upgrade.to));
}

void print_upgrade_json(const server::Upgrade& upgrade, const std::string& dir, bool dry_run) {
  JsonWriter json;
  json.begin_object().key("data").string(dir).key("dryRun").boolean(dry_run);
  json.key("dataFormat").int64(upgrade.data_format).key("storeFormat").uint64(upgrade.to);
  json.key("shards").begin_array();
  for (const auto& shard : upgrade.shards) {
    json.begin_object().key("shard").uint64(shard.shard).key("storeFormat").uint64(shard.from);
    json.key("rows").uint64(shard.rows).key("steps").begin_array();
    for (const auto& step : shard.steps) json.string(step);
    json.end_array().end_object();
  }
  json.end_array().end_object();
  print_line(json.take());
}

int upgrade(const GlobalOptions& global, bool dry_run) {
  const std::string dir = server::absolute_dir(running_data_dir(global));
  const auto mode = dry_run ? UpgradeMode::dry_run : UpgradeMode::yes;
  const auto upgraded = server::upgrade_stopped(dir, mode);
  if (!upgraded.ok()) return report(upgraded.error());
  const auto print = global.json ? print_upgrade_json : print_upgrade;
  print(upgraded.value(), dir, dry_run);
  return exit_done;
}

void add_backup(Commands& commands) {
  CLI::App& command =
      add_command(commands.app, "backup", "Copy the data into a folder of the server's machine",
                  "troupe backup /backups/troupe");
  auto flags = std::make_shared<BackupFlags>();
  command.add_option("OUT", flags->out, "The folder; repeating copies only new blobs")->required();
  command.add_flag("--no-blobs", flags->no_blobs, "Leave out the contents of artifacts and logs");
  command.add_option("--rate", flags->rate, "Copy at most so many bytes a second; 0: no limit")
      ->type_name("SIZE")
      ->capture_default_str();
  set_action(commands, command,
             [&global = commands.global, flags] { return backup(global, *flags); });
}

void add_restore(Commands& commands) {
  CLI::App& command = add_command(commands.app, "restore", "Make a data directory from a backup",
                                  "troupe restore /backups/troupe --data ./troupe-data");
  auto out = std::make_shared<std::string>();
  command.add_option("OUT", *out, "The folder of the backup")->required();
  set_action(commands, command, [&global = commands.global, out] { return restore(global, *out); });
}

void add_upgrade(Commands& commands) {
  CLI::App& command =
      add_command(commands.app, "upgrade", "Bring a stopped data directory to this version",
                  "troupe upgrade --data ./troupe-data --dry-run");
  auto dry_run = std::make_shared<bool>(false);
  command.add_flag("--dry-run", *dry_run, "Say what would be done, and change nothing");
  set_action(commands, command,
             [&global = commands.global, dry_run] { return upgrade(global, *dry_run); });
}

}  // namespace

void add_backup_commands(Commands& commands) {
  add_backup(commands);
  add_restore(commands);
  add_upgrade(commands);
}

}  // namespace troupe::cli
