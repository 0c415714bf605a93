#include "apps/troupe/cli/submit.h"

#include "apps/troupe/cli/names.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/permissions.h"
#include "apps/troupe/cli/priority.h"
#include "apps/troupe/cli/reconnect.h"
#include "apps/troupe/cli/resolve.h"
#include "apps/troupe/cli/run_create.h"
#include "apps/troupe/cli/run_file.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/cli/submit_log.h"
#include "apps/troupe/cli/upload_task.h"
#include "apps/troupe/cli/watch_explain.h"
#include "apps/troupe/group_file/group_file.h"
#include "runtime/base/json_writer.h"
#include "runtime/base/random.h"
#include "runtime/clock/clock.h"
#include "runtime/rpc/errors.h"
#include "runtime/transcode/json.h"

#include <kj/debug.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>
#include <utility>

namespace troupe::cli {
namespace {

constexpr std::size_t shown_name_max = 80;

void write_list(JsonWriter& json, std::string_view key, const std::vector<std::string>& list) {
  if (list.empty()) return;
  json.key(key).begin_array();
  for (const std::string& text : list) json.string(text);
  json.end_array();
}

// What a person would call it.
std::string display_name(const SubmitOptions& options) {
  if (!options.name.empty()) return options.name;
  std::string name;
  for (const std::string& word : options.command) name += (name.empty() ? "" : " ") + word;
  return name.size() <= shown_name_max ? name : name.substr(0, shown_name_max - 3) + "...";
}

// The parser's places mean nothing to who wrote options: only the messages stay.
Error without_places(const Error& error) {
  std::string text;
  std::string_view rest = error.detail;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (const auto place = line.find(": "); place != std::string_view::npos) {
      line.remove_prefix(place + 2);
    }
    text += (text.empty() ? "" : "\n") + std::string(line);
  }
  return Error{error.code, text};
}

// Puts the options in place of the keys that they become.
Error named_as_options(Error error) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> names = {{
      {"`maxRunTime`", "--max-run-time"},
      {"`retries`", "--retries"},
      {"`upload`", "--upload"},
      {"taskQueueId", "--queue"},
  }};
  for (const auto& [key, option] : names) {
    const auto at = error.detail.find(key);
    if (at != std::string::npos) error.detail.replace(at, key.size(), option);
  }
  return error;
}

struct Prepared {
  Tasks tasks;  // the task last; before it, the upload if there is one
  std::optional<PackedFiles> files;

  const group_file::ExpandedTask& task() const { return tasks.back(); }
};

// The options as a file that was read; what is wrong with them names them.
Result<group_file::GroupFile> read_options(const SubmitOptions& options) {
  auto file = group_file::parse(submit_file(options), "submit");
  if (!file) return named_as_options(without_places(file.error()));
  return file;
}

// `--needs` as ids.
Result<std::vector<std::string>> needs_of(kj::AsyncIoContext& io,
                                          const client::Target& target,
                                          const std::vector<std::string>& needs) {
  std::vector<std::string> ids;
  for (const std::string& need : needs) {
    const Result<std::string> id = resolve_task(io, target, need);
    if (!id.ok()) return Error{id.error().code, "--needs " + need + ": " + id.error().detail};
    ids.push_back(id.value());
  }
  return ids;
}

Result<Prepared> prepare(const SubmitOptions& options, const std::string& root_url) {
  const auto env = split_env(options.env);
  if (!env) return env.error();
  const auto file = read_options(options);
  if (!file) return file.error();

  const std::string id = new_slugid();
  const bool upload = !options.upload.empty();
  const std::string directory = upload ? options.upload : ".";
  group_file::ExpandOptions expand;
  expand.now = wall_now();
  expand.group_id = id;  // a task alone is its own group
  expand.owner = task_owner(directory);
  expand.source = task_source(directory, root_url);
  expand.env = env.value();
  expand.new_id = [&id, first = upload]() mutable {
    return std::exchange(first, false) ? new_slugid() : id;
  };
  auto tasks = group_file::expand(file.value(), expand);
  if (!tasks) return without_places(tasks.error());
  Prepared prepared{std::move(tasks).value(), std::nullopt};
  if (upload) {
    auto files = pack_directory(options.upload);
    if (!files) return files.error();
    prepared.files.emplace(std::move(files).value());
  }
  return prepared;
}

