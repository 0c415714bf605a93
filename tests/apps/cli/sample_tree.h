// A small tree of commands, as the real one is made.
#pragma once

#include "apps/troupe/cli/command.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace troupe::cli {

struct SampleTree {
  SampleTree() {
    app.require_subcommand(1);
    app.fallthrough();
    app.add_flag("--json", json, "As JSON");
    app.add_option("--data", text, "Folder");
    app.set_version_flag("--version", "1");
    CLI::App& task = add_family(app, "task", "Tasks", "troupe task log last");
    CLI::App& log = add_command(task, "log", "It's the log", "troupe task log last");
    log.add_option("TASK", text)->required();
    log.add_flag("-f,--follow", follow, "Go on");
    log.add_option("--run", text, "Run N");
    CLI::App& list = add_command(task, "list", "List tasks", "troupe task list");
    list.add_option("--limit", limit, "At most N");
    list.add_option("--state", text, "Only these")->type_name("pending|running|completed");
    list.add_option("--data", text, "A folder of its own");
    add_command(app, "events", "Events", "troupe events");
  }

  CLI::App app{"", "troupe"};
  bool json = false;
  bool follow = false;
  std::string text;
  int limit = 0;
};

}  // namespace troupe::cli
