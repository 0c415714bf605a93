// Artifacts of a run. Bytes are in the blob store before a row names them.
// Source: spec/queue.md, section 9.
#include "actors/task/codec.h"
#include "actors/task/events.h"
#include "actors/task/handlers.h"
#include "runtime/base/planted.h"

#include <fmt/format.h>

namespace troupe::task {
namespace {

constexpr std::size_t name_bytes_max = 1024;
constexpr Duration late_artifacts{25 * 60 * 1000};
constexpr Duration expired_artifacts{15 * 60 * 1000};  // how far apart clocks may be
constexpr std::string_view unknown_content = "application/binary";

using Row = schema::ArtifactRow::Reader;
using Put = schema::ArtifactPut::Reader;

bool is_printable_ascii(std::string_view name) {
  for (const char c : name) {
    if (c < 0x20 || c > 0x7e) return false;
  }
  return !name.empty();
}

std::optional<Error> refuse_put(const TaskState& s, Put put, Instant now) {
  const std::string name = str(put.getName());
  if (!is_printable_ascii(name) || name.size() > name_bytes_max) {
    return Error{Errc::invalid,
                 "an artifact's name is 1 to 1024 printable ASCII characters: \"" + name + "\""};
  }
  const Instant expires{put.getExpires()};
  if (expires.ms != 0 && expires < now - expired_artifacts) {
    return Error{Errc::invalid, "artifact " + name + " would have expired already"};
  }
  if (!s.visible()) return Error{Errc::invalid, "the task of artifact " + name + " does not exist"};
  return std::nullopt;
}

std::optional<Error> refuse_run(const TaskState& s, const Run& run, Put put, Instant now) {
  const std::string name = str(put.getName());
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

// A claim is named by its token, over HTTP by the run alone.
std::optional<Error> refuse_claim(const Run& run, schema::ClaimRef::Reader claim) {
  if (claim.getByRun()) {
    if (!run.worker_group.empty() && !run.worker_id.empty()) return std::nullopt;
    return Error{Errc::invalid, "no worker has ever claimed the run: it has no artifacts"};
  }
  if (claim.getToken() != 0 && run.token == claim.getToken()) return std::nullopt;
  return Error{Errc::conflict, "the run is no longer held by this claim: forget it"};
}

std::string_view content_of(std::string_view content_type) {
  return content_type.empty() ? unknown_content : content_type;
}

std::int64_t expiry_of(const TaskState& s, Put put) {
  return put.getExpires() == 0 ? s.expires.ms : put.getExpires();
}

// Whether `put` may take the place of what is stored under its name. Section 9.3.
bool may_replace(Row old, Put put, std::int64_t expires) {
  if (expires < old.getExpires()) return false;
  const auto was = view(old.getStorageType());
  const auto is = view(put.getStorageType());
  if (was == "reference" && is == "link") return true;
  if (was != is) return false;
  if (is == "link") return old.getLink() == put.getLink();
  if (content_of(view(old.getContentType())) != content_of(view(put.getContentType()))) {
    return false;
  }
  if (is == "reference") return true;
  if (is == "error") {
    return old.getReason() == put.getReason() && old.getMessage() == put.getMessage();
  }
  if (is == "object") {
    return old.getUploadId().size() > 0 && old.getExpires() == expires &&
           old.getAnnouncedLength() == put.getAnnouncedLength();
  }
  // Bytes that came with the artifact do not change; those that are sent after it may.
  return put.getSha256().size() == 0 || old.getSha256().size() == 0 ||
         old.getSha256() == put.getSha256();
}

// The first content type, length and upload stay, and so do bytes that are here.
void keep_first(Row old, Put put, schema::ArtifactRow::Builder row) {
  if (old.getContentType().size() > 0) row.setContentType(old.getContentType());
  row.setAnnouncedLength(old.getAnnouncedLength());
  row.setUploadId(old.getUploadId());
  if (put.getSha256().size() > 0) return;
  row.setSize(old.getSize());
  row.setSha256(old.getSha256());
  row.setContentEncoding(old.getContentEncoding());
}

Bytes artifact_row(const TaskState& s, Put put, std::optional<Row> old) {
  return build<schema::ArtifactRow>([&](schema::ArtifactRow::Builder row) {
    row.setName(put.getName());
    row.setStorageType(put.getStorageType());
    row.setContentType(text(std::string(content_of(view(put.getContentType())))));
    row.setExpires(expiry_of(s, put));
    row.setSize(put.getSize());
    row.setSha256(put.getSha256());
    row.setLink(put.getLink());
    row.setReason(put.getReason());
    row.setMessage(put.getMessage());
    row.setUrl(put.getUrl());
    row.setUploadId(put.getUploadId());
    row.setAnnouncedLength(put.getAnnouncedLength());
    if (old) keep_first(*old, put, row);
  });
}

Error taken(Row old) {
  return {Errc::conflict,
          fmt::format("artifact {} exists already, of storage type {} and content type {}, and "
                      "until {}: what is given differs",
                      view(old.getName()), view(old.getStorageType()), view(old.getContentType()),
                      format_time(Instant{old.getExpires()}))};
}

// Its bytes come later: by a PUT that nobody is told of, or until finishArtifact.
bool is_told(Row row) {
  const auto storage = view(row.getStorageType());
  return storage != "s3" && (storage != "object" || row.getUploadId().size() == 0);
}

// Puts the row of an artifact that nothing speaks against; returns it.
Result<Bytes> put_artifact(Transition& t, std::uint32_t run, Put put, const Input& in) {
  const std::string key = artifact_key(run, str(put.getName()));
  const auto words = in.context.rows.get(tables::task_artifacts.id, key);
  std::optional<Stored<schema::ArtifactRow>> stored;
  std::optional<Row> old;
  if (words) {
    old = stored.emplace(words->words()).get();
    if (!may_replace(*old, put, expiry_of(t.next, put))) return taken(*old);
  }
  Bytes row = artifact_row(t.next, put, old);
  put_artifact_row(t, run, old, row, in);
  Stored<schema::ArtifactRow> fresh(row.words());
  if (is_told(fresh.get())) {
    t.effects.events.push_back(artifact_created(t.next, run, fresh.get()));
  }
  return row;
}

/// An artifact that is there, by run and name.
struct Found {
  std::string key;
  Bytes words;
};

Result<Found> find(const TaskState& s,
                   std::uint32_t run,
                   capnp::Text::Reader name,
                   const Input& in) {
  if (s.visible() && run < s.runs.size() && view(name).find('\0') == std::string_view::npos) {
    std::string key = artifact_key(run, str(name));
    if (auto words = in.context.rows.get(tables::task_artifacts.id, key)) {
      return Found{std::move(key), std::move(*words)};
    }
  }
  return Error{Errc::not_found, fmt::format("task {} run {} has no artifact {}",
                                            in.context.self.key, run, view(name))};
}

// The row with its changes.
template <class Change>
Bytes changed(Row row, Change&& change) {
  return build<schema::ArtifactRow>([&](schema::ArtifactRow::Builder out) {
    out.setName(row.getName());
    out.setStorageType(row.getStorageType());
    out.setContentType(row.getContentType());
    out.setExpires(row.getExpires());
    out.setSize(row.getSize());
    out.setSha256(row.getSha256());
    out.setUploadId(row.getUploadId());
    out.setContentEncoding(row.getContentEncoding());
    out.setAnnouncedLength(row.getAnnouncedLength());
    change(out);
  });
}

void reply_done(Transition& t, ReplyTo to) {
  if (to) t.effects.replies.push_back({to, Bytes{}, false});
}

// Whether bytes that come under `upload` may become the artifact's.
std::optional<Error> refuse_blob(Row row, M::StoreBlob::Reader m) {
  const auto upload = view(m.getBlobUploadId());
  const auto storage = view(row.getStorageType());
  const std::string name = str(row.getName());
  if (storage != (upload.empty() ? "s3" : "object")) {
    return Error{Errc::conflict, "artifact " + name + " takes no bytes this way by now"};
  }
  if (upload.empty()) return std::nullopt;
  const bool same = row.getSha256() == m.getSha256();
  if (row.getUploadId().size() == 0 && !same) {
    return Error{Errc::conflict, "artifact " + name + " is finished: its bytes do not change"};
  }
  if (row.getUploadId().size() > 0 && view(row.getUploadId()) != upload) {
    return Error{Errc::conflict, "artifact " + name + " has another uploadId"};
  }
  return std::nullopt;
}

}  // namespace

Status store_artifact(Transition& t, std::uint32_t run, Put put, const Input& in) {
  if (auto refusal = refuse_put(t.next, put, in.now())) return *refusal;
  if (auto refusal = refuse_run(t.next, t.next.runs.at(run), put, in.now())) return *refusal;
  auto stored = put_artifact(t, run, put, in);
  if (!stored.ok()) return stored.error();
  return Done{};
}

// The order of the checks is that of section 9.2. The answer is the row.
Result<Transition> on_put_artifact(const TaskState& s, M::PutArtifact::Reader m, const Input& in) {
  const auto claim = m.getClaimRef();
  const auto put = m.getArtifact();
  if (auto refusal = refuse_put(s, put, in.now())) return *refusal;
  const auto run = claim.getRunId();
  if (run >= s.runs.size()) {
    return Error{Errc::invalid, fmt::format("task {} has no run {}", in.context.self.key, run)};
  }
  if (auto refusal = refuse_claim(s.runs[run], claim)) return *refusal;
  if (auto refusal = refuse_run(s, s.runs[run], put, in.now())) return *refusal;
  Transition t = begin(s);
  auto row = put_artifact(t, run, put, in);
  if (!row.ok()) return row.error();
  if (m.getCheckOnly()) t.effects = {};
  if (in.reply_to) t.effects.replies.push_back({in.reply_to, std::move(row).value(), false});
  return t;
}

// Nothing is asked of the run's state: what was promised may be kept, however late.
Result<Transition> on_store_blob(const TaskState& s, M::StoreBlob::Reader m, const Input& in) {
  auto found = find(s, m.getBlobRunId(), m.getBlobName(), in);
  if (!found.ok()) return found.error();
  Stored<schema::ArtifactRow> stored(found.value().words.words());
  const auto row = stored.get();
  if (auto refusal = refuse_blob(row, m)) return *refusal;
  Transition t = begin(s);
  put_artifact_row(t, m.getBlobRunId(), row,
                   changed(row,
                           [&m](schema::ArtifactRow::Builder out) {
                             out.setSha256(m.getSha256());
                             out.setSize(m.getSize());
                             out.setContentEncoding(m.getContentEncoding());
                           }),
                   in);
  reply_done(t, in.reply_to);
  return t;
}

Result<Transition> on_finish_artifact(const TaskState& s,
                                      M::FinishArtifact::Reader m,
                                      const Input& in) {
  const auto run = m.getFinishedRunId();
  auto found = find(s, run, m.getFinishedName(), in);
  if (!found.ok()) return found.error();
  Stored<schema::ArtifactRow> stored(found.value().words.words());
  const auto row = stored.get();
  const std::string name = str(row.getName());
  if (view(row.getStorageType()) != "object") {
    return Error{Errc::invalid, "artifact " + name + " is of storage type " +
                                    str(row.getStorageType()) + ", which nobody finishes"};
  }
  Transition t = begin(s);
  if (row.getUploadId().size() > 0) {
    if (view(row.getUploadId()) != view(m.getUploadId())) {
      return Error{Errc::invalid, "artifact " + name + " has another uploadId"};
    }
    if (row.getSha256().size() == 0 && !planted(Bug::finish_without_bytes)) {
      return Error{Errc::invalid,
                   "the bytes of artifact " + name + " are not here: finish their upload first"};
    }
    put_row(t, tables::task_artifacts, found.value().key,
            changed(row, [](schema::ArtifactRow::Builder out) { out.setUploadId(""); }));
  }
  t.effects.events.push_back(artifact_created(t.next, run, row));
  reply_done(t, in.reply_to);
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
  reply_done(t, in.reply_to);
  return t;
}

}  // namespace troupe::task