class Submission {
 public:
  Submission(kj::AsyncIoContext& io,
             const client::Target& target,
             const Interrupts& interrupts,
             bool json,
             Prepared prepared)
      : server_(io, target),
        interrupts_(interrupts),
        json_(json),
        prepared_(std::move(prepared)),
        log_(server_.timer(), json ? STDERR_FILENO : STDOUT_FILENO),
        place_{.task_id = id()},
        explainer_(server_) {}

  int run(bool detach) {
    auto left = kj::newPromiseAndFulfiller<int>();
    leave_ = kj::mv(left.fulfiller);
    const auto signals = obey_signals();
    return server_.start()
        .then([this, detach] { return check_permissions(server_, permissions(detach)); })
        .then([this] { return create(0); })
        .then([this] { return upload(); })
        .then([this, detach]() -> kj::Promise<int> {
          if (!detach) return follow();
          if (!json_) print_line(id());
          return int{exit_done};
        })
        .exclusiveJoin(kj::mv(left.promise))
        .wait(server_.io().waitScope);
  }

 private:
  const std::string& id() const { return prepared_.task().task_id; }

  PermissionsWanted permissions(bool detach) const {
    PermissionsWanted wanted;
    add_creation(wanted.creating, prepared_.tasks, prepared_.files.has_value());
    if (detach) return wanted;
    ScopeParameters task;
    task.text("taskId", any_id);
    wanted.following.call("troupe", "events").call("troupe", "readLog");
    wanted.following.call("queue", "status", task);
    return wanted;
  }

  kj::Promise<void> create(std::size_t index) {
    if (index == prepared_.tasks.size()) {
      created_ = true;
      remember_task(server_.target().platform, id(), group_id_);
      return kj::READY_NOW;
    }
    return create_task(server_, prepared_.tasks[index])
        .then(
            [this, index](capnp::Response<schema::TaskStatusResponse>&& answer) {
              const bool main_task = index + 1 == prepared_.tasks.size();
              group_id_ = answer.getStatus().getTaskGroupId().cStr();
              if (json_ && main_task) print_status(to_json(answer.getStatus()));
              return create(index + 1);
            },
            [](kj::Exception&& refusal) -> kj::Promise<void> {
              return exception_from(named_as_options(error_from(refusal)));
            });
  }

  kj::Promise<void> upload() {
    if (!prepared_.files) return kj::READY_NOW;
    return complete_upload(server_, prepared_.tasks.front().task_id, *prepared_.files);
  }

  kj::Promise<int> follow() {
    if (!json_) print_note("task " + id());
    explaining_ = explain();
    return follow_task(server_, place_, log_)
        .then([this](TaskEnd&& end) { return finish(end); },
              [this](kj::Exception&& refusal) -> int {
                const Error error = error_from(refusal);
                if (error.code != Errc::forbidden) kj::throwFatalException(kj::mv(refusal));
                throw_error({error.code, "task " + id() +
                                             " was created and goes on, but it may not be "
                                             "followed: " +
                                             error.detail});
              });
  }

  void print_status(const std::string& status) {
    print_line(JsonWriter().begin_object().key("status").raw(status).end_object().take());
  }

  // Says why nothing happens: before the task runs, between two runs, while its worker is away.
  kj::Promise<void> explain() {
    return explainer_
        .watch([this] { return ended_ ? std::string() : id(); },
               [](const std::string& message) { print_note(message); })
        .eagerlyEvaluate([](kj::Exception&&) {});
  }

  // The first Ctrl-C cancels the task; a second one, or SIGTERM, leaves it to itself.
  kj::Promise<void> obey_signals() {
    return interrupts_.next(server_.io())
        .then([this](int signal) -> kj::Promise<void> {
          if (signal != SIGINT || !created_) return leave();
          print_note("cancelling " + id() + "; Ctrl-C again leaves at once");
          cancelled_ = true;
          cancelling_ = cancel().eagerlyEvaluate([](kj::Exception&& exception) {
            print_error("cannot cancel: " + error_from(exception).detail);
          });
          return interrupts_.next(server_.io()).then([this](int) { return leave(); });
        })
        .eagerlyEvaluate(nullptr);
  }

