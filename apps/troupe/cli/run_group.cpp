#include "apps/troupe/cli/run_group.h"

#include "apps/troupe/cli/input_file.h"
#include "apps/troupe/cli/names.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/permissions.h"
#include "apps/troupe/cli/reconnect.h"
#include "apps/troupe/cli/resolve.h"
#include "apps/troupe/cli/run_create.h"
#include "apps/troupe/cli/run_file.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/cli/submit.h"
#include "apps/troupe/cli/table.h"
#include "apps/troupe/cli/upload_task.h"
#include "apps/troupe/cli/watch.h"
#include "runtime/base/counted.h"
#include "runtime/base/json_writer.h"
#include "runtime/base/random.h"
#include "runtime/clock/clock.h"
#include "runtime/rpc/errors.h"

#include <fmt/format.h>
#include <kj/debug.h>

#include <filesystem>
#include <optional>
#include <utility>

namespace troupe::cli {
namespace {

// A group file as it was read, before anybody was asked.
struct Source {
  std::string path;
  std::optional<group_file::GroupFile> file;  // nothing if it is none; `problems` say why
  group_file::Problems problems;
  std::vector<std::pair<std::string, std::string>> env;
};

struct Plan {
  group_file::GroupFile file;
  group_file::Problems problems;  // of reading it
  Tasks tasks;
  std::string group_id;
  bool seal = true;
  std::string upload;  // the directory; empty: none
};

Result<Source> read_source(const RunOptions& options) {
  auto env = split_env(options.env);
  if (!env) return env.error();
  const auto path = find_group_file(options.file);
  if (!path) return path.error();
  const auto text = read_input(path.value());
  if (!text) return text.error();
  const std::string name = input_name(path.value());
  group_file::Problems problems(name);
  auto file = group_file::read_group_file(text.value(), name, problems);
  return Source{.path = path.value(),
                .file = std::move(file),
                .problems = std::move(problems),
                .env = std::move(env).value()};
}

// Requires a source that is a group file. `into`: the id of an existing group, or empty.
Result<Plan> make_plan(Source source,
                       const RunOptions& options,
                       const std::string& into,
                       const std::string& root_url) {
  const auto folder = std::filesystem::path(source.path).parent_path();
  const std::string directory = folder.empty() ? "." : folder.string();
  const auto& written_id = source.file->task_group_id;
  if (written_id && !into.empty() && *written_id != into) {
    return Error{Errc::invalid, source.file->file_name + ": names the group " + *written_id +
                                    ", and --into another"};
  }
  Plan plan{.file = {},
            .problems = std::move(source.problems),
            .tasks = {},
            .group_id = {},
            .upload = {}};
  plan.group_id = !into.empty() ? into : written_id ? *written_id : new_slugid();
  plan.seal = source.file->seal && into.empty();
  if (source.file->upload) plan.upload = (folder / *source.file->upload).lexically_normal();
  group_file::ExpandOptions expand;
  expand.now = wall_now();
  expand.group_id = plan.group_id;
  expand.owner = task_owner(directory);
  expand.source = task_source(directory, root_url);
  expand.new_id = new_slugid;
  expand.env = std::move(source.env);
  // A file that is wrong is checked as a whole: `needs` may be in a circle.
  if (plan.problems.empty()) expand.only = options.only;
  auto tasks = group_file::expand(*source.file, expand);
  if (!tasks) return tasks.error();
  plan.tasks = std::move(tasks).value();
  plan.file = *std::move(source.file);
  return plan;
}

// `--into` as an id.
Result<std::string> group_to_join(kj::AsyncIoContext& io,
                                  const client::Target& target,
                                  const std::string& into) {
  if (into.empty()) return into;
  Result<std::string> id = resolve_group(io, target, into);
  if (!id.ok()) return Error{id.error().code, "--into " + into + ": " + id.error().detail};
  return id;
}

int print_plan(const Plan& plan, bool json) {
  if (json) {
    print_line(tasks_json(plan.tasks));
    return exit_done;
  }
  Table table({"NAME", "QUEUE", "WHERE"});
  for (const group_file::ExpandedTask& task : plan.tasks) {
    table.add({task.name, task.queue, task.where});
  }
  print_out(table.render(layout_of_stdout()));
  print_note(fmt::format("{}; nothing was created. --json prints the definitions",
                         counted(plan.tasks.size(), "task")));
  return exit_done;
}

class Run {
 public:
  Run(kj::AsyncIoContext& io, const client::Target& target, Plan plan, bool json)
      : server_(io, target), plan_(std::move(plan)), json_(json) {}

