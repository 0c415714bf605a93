#include "apps/troupe/worker/command_series.h"

#include "runtime/rpc/errors.h"

#include <fmt/format.h>

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <map>

namespace troupe::worker {
namespace {

constexpr const char* base_path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

std::string user_name() {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> room{};
  if (getpwuid_r(geteuid(), &entry, room.data(), room.size(), &found) == 0 && found != nullptr) {
    return found->pw_name;
  }
  return std::to_string(geteuid());
}

Duration milliseconds(std::int64_t us) {
  return std::chrono::duration_cast<Duration>(std::chrono::microseconds{us});
}

std::string reason_text(int number) {
  std::array<char, 128> room{};
  return strerror_r(number, room.data(), room.size());
}

}  // namespace

kj::Promise<std::optional<Verdict>> CommandSeries::run() {
  // The clock starts here: fetching and unpacking mounts does not count.
  deadline_ = parts_.shop.timer.afterDelay(parts_.payload.max_run_time.count() * kj::MILLISECONDS)
                  .then([this] {
                    abort_verdict_ = Verdict::failed("task aborted - max run time exceeded");
                    stop_now();
                  })
                  .eagerlyEvaluate(nullptr);
  return run_from(0).then([this](std::optional<Verdict> verdict) {
    deadline_ = kj::NEVER_DONE;
    grace_ = kj::NEVER_DONE;
    return verdict;
  });
}

kj::Promise<std::optional<Verdict>> CommandSeries::run_from(std::size_t index) {
  using Answer = std::optional<Verdict>;
  if (aborted_) return abort_verdict_;
  if (index == parts_.payload.commands.size()) return Answer{};
  const auto& argv = parts_.payload.commands[index];
  parts_.log.info(fmt::format("Executing command {}: {}", index, shell_quoted(argv)));
  auto started = GuardedCommand::start(
      parts_.shop, {.directory = parts_.directory, .argv = argv, .env = parts_.env},
      [this](std::string_view bytes) { parts_.log.output(bytes); });
  if (!started.ok()) {
    return Answer{Verdict::exception(schema::ReasonResolved::INTERNAL_ERROR,
                                     "cannot start a process: " + started.error().detail)};
  }
  auto command = std::move(started).value();
  auto ended = command->ended();
  running_ = kj::mv(command);
  return ended
      .then([this, index](GuardReport report) { return judge(index, report); },
            [](kj::Exception&& e) {
              return Answer{
                  Verdict::exception(schema::ReasonResolved::INTERNAL_ERROR, error_from(e).detail)};
            })
      .then([this, index](Answer verdict) -> kj::Promise<Answer> {
        running_ = nullptr;
        if (verdict) return verdict;
        return run_from(index + 1);
      });
}

std::optional<Verdict> CommandSeries::judge(std::size_t index, const GuardReport& report) {
  const auto& argv = parts_.payload.commands[index];
  if (report.exec_errno != 0) {
    parts_.log.error(
        fmt::format("Cannot execute `{}`: {}", argv[0], reason_text(report.exec_errno)));
    return Verdict::failed(fmt::format("command {} could not be executed", index));
  }
  if (aborted_) {
    parts_.log.info(fmt::format("Command ABORTED after {}: process aborted",
                                format_duration(milliseconds(report.wall_us))));
    return abort_verdict_ ? abort_verdict_ : Verdict::failed("task aborted");
  }
  const int code = report.exit_code;
  write_block(report, code == 0);
  purge_ = parts_.payload.purge_cache_codes.contains(code);
  if (code == 0) return std::nullopt;
  if (parts_.payload.retry_codes.contains(code)) {
    return Verdict::exception(
        schema::ReasonResolved::INTERMITTENT_TASK,
        fmt::format("Task appears to have failed intermittently - exit code {} found in task "
                    "payload.onExitStatus.retry",
                    code));
  }
  return Verdict::failed(fmt::format("exit status {}", code));
}

void CommandSeries::write_block(const GuardReport& report, bool succeeded) {
  parts_.log.info(fmt::format(
      "   Exit Code: {}\n   User Time: {}\n Kernel Time: {}\n   Wall Time: {}\n      Result: {}",
      report.exit_code, format_duration(milliseconds(report.user_us)),
      format_duration(milliseconds(report.kernel_us)),
      format_duration(milliseconds(report.wall_us)), succeeded ? "SUCCEEDED" : "FAILED"));
}

void CommandSeries::stop_now() {
  aborted_ = true;
  KJ_IF_MAYBE (command, running_) (*command)->kill();
}

void CommandSeries::stop_gently() {
  aborted_ = true;
  KJ_IF_MAYBE (command, running_) (*command)->terminate();
  grace_ = parts_.shop.timer.afterDelay(grace_time)
               .then([this] { stop_now(); })
               .eagerlyEvaluate(nullptr);
}

std::vector<std::string> task_environment(const TaskFacts& task,
                                          const Payload& payload,
                                          const std::string& directory,
                                          const std::string& root_url) {
  std::map<std::string, std::string> env{
      {"HOME", directory}, {"USER", user_name()}, {"PATH", base_path}, {"LANG", "C.UTF-8"}};
  for (const auto& [name, value] : payload.env) env[name] = value;
  env["TASK_ID"] = task.id.task_id;
  env["RUN_ID"] = std::to_string(task.id.run_id);
  env["TASK_WORKDIR"] = directory;
  env["TASK_GROUP_ID"] = task.task_group_id;
  env["TASKCLUSTER_ROOT_URL"] = root_url;
  std::vector<std::string> out;
  for (const auto& [name, value] : env) out.push_back(name + "=" + value);
  return out;
}

}  // namespace troupe::worker
