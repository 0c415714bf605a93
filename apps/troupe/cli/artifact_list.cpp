#include "apps/troupe/cli/artifact_list.h"

#include "apps/troupe/cli/task_views.h"
#include "apps/troupe/cli/terminal.h"
#include "runtime/rpc/errors.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>

namespace troupe::cli {
namespace {

template <class Page>
std::string take(const Page& page, std::vector<ArtifactEntry>& entries) {
  for (const auto artifact : page.getArtifacts()) {
    entries.push_back({.name = artifact.getName().cStr(),
                       .storage_type = artifact.getStorageType().cStr(),
                       .content_type = artifact.getContentType().cStr(),
                       .size = artifact.getContentLength(),
                       .expires = Instant{artifact.getExpires()},
                       .json = to_json(artifact)});
  }
  return page.getContinuationToken().cStr();
}

template <class Answer>
std::optional<ArtifactFault> fault_of(const Answer& answer) {
  const schema::ArtifactContent::Reader content = answer.getContent();
  if (!content.isError()) return std::nullopt;
  return ArtifactFault{content.getError().getReason().cStr(),
                       content.getError().getMessage().cStr()};
}

}  // namespace

std::optional<ArtifactFault> ask_fault(Session& session,
                                       const std::string& task_id,
                                       std::optional<std::uint32_t> run,
                                       const std::string& name) {
  try {
    if (!run) {
      auto request = session.queue().latestArtifactRequest();
      request.setTaskId(task_id);
      request.setName(name);
      return fault_of(session.wait(request.send()));
    }
    auto request = session.queue().artifactRequest();
    request.setTaskId(task_id);
    request.setRunId(*run);
    request.setName(name);
    return fault_of(session.wait(request.send()));
  } catch (const kj::Exception& refused) {
    // Who may list artifacts need not be allowed to fetch them.
    if (error_from(refused).code != Errc::forbidden) throw;
    return std::nullopt;
  }
}

std::string fault_text(const ArtifactFault& fault) {
  return harmless(fault.reason + ": " + fault.message);
}

Error not_made(const std::string& name, const ArtifactFault& fault) {
  return {Errc::not_found, "artifact " + harmless(name) + " was not made: " + fault_text(fault)};
}

std::vector<ArtifactEntry> list_artifacts(Session& session,
                                          const std::string& task_id,
                                          std::optional<std::uint32_t> run) {
  std::vector<ArtifactEntry> entries;
  read_pages([&](const std::string& token) {
    if (!run) {
      auto request = session.queue().listLatestArtifactsRequest();
      request.setTaskId(task_id);
      request.setContinuationToken(token);
      return take(session.wait(request.send()), entries);
    }
    auto request = session.queue().listArtifactsRequest();
    request.setTaskId(task_id);
    request.setRunId(*run);
    request.setContinuationToken(token);
    return take(session.wait(request.send()), entries);
  });
  return entries;
}

std::string no_artifacts_text(Session& session,
                              const std::string& task_id,
                              std::optional<std::uint32_t> run) {
  auto request = session.queue().statusRequest();
  request.setTaskId(task_id);
  const auto answer = session.wait(request.send());
  const auto runs = answer.getStatus().getRuns();
  const std::string task = "task " + task_id;
  const std::uint32_t asked = run.value_or(runs.size() > 0 ? runs.size() - 1 : 0);
  if (asked >= runs.size()) return task + " has not run yet";
  std::string text = fmt::format("{}: run {} has no artifacts", task, asked);
  if (!is_resolved(runs[asked].getState())) text += " yet";
  for (std::uint32_t earlier = asked; !run && earlier > 0;) {
    const std::size_t count = list_artifacts(session, task_id, --earlier).size();
    if (count > 0) return text + fmt::format("; run {0} has {1}: --run {0}", earlier, count);
  }
  return text;
}

}  // namespace troupe::cli