  kj::Promise<void> cancel() {
    return server_.call([this](client::Connection& connection) {
      auto request = connection.queue().cancelTaskRequest();
      request.setTaskId(id());
      return request.send().ignoreResult();
    });
  }

  kj::Promise<void> leave() {
    if (created_) print_note("left; see `troupe task status " + id() + "`");
    leave_->fulfill(int{exit_interrupted});
    return kj::READY_NOW;
  }

  int finish(const TaskEnd& end) {
    ended_ = true;
    if (json_) print_status(end.status_json);
    if (end.state == schema::TaskState::COMPLETED) return exit_done;
    const bool failed = end.state == schema::TaskState::FAILED;
    print_note("task " + id() +
               (failed ? " failed" : " ended as exception: " + enum_name(end.reason)));
    if (cancelled_ && end.reason == schema::ReasonResolved::CANCELED) return exit_interrupted;
    return failed ? exit_failed : exit_exception;
  }

  Reconnector server_;
  const Interrupts& interrupts_;
  const bool json_;
  const Prepared prepared_;
  LogWriter log_;
  LogPlace place_;
  Explainer explainer_;
  std::string group_id_;  // once something is created
  bool created_ = false;
  bool ended_ = false;
  bool cancelled_ = false;  // by Ctrl-C
  kj::Promise<void> explaining_ = nullptr;
  kj::Promise<void> cancelling_ = nullptr;
  kj::Own<kj::PromiseFulfiller<int>> leave_;
};

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> split_env(
    const std::vector<std::string>& env) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& text : env) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{Errc::invalid, "--env " + text + ": write NAME=VALUE"};
    }
    pairs.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return pairs;
}

std::string submit_file(const SubmitOptions& options) {
  JsonWriter json;
  json.begin_object();
  if (!options.upload.empty()) json.key("upload").string(options.upload);
  json.key("tasks").begin_object().key("task").begin_object();
  if (!options.queue.empty()) json.key("queue").string(options.queue);
  if (!options.max_run_time.empty()) json.key("maxRunTime").string(options.max_run_time);
  if (options.retries) json.key("retries").int64(*options.retries);
  if (!options.priority.empty()) json.key("priority").string(options.priority);
  write_list(json, "artifacts", options.artifacts);
  write_list(json, "needs", options.needs);
  json.key("metadata").begin_object().key("name").string(display_name(options)).end_object();
  std::vector<std::string> command;
  // A written command starts above the uploaded files: the shell goes down to them.
  if (!options.upload.empty()) command = {"/bin/sh", "-ec", "cd src; exec \"$@\"", "sh"};
  command.insert(command.end(), options.command.begin(), options.command.end());
  json.key("payload").begin_object().key("command").begin_array().begin_array();
  for (const std::string& word : command) json.string(word);
  json.end_array().end_array().end_object();
  json.end_object().end_object().end_object();
  return json.take();
}

int submit(const GlobalOptions& global, const SubmitOptions& options) {
  SubmitOptions without_needs = options;
  without_needs.needs.clear();
  // Before anybody is asked.
  if (!options.priority.empty()) {
    const auto priority = read_priority(options.priority);
    if (!priority.ok()) {
      return report({priority.error().code, "--priority: " + priority.error().detail});
    }
  }
  const auto read = read_options(without_needs);
  if (!read) return report(read.error());
  return with_target(global, [&](kj::AsyncIoContext& io, const client::Target& target) {
    auto needs = needs_of(io, target, options.needs);
    if (!needs) return Result<int>(needs.error());
    SubmitOptions resolved = options;
    resolved.needs = std::move(needs).value();
    auto prepared = prepare(resolved, target.root_url);
    if (!prepared) return Result<int>(prepared.error());
    const Interrupts interrupts;
    Submission submission(io, target, interrupts, global.json, std::move(prepared).value());
    return Result<int>(submission.run(options.detach));
  });
}

}  // namespace troupe::cli
