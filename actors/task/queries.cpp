#include "actors/task/queries.h"

#include "actors/kinds.h"
#include "actors/task/codec.h"
#include "runtime/base/data.h"

#include <algorithm>

namespace troupe::task {

schema::TaskState TaskView::state() {
  const auto runs = row().getRuns();
  return runs.size() == 0 ? schema::TaskState::UNSCHEDULED : runs[runs.size() - 1].getState();
}

schema::TaskDefinition::Reader TaskView::definition() {
  if (!definition_) {
    const auto words = own_row(*snapshot_, tables::task_definition, number_);
    TROUPE_INVARIANT(words.has_value());
    definition_ = std::make_unique<Stored<schema::TaskDefinition>>(*words);
  }
  return definition_->get();
}

void TaskView::fill_definition(schema::TaskDefinition::Builder out) {
  // Copied field by field through a message: the target may be part of another.
  const auto d = definition();
  out.setProvisionerId(d.getProvisionerId());
  out.setWorkerType(d.getWorkerType());
  out.setTaskQueueId(d.getTaskQueueId());
  out.setSchedulerId(d.getSchedulerId());
  out.setProjectId(d.getProjectId());
  out.setTaskGroupId(d.getTaskGroupId());
  out.setDependencies(d.getDependencies());
  out.setRequires(d.getRequires());
  out.setRoutes(d.getRoutes());
  out.setPriority(row().getPriority());
  out.setRetries(d.getRetries());
  out.setCreated(d.getCreated());
  out.setDeadline(d.getDeadline());
  out.setExpires(d.getExpires());
  out.setScopes(d.getScopes());
  out.setPayload(d.getPayload());
  out.setMetadata(d.getMetadata());
  out.setTags(d.getTags());
  out.setExtra(d.getExtra());
}

std::size_t TaskView::definition_bytes() const {
  const auto words = own_row(*snapshot_, tables::task_definition, number_);
  return words ? words->size_bytes() : 0;
}

std::size_t TaskView::status_bytes() const {
  const auto words = own_row(*snapshot_, tables::task_state, number_);
  return words ? words->size_bytes() : 0;
}

void TaskView::fill_status(schema::TaskStatus::Builder out) {
  const auto words = own_row(*snapshot_, tables::task_state, number_);
  TROUPE_INVARIANT(words.has_value());
  task::fill_status(decode_row(*words), out);
}

namespace {

// Whether others see it: not before it is complete, nor once its rows are being removed.
bool is_visible(TaskView& task) {
  const auto row = task.row();
  return row.getCreateStep() == schema::CreateStep::NONE && !row.getExpiring();
}

}  // namespace

std::optional<TaskView> find_task(const Snapshot& snapshot, const std::string& id) {
  if (id.empty() || id.find('\0') != std::string::npos) return std::nullopt;
  const auto number = find_actor_number(snapshot, task_id(id));
  const auto words = own_row(snapshot, tables::task_state, number);
  if (!words) return std::nullopt;
  TaskView view(snapshot, number, *words);
  if (!is_visible(view)) return std::nullopt;
  return view;
}

void scan_newest(const Snapshot& snapshot,
                 std::uint64_t before,
                 const std::function<bool(TaskView&)>& visit) {
  troupe::scan_newest(snapshot, tables::task_state, before,
                      [&](std::uint64_t number, WordSpan words) {
                        TaskView view(snapshot, number, words);
                        return !is_visible(view) || visit(view);
                      });
}

namespace {

ArtifactInfo read_artifact(std::uint32_t run, WordSpan words) {
  Stored<schema::ArtifactRow> stored(words);
  const auto row = stored.get();
  ArtifactInfo info;
  info.run = run;
  info.name = str(row.getName());
  info.storage_type = str(row.getStorageType());
  info.content_type = str(row.getContentType());
  info.expires = Instant{row.getExpires()};
  info.size = row.getSize();
  info.sha256 = str(row.getSha256());
  info.link = str(row.getLink());
  info.reason = str(row.getReason());
  info.message = str(row.getMessage());
  info.url = str(row.getUrl());
  info.content_encoding = str(row.getContentEncoding());
  info.announced_length = row.getAnnouncedLength();
  info.present = row.getUploadId().size() == 0;
  return info;
}

}  // namespace

std::vector<ArtifactInfo> list_artifacts(const Snapshot& snapshot,
                                         TaskView& task,
                                         std::uint32_t run,
                                         const Page& page,
                                         std::string& next) {
  std::vector<ArtifactInfo> found;
  page_own(snapshot, tables::task_artifacts, task.number(), KeyWriter().u64(run).prefix(), page,
           next,
           [&](std::string_view, WordSpan words) { found.push_back(read_artifact(run, words)); });
  return found;
}

std::optional<ArtifactInfo> find_artifact(const Snapshot& snapshot,
                                          TaskView& task,
                                          std::uint32_t run,
                                          const std::string& name) {
  if (name.find('\0') != std::string::npos) return std::nullopt;
  const auto words =
      own_row(snapshot, tables::task_artifacts, task.number(), artifact_key(run, name));
  if (!words) return std::nullopt;
  return read_artifact(run, *words);
}

Result<ArtifactInfo> resolve_artifact(
    const Snapshot& snapshot,
    TaskView& task,
    std::uint32_t run,
    const std::string& name,
    Instant now,
    const std::function<void(const std::vector<std::string>&)>& allow) {
  std::vector<std::string> visited;
  std::string current = name;
  for (;;) {
    if (std::ranges::find(visited, current) != visited.end()) {
      return Error{Errc::invalid, "the links of artifact " + name + " form a circle"};
    }
    if (visited.size() > links_max) {
      return Error{Errc::invalid, "artifact " + name + " leads through more than " +
                                      std::to_string(links_max) +
                                      " links: link to what is behind them"};
    }
    visited.push_back(current);
    allow(visited);
    const auto info = find_artifact(snapshot, task, run, current);
    if (!info || !info->present) {
      return Error{Errc::not_found, "task " + str(task.row().getTaskId()) + " run " +
                                        std::to_string(run) + " has no artifact " + current};
    }
    if (info->expires < now) return Error{Errc::expired, "artifact " + current + " has expired"};
    if (info->storage_type != "link") return *info;
    current = info->link;
  }
}

void fill_artifact(const ArtifactInfo& info, schema::Artifact::Builder out) {
  out.setStorageType(text(info.storage_type));
  out.setName(text(info.name));
  out.setExpires(info.expires.ms);
  out.setContentType(text(info.content_type));
  // That of bytes in a coding is another than theirs.
  const bool known = info.has_bytes() && info.content_encoding.empty();
  out.setContentLength(info.announced_length >= 0 || !known ? info.announced_length
                                                            : static_cast<std::int64_t>(info.size));
}

std::vector<std::string> list_dependents(
    const Snapshot& snapshot, TaskView& task, Instant now, const Page& page, std::string& next) {
  std::vector<std::string> found;
  page_own(snapshot, tables::task_edges, task.number(), "", page, next,
           [&found, now](std::string_view key, WordSpan words) {
             const Instant expires{Stored<schema::EdgeRow>(words).get().getExpires()};
             if (expires > now) found.emplace_back(KeyReader(key).text());
           });
  return found;
}

std::vector<std::string> unsatisfied_needs(const Snapshot& snapshot,
                                           TaskView& task,
                                           std::size_t limit) {
  std::vector<std::string> found;
  scan_own(snapshot, tables::task_needs, task.number(), "", "",
           [&](std::string_view key, WordSpan words) {
             if (!Stored<schema::NeedRow>(words).get().getSatisfied()) {
               found.emplace_back(KeyReader(key).text());
             }
             return found.size() < limit;
           });
  return found;
}

}  // namespace troupe::task
