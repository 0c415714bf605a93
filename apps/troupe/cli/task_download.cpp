#include "apps/troupe/cli/task_download.h"

#include "apps/troupe/cli/artifact_list.h"
#include "apps/troupe/cli/figures.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/part_file.h"
#include "apps/troupe/cli/reconnect.h"
#include "apps/troupe/cli/resolve.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/cli/terminal.h"
#include "apps/troupe/group_file/problems.h"
#include "runtime/rpc/errors.h"

#include <kj/debug.h>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view public_prefix = "public/";
constexpr auto progress_period = 200 * kj::MILLISECONDS;

class FileSink final : public schema::ByteStream::Server {
 public:
  FileSink(PartFile& file, std::shared_ptr<bool> active, std::optional<Error>& failed)
      : file_(file), active_(std::move(active)), failed_(failed) {}

 protected:
  kj::Promise<void> write(WriteContext context) override {
    // What a connection that was given up still delivers, the next one sends again.
    if (!*active_) return kj::READY_NOW;
    const auto bytes = context.getParams().getBytes();
    const Status written =
        file_.append({reinterpret_cast<const char*>(bytes.begin()), bytes.size()});
    if (written.ok()) return kj::READY_NOW;
    failed_ = written.error();
    return exception_from(written.error());
  }

  kj::Promise<void> end(EndContext) override { return kj::READY_NOW; }

 private:
  PartFile& file_;
  const std::shared_ptr<bool> active_;
  std::optional<Error>& failed_;
};

struct Received {
  Sha256 sha256{};
  std::uint64_t size = 0;
};

