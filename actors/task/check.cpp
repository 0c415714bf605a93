#include "actors/task/check.h"

#include "actors/blobs/check.h"
#include "actors/kinds.h"
#include "actors/task/codec.h"
#include "actors/task/transition.h"
#include "actors/task_queue/check.h"
#include "actors/task_queue/queries.h"
#include "runtime/base/data.h"
#include "runtime/store/key.h"

#include <stdexcept>

namespace troupe::task {
namespace {

using State = schema::TaskState;
using M = schema::TaskMessage;

enum Sets : std::size_t { definition, edges, needs, artifacts };

/// One task while it is checked.
struct Checked {
  const CheckView& view;
  Located self;
  TaskState s;
  ActorId id;
  std::string where;

  void expect(bool holds, const char* what) const { view.findings().expect(holds, where, what); }

  /// Whether a message of this kind is on its way, or parked, where operators see it.
  template <class Message, class Matches>
  bool on_its_way(const ActorId& from, const ActorId& to, const Matches& matches) const {
    return view.any_message(from, to, [&matches](WordSpan body, std::string_view) {
      return matches(Stored<Message>(body).get());
    });
  }
  bool timer_on_its_way(std::string_view name) const {
    return view.any_message({}, id, [name](auto, std::string_view timer) { return timer == name; });
  }
};

bool is_open(const Run& run) {
  return run.state == State::PENDING || run.state == State::RUNNING;
}

void check_runs(const Checked& t) {
  const TaskState& s = t.s;
  for (std::size_t i = 0; i < s.runs.size(); ++i) {
    const Run& run = s.runs[i];
    const bool last = i + 1 == s.runs.size();
    t.expect(run.state <= State::EXCEPTION, "a run is in no known state");
    t.expect((run.token != 0) == static_cast<bool>(run.started), "T1: token and start disagree");
    t.expect(last || !is_open(run), "T2: an earlier run is open");
    t.expect(is_open(run) || run.resolved.ms != 0, "T2: a resolved run has no end");
  }
  t.expect(s.retries_left >= 0, "T3: retriesLeft is below 0");
  t.expect(!s.creation || s.runs.empty(), "T4: runs while it is being created");
}

void check_timers(const Checked& t) {
  const bool open = t.s.visible() && !t.s.is_resolved();
  const bool deadline =
      t.view.timer(t.self, deadline_timer).has_value() || t.timer_on_its_way(deadline_timer);
  t.expect(!open || deadline, "T5: no deadline timer");
  const auto claim = t.view.timer(t.self, claim_timer);
  const bool running = t.s.state() == State::RUNNING;
  t.expect(!claim || running, "a claim timer, and nobody runs it");
  if (!running) return;
  t.expect(!claim || *claim == t.s.runs.back().token, "the claim timer is of another claim");
  // One that fires past the deadline leaves the end of the run to the deadline's.
  const bool due = claim || t.timer_on_its_way(claim_timer) || t.s.deadline < t.view.now();
  t.expect(due, "runs without a claim timer");
}

void check_pending(const Checked& t) {
  const Run& run = t.s.runs.back();
  const ActorId queue = task_queue_id(t.s.task_queue_id);
  const auto key = task_queue::make_entry_key(t.s.priority, run.entry);
  if (task_queue::has_entry(t.view, queue, key, t.s.task_id)) return;
  const bool coming = t.on_its_way<schema::TaskQueueMessage>(t.id, queue, [&run](auto m) {
    return (m.isPutEntry() && m.getPutEntry().getNumber() == run.entry) ||
           (m.isMoveEntry() && m.getMoveEntry().getMovedNumber() == run.entry);
  });
  const bool claimed = t.on_its_way<M>(queue, t.id, [](auto m) { return m.isClaimRun(); });
  // Past the deadline a claim is refused, and its entry does not come back; nor does it if the
  // clock was set back since.
  const bool over = t.s.deadline <= t.view.now() ||
                    t.view.timer(t.self, deadline_timer).value_or(0) == deadline_ends;
  t.expect(coming || claimed || over, "waits, and its queue has no entry");
}

void check_running(const Checked& t) {
  const Run& run = t.s.runs.back();
  const auto run_id = static_cast<std::uint32_t>(t.s.runs.size() - 1);
  const ActorId worker =
      worker_id(t.s.task_queue_id + "/" + run.worker_group + "/" + run.worker_id);
  const std::string key = KeyWriter().text(t.s.task_id).u64(run_id).prefix();
  const auto words = t.view.row(t.view.locate(worker), tables::worker_claims, key);
  if (words && Stored<schema::WorkerClaimRow>(*words).get().getToken() == run.token) return;
  const bool coming = t.on_its_way<schema::WorkerMessage>(t.id, worker, [&run](auto m) {
    return m.isClaimed() && m.getClaimed().getClaim().getToken() == run.token;
  });
  t.expect(coming, "runs on a worker that has no claim with its token");
}

void check_group(const Checked& t) {
  const ActorId group = task_group_id(t.s.task_group_id);
  const std::string key = KeyWriter().text(t.s.task_id).prefix();
  const auto words = t.view.row(t.view.locate(group), tables::group_members, key);
  if (t.s.creation) return;  // the group's yes may be on its way
  if (!words) {
    t.expect(false, "its group does not have it as a member");
    return;
  }
  const bool told = Stored<schema::MemberRow>(*words).get().getEverResolved();
  if (told == t.s.ever_resolved) return;
  const bool answered =
      told && t.on_its_way<M>(group, t.id, [](auto m) { return m.isGroupToldAnswer(); });
  t.expect(answered, "it and its group disagree on whether it has ever ended");
}

void check_definition(const Checked& t, ActorRows& rows) {
  bool found = false;
  rows.rows(definition, [&](std::string_view, WordSpan words) {
    found = true;
    t.view.findings().guard(t.where + " definition", [&] {
      decode_whole<schema::TaskDefinition>(words);
      Stored<schema::TaskDefinition> stored(words);
      t.expect(str(stored.get().getTaskQueueId()) == t.s.task_queue_id,
               "its definition names another queue");
      t.expect(str(stored.get().getTaskGroupId()) == t.s.task_group_id,
               "its definition names another group");
    });
  });
  t.expect(found, "has no definition");
}

// Whether the task that was needed has been removed, or is being: another may have its id by now.
bool has_left(const Checked& t, const ActorId& needed) {
  const auto row = t.view.row(t.view.locate(needed), tables::task_state);
  if (!row) return true;
  const TaskState other = decode_row(*row);
  return other.expiring || other.created > t.s.created;
}

// A row of what this task needs: the other one must know.
void check_need(const Checked& t,
                std::string_view key,
                WordSpan words,
                std::uint32_t& unsatisfied) {
  const auto needed = DoubtfulKey(key).text();
  if (!needed) {
    t.expect(false, "the key of a need is malformed");
    return;
  }
  const std::string where = t.where + " needs " + std::string(*needed);
  t.view.findings().guard(where, [&] {
    const bool satisfied = Stored<schema::NeedRow>(words).get().getSatisfied();
    if (!satisfied) ++unsatisfied;
    if (t.s.creation) return;
    const ActorId other = task_id(std::string(*needed));
    const auto edge = t.view.row(t.view.locate(other), tables::task_edges, edge_key(t.s.task_id));
    if (!edge) {
      // There was a time when a task that needs itself had none.
      const bool itself = *needed == t.s.task_id;
      t.view.findings().expect(itself || has_left(t, other), where, "that task has no edge to it");
      return;
    }
    const bool told = Stored<schema::EdgeRow>(*edge).get().getSatisfied();
    const bool coming =
        told && !satisfied && t.on_its_way<M>(other, t.id, [](auto m) { return m.isSatisfied(); });
    t.view.findings().expect(told == satisfied || coming, where,
                             "they disagree on whether it is satisfied");
  });
}

// A row of a task that needs this one: it must know.
void check_edge(const Checked& t, std::string_view key, WordSpan words) {
  const auto dependent = DoubtfulKey(key).text();
  if (!dependent) {
    t.expect(false, "the key of an edge is malformed");
    return;
  }
  const std::string where = t.where + " edge to " + std::string(*dependent);
  t.view.findings().guard(where, [&] {
    decode_whole<schema::EdgeRow>(words);
    const ActorId other = task_id(std::string(*dependent));
    if (t.view.row(t.view.locate(other), tables::task_needs, edge_key(t.s.task_id))) return;
    // The dependent writes its row when it hears of the edge, and takes it back from there.
    const bool coming = t.on_its_way<M>(t.id, other, [](auto m) { return m.isEdgeAnswer(); });
    const bool leaving = t.on_its_way<M>(other, t.id, [](auto m) { return m.isRemoveEdge(); });
    t.view.findings().expect(coming || leaving, where, "that task does not need it");
  });
}

// Those of an `s3` may never come; those of an `object` are there once it is finished.
void check_bytes(const Checked& t,
                 const std::string& where,
                 std::uint32_t run,
                 schema::ArtifactRow::Reader row,
                 const BlobVisitor& visit_blob) {
  const auto hash = row.getSha256();
  const bool finished = view(row.getStorageType()) == "object" && row.getUploadId().size() == 0;
  t.view.findings().expect(!finished || hash.size() > 0, where, "is finished and has no bytes");
  if (hash.size() == 0) return;
  const std::string blob = str(hash);
  visit_blob({where, blob, row.getSize()});
  // A task without the timer is an earlier program's: it is told at the next start.
  if (hash.size() != Sha256{}.size() || !t.view.timer(t.self, expiry_timer)) return;
  const bool known = blobs::is_known(t.view, {blob, t.s.task_id, run, str(row.getName())});
  t.view.findings().expect(known, where, "its blob's collector does not know of it");
}

void check_artifact(const Checked& t,
                    std::string_view key,
                    WordSpan words,
                    const BlobVisitor& visit_blob) {
  t.view.findings().guard(t.where + " artifact row " + to_hex(as_bytes(key)), [&] {
    decode_whole<schema::ArtifactRow>(words);
    Stored<schema::ArtifactRow> stored(words);
    const auto row = stored.get();
    const std::string name = str(row.getName());
    const std::string where = t.where + " artifact " + name;
    DoubtfulKey parts(key);
    const auto run = parts.number(8);
    const bool same = run && name.find('\0') == std::string::npos &&
                      key.starts_with(artifact_key(static_cast<std::uint32_t>(*run), name));
    t.view.findings().expect(same, where, "the row's key is of another artifact");
    t.view.findings().expect(run && *run < t.s.runs.size(), where, "is of a run that is not there");
    const std::string storage = str(row.getStorageType());
    if (storage == "s3" || storage == "object") {
      check_bytes(t, where, static_cast<std::uint32_t>(run.value_or(0)), row, visit_blob);
    } else if (storage == "reference") {
      t.view.findings().expect(row.getUrl().size() > 0, where, "refers to nothing");
    } else {
      t.view.findings().expect(storage == "link" || storage == "error", where,
                               "is of no known storage type");
    }
  });
}

void check_task(const CheckView& view,
                const Located& self,
                ActorRows& rows,
                WordSpan words,
                const BlobVisitor& visit_blob) {
  decode_whole<schema::TaskRow>(words);
  Checked t{view, self, decode_row(words), {}, {}};
  if (t.s.task_id.find('\0') != std::string::npos) throw std::runtime_error("its id holds a 0");
  t.id = task_id(t.s.task_id);
  t.where = "task/" + t.s.task_id;
  check_runs(t);
  check_definition(t, rows);
  std::uint32_t unsatisfied = 0;
  rows.rows(needs, [&](auto key, auto row) { check_need(t, key, row, unsatisfied); });
  t.expect(t.s.creation || t.s.expiring || unsatisfied == t.s.unsatisfied, "needs are miscounted");
  rows.rows(edges, [&](auto key, auto row) { check_edge(t, key, row); });
  rows.rows(artifacts, [&](auto key, auto row) { check_artifact(t, key, row, visit_blob); });
  view.findings().guard(t.where, [&] {
    check_timers(t);
    check_group(t);
    if (t.s.state() == State::PENDING) check_pending(t);
    if (t.s.state() == State::RUNNING) check_running(t);
  });
}

}  // namespace

CheckedKind checked_kind() {
  return {kinds::task,
          "task",
          tables::task_state,
          {tables::task_definition, tables::task_edges, tables::task_needs, tables::task_artifacts},
          [](WordSpan row) { return str(Stored<schema::TaskRow>(row).get().getTaskId()); },
          decode_whole<schema::TaskMessage>};
}

void check(const CheckView& view, const BlobVisitor& visit_blob) {
  const CheckedKind kind = checked_kind();
  for (const Snapshot* shard : view.shards()) {
    ActorRows rows(*shard, kind, view.findings());
    rows.each([&](std::uint64_t number, WordSpan row) {
      view.findings().guard("task_state row " + std::to_string(number), [&] {
        check_task(view, {shard, number}, rows, row, visit_blob);
      });
    });
  }
}

}  // namespace troupe::task
