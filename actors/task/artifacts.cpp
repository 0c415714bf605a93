// Artifacts of a run. Bytes are in the blob store before their row is written.
// Source: spec/queue.md, section 9.
#include "actors/task/codec.h"
#include "actors/task/events.h"
#include "actors/task/handlers.h"

namespace troupe::task {
namespace {

constexpr std::size_t name_bytes_max = 1024;
constexpr Duration late_artifacts{25 * 60 * 1000};

bool is_printable_ascii(std::string_view name) {
  for (const char c : name) {
    if (c < 0x20 || c > 0x7e) return false;
  }
  return !name.empty();
}

std::optional<Error> refuse(const TaskState& s,
                            const Run& run,
                            schema::ArtifactPut::Reader put,
                            Instant now) {
  const std::string name = str(put.getName());
  if (!is_printable_ascii(name) || name.size() > name_bytes_max) {
    return Error{Errc::invalid,
                 "an artifact's name is 1 to 1024 printable ASCII characters: \"" + name + "\""};
  }
  if (Instant{put.getExpires()} > s.expires) {
    return Error{Errc::invalid, "artifact " + name + " expires after its task"};
  }
  const bool open =
      run.state == schema::TaskState::RUNNING ||
      (run.state == schema::TaskState::EXCEPTION && run.resolved > now - late_artifacts);
  if (!open) {
    return Error{Errc::conflict, "the run has ended: artifact " + name + " comes too late"};
  }
  return std::nullopt;
}

Bytes artifact_row(const TaskState& s, schema::ArtifactPut::Reader put) {
  return build<schema::ArtifactRow>([&](schema::ArtifactRow::Builder row) {
    row.setName(put.getName());
    row.setStorageType(put.getStorageType());
    row.setContentType(put.getContentType());
    row.setExpires(put.getExpires() == 0 ? s.expires.ms : put.getExpires());
    row.setSize(put.getSize());
    row.setSha256(put.getSha256());
    row.setLink(put.getLink());
    row.setReason(put.getReason());
    row.setMessage(put.getMessage());
  });
}

// Whether `put` may take the place of what is stored under its name.
bool may_replace(schema::ArtifactRow::Reader old, schema::ArtifactRow::Reader put) {
  if (put.getExpires() < old.getExpires()) return false;
  if (old.getStorageType() != put.getStorageType()) return false;
  return old.getSha256() == put.getSha256() && old.getLink() == put.getLink() &&
         old.getReason() == put.getReason() && old.getMessage() == put.getMessage();
}

// Puts the row of an artifact that nothing speaks against.
Status put_artifact(Transition& t,
                    std::uint32_t run,
                    schema::ArtifactPut::Reader put,
                    const Input& in) {
  const std::string key = artifact_key(run, str(put.getName()));
  const Bytes row = artifact_row(t.next, put);
  Stored<schema::ArtifactRow> fresh(row);
  if (const auto old = in.context.rows.get(tables::task_artifacts.id, key)) {
    Stored<schema::ArtifactRow> stored(*old);
    if (!may_replace(stored.get(), fresh.get())) {
      return Error{Errc::conflict,
                   "artifact " + str(put.getName()) + " exists with other contents"};
    }
  }
  put_row(t, tables::task_artifacts, key, row);
  if (view(put.getStorageType()) != "s3") {
    t.effects.events.push_back(artifact_created(t.next, run, fresh.get()));
  }
  return Done{};
}

}  // namespace

Status store_artifact(Transition& t,
                      std::uint32_t run,
                      schema::ArtifactPut::Reader put,
                      const Input& in) {
  if (auto refusal = refuse(t.next, t.next.runs.at(run), put, in.now())) return *refusal;
  return put_artifact(t, run, put, in);
}

Result<Transition> on_put_artifact(const TaskState& s, M::PutArtifact::Reader m, const Input& in) {
  const auto claim = m.getClaimRef();
  if (!s.visible() || claim.getRunId() >= s.runs.size()) {
    return Error{Errc::invalid, "no such run of task " + in.context.self.key};
  }
  if (claim.getToken() == 0 || s.runs[claim.getRunId()].token != claim.getToken()) {
    return Error{Errc::conflict, "the run is no longer held by this claim: forget it"};
  }
  Transition t = begin(s);
  if (auto stored = store_artifact(t, claim.getRunId(), m.getArtifact(), in); !stored.ok()) {
    return stored.error();
  }
  if (in.reply_to) t.effects.replies.push_back({in.reply_to, Bytes{}, false});
  return t;
}

// The log of a run whose worker did not report: nothing limits how late it comes.
Result<Transition> on_keep_log(const TaskState& s, M::KeepLog::Reader m, const Input& in) {
  const auto run = m.getKeptRunId();
  const bool ended = s.visible() && run < s.runs.size() &&
                     s.runs[run].state != schema::TaskState::PENDING &&
                     s.runs[run].state != schema::TaskState::RUNNING;
  if (!ended) return Error{Errc::conflict, "the run has not ended"};
  Transition t = begin(s);
  for (const auto put : m.getKeptLog()) {
    if (in.context.rows.get(tables::task_artifacts.id, artifact_key(run, str(put.getName())))) {
      continue;
    }
    if (auto stored = put_artifact(t, run, put, in); !stored.ok()) return stored.error();
  }
  if (in.reply_to) t.effects.replies.push_back({in.reply_to, Bytes{}, false});
  return t;
}

}  // namespace troupe::task
