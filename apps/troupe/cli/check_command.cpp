// `troupe check`: whether a stopped data directory holds together.
#include "apps/troupe/cli/check_command.h"

#include "apps/troupe/cli/config_flags.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/table.h"
#include "apps/troupe/server/data_check.h"
#include "apps/troupe/server/offline.h"
#include "runtime/base/json_writer.h"
#include "runtime/clock/clock.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include <memory>

namespace troupe::cli {
namespace {

int check(const GlobalOptions& global, bool blobs) {
  const std::string dir = server::absolute_dir(running_data_dir(global));
  const auto held = server::hold_existing(dir);  // nobody serves it meanwhile
  if (!held.ok()) return report(held.error());
  const auto shards = server::open_shards(dir);
  if (!shards.ok()) return report(shards.error());
  Findings findings;
  const auto how = blobs ? server::BlobCheck::bytes : server::BlobCheck::size;
  const auto done = server::check_data(shards.value(), dir, how, wall_now(), findings);
  if (!done.ok()) return report(done.error());
  print_findings(findings, dir, global.json);
  return findings.total() == 0 ? exit_done : exit_failed;
}

void print_json(const Findings& findings, const std::string& data_dir) {
  JsonWriter json;
  json.begin_object().key("data").string(data_dir).key("counts").begin_object();
  for (const auto& [name, rows] : findings.counts()) json.key(name).uint64(rows);
  json.end_object().key("problems").uint64(findings.total()).key("findings").begin_array();
  for (const auto& finding : findings.kept()) {
    json.begin_object().key("where").string(finding.where);
    json.key("what").string(finding.what).end_object();
  }
  json.end_array().end_object();
  print_line(json.take());
}

}  // namespace

void print_findings(const Findings& findings, const std::string& data_dir, bool json) {
  if (json) return print_json(findings, data_dir);
  for (const auto& finding : findings.kept()) {
    print_line(harmless(finding.where + ": " + finding.what));
  }
  if (findings.total() > findings.kept().size()) {
    print_line(fmt::format("and {} more", findings.total() - findings.kept().size()));
  }
  Table counts({"WHAT", ">COUNT"});
  for (const auto& [name, rows] : findings.counts()) counts.add({name, std::to_string(rows)});
  print_out(counts.render(layout_of_stdout()));
  print_line(findings.total() == 0 ? data_dir + " is whole"
                                   : fmt::format("{} problems in {}", findings.total(), data_dir));
}

void add_check_command(Commands& commands) {
  CLI::App& command =
      add_command(commands.app, "check", "Verify a stopped data directory: every row and reference",
                  "troupe check --data ./troupe-data");
  auto blobs = std::make_shared<bool>(false);
  command.add_flag("--blobs", *blobs, "Read every blob and compare its hash, too");
  set_action(commands, command,
             [&global = commands.global, blobs] { return check(global, *blobs); });
}

}  // namespace troupe::cli