  Result<int> go(bool detach) {
    if (!reach(server_, plan_.problems)) return report_file(plan_.problems.error());
    // What is wrong with the file comes first: without that there is nothing to create.
    if (plan_.problems.empty()) {
      check_permissions(server_, permissions(detach)).wait(server_.io().waitScope);
    }
    check_tasks(
        server_, plan_.tasks,
        [this](std::size_t task, std::string_view field) { return locate(task, field); },
        plan_.problems);
    if (!plan_.problems.empty()) return report_file(plan_.problems.error());
    if (!plan_.upload.empty()) {
      auto files = pack_directory(plan_.upload);
      if (!files) return files.error();
      files_.emplace(std::move(files).value());
    }
    // Up to here Ctrl-C simply ends the program.
    const Interrupts interrupts;
    auto interrupted = interrupts.next(server_.io()).then([this](int) { return say_left(); });
    return create(detach).exclusiveJoin(kj::mv(interrupted)).wait(server_.io().waitScope);
  }

 private:
  group_file::Position locate(std::size_t task, std::string_view field) const {
    // The group is one for all, and so is what is wrong with it, unless the file names it.
    if (field == "taskGroupId" && !plan_.file.task_group_id) return {1, 1};
    return group_file::position_of(plan_.file, plan_.tasks[task], field);
  }

  PermissionsWanted permissions(bool detach) const {
    PermissionsWanted wanted;
    // A fresh id says nothing to anybody: who may seal such a group may seal any.
    const bool is_fresh = plan_.seal && !plan_.file.task_group_id;
    const std::string group_id = is_fresh ? any_id : plan_.group_id;
    wanted.creating.call("troupe", "checkTasks").call("troupe", "createTasks");
    add_creation(wanted.creating, plan_.tasks, !plan_.upload.empty());
    wanted.creating.call("troupe", "releaseTasks");
    if (plan_.seal) add_sealing(wanted.creating, plan_.tasks, group_id);
    if (detach) return wanted;
    ScopeParameters group;
    group.text("taskGroupId", group_id);
    wanted.following.call("troupe", "events").call("queue", "listTaskGroup", group);
    return wanted;
  }

  kj::Promise<int> create(bool detach) {
    return create_tasks(server_, plan_.tasks, plan_.group_id, plan_.seal)
        .then([this]() -> kj::Promise<void> {
          created_ = true;
          remember_last(server_.target().platform, NameKind::group, plan_.group_id);
          print_created();
          if (!files_) return kj::READY_NOW;
          return complete_upload(server_, plan_.tasks.front().task_id, *files_);
        })
        .then([this, detach]() -> kj::Promise<int> {
          if (detach) return int{exit_done};
          return watch_group(server_, plan_.group_id, {.exit_status = true, .json = json_})
              .catch_([this](kj::Exception&& refusal) -> kj::Promise<int> {
                const Error error = error_from(refusal);
                if (error.code != Errc::forbidden) return kj::mv(refusal);
                return exception_from({error.code, "group " + plan_.group_id +
                                                       " was created and runs, but may not be "
                                                       "watched: " +
                                                       error.detail});
              });
        });
  }

  void print_created() {
    if (!json_) {
      print_line(fmt::format("group {}: {}", plan_.group_id, counted(plan_.tasks.size(), "task")));
      return;
    }
    JsonWriter json;
    json.begin_object().key("taskGroupId").string(plan_.group_id).key("tasks").begin_array();
    for (const group_file::ExpandedTask& task : plan_.tasks) {
      json.begin_object().key("taskId").string(task.task_id);
      json.key("name").string(task.name).end_object();
    }
    print_line(json.end_array().end_object().take());
  }

  int say_left() {
    print_note(created_ ? fmt::format("left; the group goes on: `troupe group watch {0}` shows it, "
                                      "`troupe group cancel {0}` stops it",
                                      plan_.group_id)
                        : "interrupted before the group was whole: none of its tasks runs");
    return exit_interrupted;
  }

  Reconnector server_;
  Plan plan_;
  const bool json_;
  std::optional<PackedFiles> files_;
  bool created_ = false;
};

}  // namespace

int run_group(const GlobalOptions& global, const RunOptions& options) {
  auto source = read_source(options);
  if (!source) return report(source.error());
  const auto& problems = source.value().problems;
  const auto target = client::find_target(global.find);
  // What is wrong with a file needs no platform, nor do plain definitions.
  const bool alone = !source.value().file || options.dry_run || !target.ok();
  if (!problems.empty() && alone) return report_file(problems.error());
  const bool names_id = options.into.empty() || is_slugid(options.into);
  if (options.dry_run && names_id) {
    const auto plan = make_plan(std::move(source).value(), options, options.into,
                                target.ok() ? target.value().root_url : "");
    return plan ? print_plan(plan.value(), global.json) : report(plan.error());
  }
  return with_target(
      global, [&](kj::AsyncIoContext& io, const client::Target& found) -> Result<int> {
        const auto into = group_to_join(io, found, options.into);
        if (!into) return into.error();
        auto plan = make_plan(std::move(source).value(), options, into.value(), found.root_url);
        if (!plan) return plan.error();
        if (options.dry_run) return print_plan(plan.value(), global.json);
        // Timers count from the last look at the clock, and making a large plan takes seconds.
        io.waitScope.poll();
        Run run(io, found, std::move(plan).value(), global.json);
        return run.go(options.detach);
      });
}

}  // namespace troupe::cli
