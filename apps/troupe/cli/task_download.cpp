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
#include "runtime/base/data.h"
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
        const auto hash = sha256_of(answer.getSha256());
        KJ_REQUIRE(hash.has_value(), "malformed hash", answer.getSha256().size());
        return Received{.sha256 = *hash, .size = answer.getSize()};
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

// Where an artifact is that the platform only refers to; empty for what it keeps.
std::string find_elsewhere(Session& session,
                           const std::string& task_id,
                           const DownloadOptions& options,
                           const ArtifactEntry& artifact) {
  if (artifact.storage_type != "reference" && artifact.storage_type != "link") return {};
  const auto url_of = [](schema::ArtifactLocation::Reader location) -> std::string {
    return location.getStorageType() == "reference" ? location.getUrl().cStr() : "";
  };
  if (!options.run) {
    auto request = session.queue().getLatestArtifactRequest();
    request.setTaskId(task_id);
    request.setName(artifact.name);
    return url_of(session.wait(request.send()));
  }
  auto request = session.queue().getArtifactRequest();
  request.setTaskId(task_id);
  request.setRunId(*options.run);
  request.setName(artifact.name);
  return url_of(session.wait(request.send()));
}

bool has_contents(const ArtifactEntry& artifact) {
  return artifact.storage_type != "error";
}

// What is left of a list once some could not be had: the others are, and the first failure counts.
class Failures {
 public:
  void add(const Error& error) {
    const int status = report(error);
    if (status_ == exit_done) status_ = status;
  }
  int status() const { return status_; }

 private:
  int status_ = exit_done;
};

/// All that the download of one task's artifacts takes.
struct Download {
  Session& session;
  Reconnector& server;
  const Interrupts& interrupts;
  const DownloadOptions& options;
  const std::string task_id;
  const bool json;
};

Error no_contents(const Download& download, const ArtifactEntry& artifact) {
  const auto fault =
      ask_fault(download.session, download.task_id, download.options.run, artifact.name);
  return fault ? not_made(artifact.name, *fault)
               : Error{Errc::not_found, "artifact " + artifact.name + " was not made"};
}

// The artifacts that were asked for, in that order, as far as they can be had.
std::vector<ArtifactEntry> choose(const Download& download,
                                  const std::vector<ArtifactEntry>& all,
                                  Failures& failures) {
  std::vector<ArtifactEntry> chosen;
  if (all.empty()) {
    failures.add({Errc::not_found,
                  no_artifacts_text(download.session, download.task_id, download.options.run)});
    return chosen;
  }
  if (download.options.names.empty()) {
    for (const ArtifactEntry& one : all) {
      if (has_contents(one)) {
        chosen.push_back(one);
      } else {
        print_note(no_contents(download, one).detail);
      }
    }
    if (chosen.empty()) {
      failures.add(
          {Errc::not_found, "task " + download.task_id + " has no artifacts with contents"});
    }
    return chosen;
  }
  std::vector<std::string> known;
  for (const ArtifactEntry& one : all) known.push_back(one.name);
  for (const std::string& name : download.options.names) {
    auto at = std::find(known.begin(), known.end(), name);
    if (at == known.end()) {
      at = std::find(known.begin(), known.end(), std::string(public_prefix) + name);
    }
    if (at == known.end()) {
      failures.add({Errc::not_found, "task " + download.task_id + " has no artifact \"" + name +
                                         "\"" + group_file::nearest_hint(name, known)});
      continue;
    }
    const ArtifactEntry& artifact = all[static_cast<std::size_t>(at - known.begin())];
    if (has_contents(artifact)) {
      chosen.push_back(artifact);
    } else {
      failures.add(no_contents(download, artifact));
    }
  }
  return chosen;
}

void print_downloaded(const ArtifactEntry& artifact, const std::string& path, bool json) {
  print_line(json ? "{\"name\":" + json_string(artifact.name) + ",\"path\":" + json_string(path) +
                        "}"
                  : path);
}

// Nothing was downloaded: a remark among many, a failure of what was asked for by name.
Result<bool> say_elsewhere(const Download& download,
                           const ArtifactEntry& artifact,
                           const std::string& url) {
  if (download.json) {
    print_line("{\"name\":" + json_string(artifact.name) + ",\"url\":" + json_string(url) + "}");
  }
  const std::string where = "is kept elsewhere: " + harmless(url);
  if (!download.options.names.empty()) return Error{Errc::not_found, "it " + where};
  if (!download.json) print_note(harmless(artifact.name) + " " + where);
  return true;
}

// Without the server, or permission for any, the others could not be had either.
bool ends_all(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::unauthenticated;
}

// Writes its file, or says where it is; false if it was interrupted.
Result<bool> get_one(const Download& download, const ArtifactEntry& artifact) {
  std::string url;
  kj::Maybe<kj::Exception> thrown = kj::runCatchingExceptions([&] {
    url = find_elsewhere(download.session, download.task_id, download.options, artifact);
  });
  KJ_IF_MAYBE (exception, thrown) return error_from(*exception);
  if (!url.empty()) return say_elsewhere(download, artifact, url);
  const Result<std::string> path = download_one(download.server, download.interrupts,
                                                download.task_id, download.options, artifact);
  if (!path.ok()) return path.error();
  if (path.value().empty()) return false;
  print_downloaded(artifact, path.value(), download.json);
  return true;
}

int get_all(const Download& download,
            const std::vector<ArtifactEntry>& chosen,
            Failures& failures) {
  for (const ArtifactEntry& artifact : chosen) {
    const auto got = get_one(download, artifact);
    if (got.ok() && !got.value()) return exit_interrupted;
    if (got.ok()) continue;
    failures.add({got.error().code, "artifact " + artifact.name + ": " + got.error().detail});
    if (ends_all(got.error())) break;
  }
  return failures.status();
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
  return with_reconnector(global, [&](Session& session, Reconnector& server) -> Result<int> {
    const Result<std::string> task_id = resolve_task(session, options.task);
    if (!task_id.ok()) return task_id.error();
    const auto all = list_artifacts(session, task_id.value(), options.run);
    Failures failures;
    const Download download{session, server, interrupts, options, task_id.value(), global.json};
    const auto chosen = choose(download, all, failures);
    return int{get_all(download, chosen, failures)};
  });
}

}  // namespace troupe::cli
