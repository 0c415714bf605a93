#include "apps/troupe/cli/artifact_list.h"

#include "runtime/transcode/json.h"

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

}  // namespace

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

}  // namespace troupe::cli