// A line that is written over, on a terminal alone.
class Progress {
 public:
  Progress(kj::Timer& timer, std::string name, const PartFile& file, std::int64_t total)
      : on_(isatty(STDERR_FILENO) == 1),
        name_(harmless(name)),
        file_(file),
        total_(total),
        task_(on_ ? tick(timer).eagerlyEvaluate(nullptr) : kj::Promise<void>(kj::READY_NOW)) {}
  ~Progress() noexcept {
    if (on_) std::fputs("\r\x1b[K", stderr);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  kj::Promise<void> tick(kj::Timer& timer) {
    return timer.afterDelay(progress_period).then([this, &timer] {
      const std::string text = "\r\x1b[K" + name_ + "  " +
                               format_bytes(static_cast<std::int64_t>(file_.size())) + " of " +
                               format_bytes(total_);
      std::fputs(text.c_str(), stderr);
      return tick(timer);
    });
  }

  const bool on_;
  const std::string name_;
  const PartFile& file_;
  const std::int64_t total_;
  kj::Promise<void> task_;
};

kj::Promise<Received> receive(client::Connection& connection,
                              const std::string& task_id,
                              const DownloadOptions& options,
                              const ArtifactEntry& artifact,
                              PartFile& file,
                              std::optional<Error>& failed) {
  auto active = std::make_shared<bool>(true);
  auto request = connection.troupe().readArtifactRequest();
  request.setTaskId(task_id);
  request.setRunId(options.run ? static_cast<std::int32_t>(*options.run) : -1);
  request.setName(artifact.name);
  request.setOffset(file.size());
  request.setSink(kj::heap<FileSink>(file, active, failed));
  return request.send()
      .then([](capnp::Response<schema::Troupe::ReadArtifactResults>&& answer) {
        Received received;
        received.size = answer.getSize();
        const auto hash = answer.getSha256();
        KJ_REQUIRE(hash.size() == received.sha256.size(), "malformed hash", hash.size());
        std::copy(hash.begin(), hash.end(), received.sha256.begin());
        return received;
      })
      .attach(kj::defer([active] { *active = false; }));
}

Result<std::string> download_one(Reconnector& server,
                                 const Interrupts& interrupts,
                                 const std::string& task_id,
                                 const DownloadOptions& options,
                                 const ArtifactEntry& artifact) {
  Result<std::string> path = download_path(options.directory, artifact.name);
  if (!path.ok()) return path;
  Result<std::unique_ptr<PartFile>> file = PartFile::create(path.value());
  if (!file.ok()) return std::move(file).error();
  PartFile& part = *file.value();

  std::optional<Error> failed;
  std::optional<Received> received;
  {
    Progress progress(server.timer(), artifact.name, part, artifact.size);
    kj::Maybe<kj::Exception> thrown = kj::runCatchingExceptions([&] {
      auto done = server
                      .call([&](client::Connection& connection) {
                        return receive(connection, task_id, options, artifact, part, failed);
                      })
                      .then([&received](Received&& all) { received = all; });
      auto interrupted = interrupts.next(server.io()).ignoreResult();
      done.exclusiveJoin(kj::mv(interrupted)).wait(server.io().waitScope);
    });
    if (failed) return *failed;
    KJ_IF_MAYBE (exception, thrown) return error_from(*exception);
  }
  if (!received) return std::string();
  const Status finished = part.finish(received->sha256, received->size);
  if (!finished.ok()) return finished.error();
  return path;
}

bool has_contents(const ArtifactEntry& artifact) {
  return artifact.storage_type != "error";
}

// The artifacts that were asked for, in that order.
Result<std::vector<ArtifactEntry>> choose(const std::vector<ArtifactEntry>& all,
                                          const DownloadOptions& options,
                                          const std::string& task_id) {
  std::vector<ArtifactEntry> chosen;
  if (options.names.empty()) {
    std::copy_if(all.begin(), all.end(), std::back_inserter(chosen), has_contents);
    if (!chosen.empty()) return chosen;
    return Error{Errc::not_found, "task " + task_id + " has no artifacts"};
  }
  std::vector<std::string> known;
  for (const ArtifactEntry& one : all) known.push_back(one.name);
  for (const std::string& name : options.names) {
    auto at = std::find(known.begin(), known.end(), name);
    if (at == known.end()) {
      at = std::find(known.begin(), known.end(), std::string(public_prefix) + name);
    }
    if (at == known.end()) {
      return Error{Errc::not_found, "task " + task_id + " has no artifact \"" + name + "\"" +
                                        group_file::nearest_hint(name, known)};
    }
    const ArtifactEntry& artifact = all[static_cast<std::size_t>(at - known.begin())];
    if (!has_contents(artifact)) {
      return Error{Errc::not_found,
                   "artifact " + artifact.name + " of task " + task_id +
                       " is an error, it has no contents: the task's log says why"};
    }
    chosen.push_back(artifact);
  }
  return chosen;
}

Result<int> download_all(Session& session,
                         Reconnector& server,
                         const Interrupts& interrupts,
                         const GlobalOptions& global,
                         const DownloadOptions& options) {
  const Result<std::string> resolved = resolve_task(session, options.task);
  if (!resolved.ok()) return resolved.error();
  const std::string& task_id = resolved.value();
  const std::vector<ArtifactEntry> all = list_artifacts(session, task_id, options.run);
  Result<std::vector<ArtifactEntry>> chosen = choose(all, options, task_id);
  if (!chosen.ok()) return std::move(chosen).error();
  for (const ArtifactEntry& artifact : chosen.value()) {
    const Result<std::string> path = download_one(server, interrupts, task_id, options, artifact);
    if (!path.ok()) return path.error();
    if (path.value().empty()) return int{exit_interrupted};
    if (global.json) {
      print_line("{\"name\":" + json_string(artifact.name) +
                 ",\"path\":" + json_string(path.value()) + "}");
    } else {
      print_line(path.value());
    }
  }
  return int{exit_done};
}

}  // namespace

Result<std::string> download_path(const std::string& directory, const std::string& name) {
  const Error outside{Errc::invalid, "artifact \"" + name + "\": its name leads out of " +
                                         directory + " or to no file: it is not downloaded"};
  if (name.empty() || name.back() == '/' || name.front() == '/') return outside;
  const fs::path relative(name);
  for (const fs::path& step : relative) {
    if (step == ".." || step == "." || step.empty()) return outside;
  }
  return (fs::path(directory) / relative).string();
}

int task_download(const GlobalOptions& global, const DownloadOptions& options) {
  const Interrupts interrupts;
  return with_reconnector(global, [&](Session& session, Reconnector& server) {
    return download_all(session, server, interrupts, global, options);
  });
}

}  // namespace troupe::cli
