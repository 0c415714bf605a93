// Rows of artifacts, and what goes with them in the same transaction: the collector of a blob hears
// which rows name it, and a timer is set for the earliest artifact that expires before its task.
// Source: spec/queue.md, section 14.
#include "actors/blobs/messages.h"
#include "actors/each_row.h"
#include "actors/task/codec.h"
#include "actors/task/handlers.h"
#include "runtime/base/hash.h"
#include "runtime/store/key.h"

#include <algorithm>

namespace troupe::task {
namespace {

using Row = schema::ArtifactRow::Reader;

// The user of the row's blob; nothing if there is none, or a damaged row names it.
std::optional<blobs::User> user_of(const TaskState& s, std::uint32_t run, Row row) {
  const auto hash = row.getSha256();
  if (hash.size() != Sha256{}.size()) return std::nullopt;
  return blobs::User{{reinterpret_cast<const char*>(hash.begin()), hash.size()},
                     s.task_id,
                     run,
                     str(row.getName())};
}

std::uint32_t run_of(const std::string& key) {
  return static_cast<std::uint32_t>(KeyReader(key).u64());
}

void set_timer(Transition& t, Instant expiry, const Input& in) {
  t.next.next_expiry = expiry;
  if (expiry >= t.next.expires) return;  // they go with their task
  t.effects.timers.push_back({artifacts_timer, expiry + in.config.expiration_delay, 0, false});
}

// The earliest of those that are stored and `expiry`.
Instant earliest(Instant expiry, const Input& in) {
  const auto consider = [&expiry](const std::string&, WordSpan words) {
    expiry = std::min(expiry, Instant{Stored<schema::ArtifactRow>(words).get().getExpires()});
  };
  each_row(in.context.rows, tables::task_artifacts.id, "", consider);
  return expiry;
}

// The timer must not come after one that expires then.
void watch(Transition& t, Instant expiry, const Input& in) {
  if (expiry >= t.next.expires) return;
  if (auto& sweep = t.next.artifact_sweep) {  // its end sets the timer
    sweep->next = std::min(sweep->next, expiry);
    return;
  }
  if (!t.next.next_expiry) return set_timer(t, earliest(expiry, in), in);
  if (expiry < *t.next.next_expiry) set_timer(t, expiry, in);
}

}  // namespace

void put_artifact_row(
    Transition& t, std::uint32_t run, const std::optional<Row>& old, Bytes row, const Input& in) {
  Stored<schema::ArtifactRow> stored(row.words());
  const Row fresh = stored.get();
  const auto before = old ? user_of(t.next, run, *old) : std::nullopt;
  const auto now = user_of(t.next, run, fresh);
  const bool same = before && now && before->sha256 == now->sha256;
  if (now && !same) t.effects.sends.push_back(blobs::reference(*now));
  if (before && !same) t.effects.sends.push_back(blobs::unreference(*before));
  watch(t, Instant{fresh.getExpires()}, in);
  put_row(t, tables::task_artifacts, artifact_key(run, str(fresh.getName())), std::move(row));
}

void remove_artifact_row(Transition& t, const Rows::Row& row) {
  Stored<schema::ArtifactRow> stored(row.value);
  if (const auto user = user_of(t.next, run_of(row.key), stored.get())) {
    t.effects.sends.push_back(blobs::unreference(*user));
  }
  delete_row(t, tables::task_artifacts, row.key);
}

Result<Transition> on_artifacts_due(const TaskState& s, const Input& in) {
  Transition t = begin(s);
  t.next.artifact_sweep.reset();
  if (!s.visible()) return t;
  ArtifactSweep sweep = s.artifact_sweep.value_or(ArtifactSweep{"", s.expires});
  const auto rows = in.context.rows.scan(tables::task_artifacts.id, "", sweep.cursor, slice_max);
  for (const auto& row : rows) {
    const Instant expires{Stored<schema::ArtifactRow>(row.value).get().getExpires()};
    const bool due = expires < s.expires && expires + in.config.expiration_delay <= in.now();
    if (due) {
      remove_artifact_row(t, row);
    } else {
      sweep.next = std::min(sweep.next, expires);
    }
  }
  if (rows.size() < slice_max) {
    set_timer(t, sweep.next, in);
  } else {
    sweep.cursor = rows.back().key;
    t.next.artifact_sweep = std::move(sweep);
    t.effects.timers.push_back({artifacts_timer, in.now(), 0, false});
  }
  return t;
}

void adopt_slice(Transition& t, const Input& in) {
  const std::string after = t.next.adopted_to.value_or("");
  if (after.empty()) set_timer(t, earliest(t.next.expires, in), in);
  const auto rows = in.context.rows.scan(tables::task_artifacts.id, "", after, slice_max);
  for (const auto& row : rows) {
    Stored<schema::ArtifactRow> stored(row.value);
    const auto user = user_of(t.next, run_of(row.key), stored.get());
    if (user) t.effects.sends.push_back(blobs::reference(*user));
  }
  t.next.adopted_to.reset();
  if (rows.size() < slice_max) return;
  t.next.adopted_to = rows.back().key;
  send_to_task(t, t.next.task_id, [](M::Builder m) { m.setContinueExpiry(); });
}

}  // namespace troupe::task
