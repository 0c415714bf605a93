#include "actors/worker/check.h"

#include "actors/check.h"
#include "actors/kinds.h"
#include "actors/worker/state.h"
#include "runtime/base/hash.h"
#include "schema/store/messages.capnp.h"
#include "schema/store/rows.capnp.h"

namespace troupe::worker {
namespace {

enum Sets : std::size_t { claims };

std::string key_of(WordSpan words) {
  Stored<schema::WorkerRow> stored(words);
  const auto row = stored.get();
  return str(row.getTaskQueueId()) + "/" + str(row.getWorkerGroup()) + "/" + str(row.getWorkerId());
}

// The task has said that the claim is over: the message is on its way.
bool is_ending(const CheckView& view,
               const ActorId& task,
               const ActorId& worker,
               schema::WorkerClaimRow::Reader claim) {
  return view.any_message(task, worker, [&claim](WordSpan body, std::string_view) {
    Stored<schema::WorkerMessage> m(body);
    return m.get().isClaimEnded() &&
           m.get().getClaimEnded().getEnded().getToken() == claim.getToken();
  });
}

bool names(capnp::List<schema::HeldClaim>::Reader claims, std::uint64_t token) {
  for (const auto claim : claims) {
    if (claim.getToken() == token) return true;
  }
  return false;
}

// The worker has told the task that it is lost, or itself that this is still to be said.
bool is_given_up(const CheckView& view,
                 const ActorId& worker,
                 const ActorId& task,
                 schema::WorkerClaimRow::Reader claim) {
  const std::uint64_t token = claim.getToken();
  const bool told = view.any_message(worker, task, [token](WordSpan body, std::string_view) {
    Stored<schema::TaskMessage> m(body);
    return m.get().isWorkerLost() && m.get().getWorkerLost().getToken() == token;
  });
  return told || view.any_message(worker, worker, [token](WordSpan body, std::string_view) {
    Stored<schema::WorkerMessage> m(body);
    return m.get().isTellLost() && names(m.get().getTellLost(), token);
  });
}

bool is_running(schema::TaskRow::Reader task, schema::WorkerClaimRow::Reader claim) {
  const auto runs = task.getRuns();
  if (runs.size() == 0 || claim.getRunId() + 1 != runs.size()) return false;
  const auto run = runs[runs.size() - 1];
  return run.getState() == schema::TaskState::RUNNING && run.getToken() == claim.getToken();
}

/// What the claims of a worker amount to.
struct Held {
  std::uint64_t leased = 0;  // those that a connection holds
  bool all_ending = true;    // a message about each of these is on its way
};

void check_claim(const CheckView& view,
                 const ActorId& worker,
                 std::string_view key,
                 WordSpan words,
                 Held& held) {
  const std::string of_worker = "worker/" + worker.key;
  view.findings().guard(of_worker + " claim row " + to_hex(as_bytes(key)), [&] {
    Stored<schema::WorkerClaimRow> stored(words);
    const auto claim = stored.get();
    const ActorId task = task_id(str(claim.getTaskId()));
    const std::string where = of_worker + " claim of " + task.key;
    DoubtfulKey parts(key);
    const auto key_task = parts.text();
    const auto key_run = parts.number(8);
    view.findings().expect(key_task == task.key && key_run == claim.getRunId(), where,
                           "the row's key is of another run");
    const bool ending = is_ending(view, task, worker, claim);
    held.leased += claim.getTimed() ? 0 : 1;
    held.all_ending =
        held.all_ending && (claim.getTimed() || ending || is_given_up(view, worker, task, claim));
    const auto row = view.row(view.locate(task), tables::task_state);
    const bool good = row && is_running(Stored<schema::TaskRow>(*row).get(), claim);
    view.findings().expect(good || ending, where, "no running run of the task has its token");
  });
}

void check_worker(const CheckView& view,
                  const Snapshot& shard,
                  ActorRows& rows,
                  std::uint64_t number,
                  WordSpan words) {
  Stored<schema::WorkerRow> row(words);
  row.get().totalSize();
  const ActorId id = worker_id(key_of(words));
  Held held;
  rows.rows(claims,
            [&](std::string_view key, WordSpan claim) { check_claim(view, id, key, claim, held); });
  const bool leased = view.timer({&shard, number}, lease_timer).has_value();
  const bool away = row.get().getSession() == 0;
  const std::string where = "worker/" + id.key;
  const bool parked = view.any_message(
      {}, id, [](WordSpan, std::string_view timer) { return timer == lease_timer; });
  view.findings().expect(!leased || (away && held.leased > 0), where,
                         "W1: a lease, and nothing that it is for");
  view.findings().expect(leased || parked || !away || held.leased == 0 || held.all_ending, where,
                         "W1: claims without connection or lease");
}

}  // namespace

CheckedKind checked_kind() {
  return {kinds::worker,           "worker", tables::worker_state,
          {tables::worker_claims}, key_of,   decode_whole<schema::WorkerMessage>};
}

void check(const CheckView& view) {
  const CheckedKind kind = checked_kind();
  for (const Snapshot* shard : view.shards()) {
    ActorRows rows(*shard, kind, view.findings());
    rows.each([&](std::uint64_t number, WordSpan row) {
      view.findings().guard("worker_state row " + std::to_string(number),
                            [&] { check_worker(view, *shard, rows, number, row); });
    });
  }
}

}  // namespace troupe::worker
