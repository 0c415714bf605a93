// What several actors say of one thing must agree, with what is on its way between them. Source:
// spec/queue.md, section 17.
#include "actors/kinds.h"
#include "actors/lookup.h"
#include "actors/task_queue/codec.h"
#include "actors/task_queue/queries.h"
#include "runtime/actor/shard_place.h"
#include "runtime/store/composer.h"
#include "schema/store/messages.capnp.h"
#include "schema/store/rows.capnp.h"
#include "tests/sim/model.h"

#include <algorithm>
#include <tuple>

namespace troupe::sim {
namespace {

using Shards = std::vector<std::unique_ptr<Snapshot>>;
using RunKey = std::pair<std::string, std::uint64_t>;  // task and run, or task and entry
using ClaimKey = std::tuple<std::string, std::string, std::uint32_t, std::uint64_t>;

}  // namespace

// Messages in inboxes and outboxes, by what they carry.
struct Model::InFlight {
  std::size_t messages = 0;
  std::map<RunKey, int> puts;       // putEntry: task and entry
  std::map<RunKey, int> removals;   // removeEntry
  std::map<RunKey, int> moves;      // moveEntry
  std::map<RunKey, int> claims;     // claimRun: task and run
  std::map<ClaimKey, int> claimed;  // claimed: worker and claim
  std::map<ClaimKey, int> ended;    // claimEnded

  void add(const Delivery& delivery);

 private:
  void add_to_queue(const Delivery& delivery);
  void add_to_worker(const Delivery& delivery);
};

void Model::InFlight::add(const Delivery& delivery) {
  messages += 1;
  if (delivery.to.kind == kinds::task_queue) return add_to_queue(delivery);
  if (delivery.to.kind == kinds::worker) return add_to_worker(delivery);
  if (delivery.to.kind != kinds::task) return;
  Stored<schema::TaskMessage> stored(delivery.message.body);
  const auto m = stored.get();
  if (m.isClaimRun()) claims[{delivery.to.key, m.getClaimRun().getEntryRunId()}] += 1;
}

void Model::InFlight::add_to_queue(const Delivery& delivery) {
  Stored<schema::TaskQueueMessage> stored(delivery.message.body);
  const auto m = stored.get();
  const std::string& from = delivery.message.from.key;
  if (m.isPutEntry()) puts[{from, m.getPutEntry().getNumber()}] += 1;
  if (m.isMoveEntry()) moves[{from, m.getMoveEntry().getMovedNumber()}] += 1;
  if (m.isRemoveEntry()) removals[{from, m.getRemoveEntry().getAtNumber()}] += 1;
}

void Model::InFlight::add_to_worker(const Delivery& delivery) {
  Stored<schema::WorkerMessage> stored(delivery.message.body);
  const auto m = stored.get();
  const auto key = [&](schema::HeldClaim::Reader held) {
    return ClaimKey{delivery.to.key, str(held.getTaskId()), held.getRunId(), held.getToken()};
  };
  if (m.isClaimed()) claimed[key(m.getClaimed().getClaim())] += 1;
  if (m.isClaimEnded()) ended[key(m.getClaimEnded().getEnded())] += 1;
}

Model::InFlight Model::in_flight(const Shards& shards) {
  InFlight flight;
  for (const auto& shard : shards) {
    shard->scan(tables::inbox.id, {}, [&](std::string_view key, WordSpan row) {
      flight.add(decode_envelope(KeyReader(key).u64(), row));
      return true;
    });
  }
  // What the receiver has taken is in its inbox or done with: outbox rows go later, in slices.
  for (std::uint32_t from = 0; from < shards.size(); ++from) {
    shards[from]->scan(tables::outbox.id, {}, [&](std::string_view key, WordSpan row) {
      KeyReader reader(key);
      const auto to = static_cast<std::size_t>(reader.u64());
      const auto place = reader.u64();
      const auto received = read_channels(*shards.at(to), ChannelEnd::received);
      const auto known = received.find(from);
      if (known == received.end() || known->second < place) flight.add(decode_envelope(0, row));
      return true;
    });
  }
  return flight;
}

void Model::sweep(Host& host) {
  const auto shards = host.cut();
  const InFlight flight = in_flight(shards);
  check_entries(shards, flight);
  check_claims(shards, flight);
  check_counters(shards);
  check_limits();
}

// Every pending task is in its queue exactly once, or on its way there, or on its way to a worker.
void Model::check_entries(const Shards& shards, const InFlight& flight) {
  std::map<RunKey, std::string> entries;  // queue
  for (const auto& shard : shards) {
    std::map<std::uint64_t, std::string> names;
    scan_names(*shard, kinds::task_queue, "", "", [&](std::string_view key, std::uint64_t number) {
      names.emplace(number, key);
      return true;
    });
    each_entry(*shard, [&](std::uint64_t actor, const task_queue::Entry& entry) {
      const std::string& queue = names[actor];
      const std::string& id = entry.task_id;
      const RunKey key{id, entry.key.number};
      if (!entries.emplace(key, queue).second) violation("queue " + queue + " has one entry twice");
      const TaskModel* t = find(id);
      const auto run = entry.run_id;
      const bool waits = t != nullptr && t->disk.state() == State::PENDING &&
                         run + 1 == t->disk.runs.size() &&
                         t->disk.runs[run].entry == entry.key.number && t->disk.queue == queue &&
                         (entry.key == task_queue::make_entry_key(t->disk.priority, key.second) ||
                          flight.moves.contains(key));
      if (!waits && !flight.removals.contains(key)) {
        violation("queue " + queue + " offers " + id + ", which does not wait");
      }
    });
  }
  const auto among = [](const auto& map, const RunKey& key) {
    const auto found = map.find(key);
    return found == map.end() ? 0 : found->second;
  };
  for (const TaskModel* t : order_) {
    if (!t->disk.visible || t->disk.state() != State::PENDING || t->disk.deadline <= latest_)
      continue;
    const RunKey entry{t->id, t->disk.runs.back().entry};
    const RunKey claim{t->id, t->disk.runs.size() - 1};
    const int places = static_cast<int>(entries.count(entry)) + among(flight.puts, entry) +
                       among(flight.claims, claim);
    if (places != 1) fail(*t, "is pending and " + std::to_string(places) + " times in its queue");
  }
}

// Every running task is its worker's claim, and workers have no others.
void Model::check_claims(const Shards& shards, const InFlight& flight) {
  std::map<ClaimKey, int> held;
  for (const auto& shard : shards) {
    std::map<std::uint64_t, std::string> names;
    scan_names(*shard, kinds::worker, "", "", [&](std::string_view key, std::uint64_t number) {
      names.emplace(number, key);
      return true;
    });
    shard->scan(tables::worker_claims.id, {}, [&](std::string_view key, WordSpan words) {
      Stored<schema::WorkerClaimRow> row(words);
      const ClaimKey claim{names[KeyReader(key).u64()], str(row.get().getTaskId()),
                           row.get().getRunId(), row.get().getToken()};
      held[claim] += 1;
      const TaskModel* t = find(std::get<1>(claim));
      const bool runs = t != nullptr && t->disk.state() == State::RUNNING &&
                        t->disk.runs.back().token == std::get<3>(claim);
      if (!runs && !flight.ended.contains(claim)) {
        violation("worker " + std::get<0>(claim) + " holds " + std::get<1>(claim) +
                  ", which does not know it");
      }
      return true;
    });
  }
  for (const TaskModel* t : order_) {
    if (t->disk.state() != State::RUNNING) continue;
    const RunOnDisk& run = t->disk.runs.back();
    const ClaimKey claim{t->disk.queue + "/" + run.worker, t->id,
                         static_cast<std::uint32_t>(t->disk.runs.size() - 1), run.token};
    const auto way = flight.claimed.find(claim);
    const int times = held[claim] + (way == flight.claimed.end() ? 0 : way->second);
    // A repeated claimTask tells the worker again, of the same claim.
    const bool right = run.by_name ? times > 0 : times == 1;
    if (!right) fail(*t, "runs and is " + std::to_string(times) + " times its worker's");
  }
}

// No more run at once than their limit says.
void Model::check_limits() {
  std::map<std::pair<std::string, std::string>, std::uint32_t> running;  // by queue and key
  for (const TaskModel* t : order_) {
    const TaskOnDisk& disk = t->disk;
    const bool counts =
        disk.visible && !disk.concurrency_key.empty() && disk.state() == State::RUNNING;
    if (!counts) continue;
    if (++running[{disk.queue, disk.concurrency_key}] > disk.concurrency_limit) {
      fail(*t, "runs, and more than its limit do");
    }
  }
}

// Counters and what they count are of one transaction.
void Model::check_counters(const Shards& shards) {
  for (const auto& shard : shards) {
    std::map<std::uint64_t, std::uint64_t> entries;
    each_entry(*shard, [&](std::uint64_t actor, const task_queue::Entry&) { entries[actor] += 1; });
    shard->scan(tables::queue_state.id, {}, [&](std::string_view key, WordSpan words) {
      Stored<schema::TaskQueueRow> row(words);
      const auto there = entries[KeyReader(key).u64()];
      if (row.get().getPending() != there) {
        violation("queue " + str(row.get().getTaskQueueId()) + " counts " +
                  std::to_string(row.get().getPending()) + " entries, and has " +
                  std::to_string(there));
      }
      return true;
    });
    struct Members {
      std::uint64_t all = 0;
      std::uint64_t never_resolved = 0;
    };
    std::map<std::uint64_t, Members> members;
    shard->scan(tables::group_members.id, {}, [&](std::string_view key, WordSpan words) {
      Members& m = members[KeyReader(key).u64()];
      m.all += 1;
      m.never_resolved += Stored<schema::MemberRow>(words).get().getEverResolved() ? 0 : 1;
      return true;
    });
    shard->scan(tables::group_state.id, {}, [&](std::string_view key, WordSpan words) {
      Stored<schema::TaskGroupRow> row(words);
      const Members& m = members[KeyReader(key).u64()];
      if (row.get().getMembers() != m.all || row.get().getNeverResolved() != m.never_resolved) {
        violation("group " + str(row.get().getTaskGroupId()) + " miscounts its members");
      }
      return true;
    });
    if (shard->count(tables::dead_letters.id) > 0) violation("a message was parked");
  }
}

// ---- At rest ----

void Model::at_rest(Host& host) {
  committed(host);
  sweep(host);
  const auto shards = host.cut();
  check_quiet(shards, in_flight(shards));
  for (const TaskModel* t : order_) check_waiting(*t);
  for (const auto& [id, group] : groups_) {
    const bool all = std::ranges::all_of(group.members, [](auto* t) { return t->ever_final; });
    if (all && !group.members.empty() && group.resolved_events == 0) {
      violation("group " + id + ": all have ended, and it is not resolved");
    }
  }
}

void Model::check_quiet(const Shards& shards, const InFlight& flight) {
  if (flight.messages > 0) {
    violation(std::to_string(flight.messages) + " messages are still on their way");
  }
  if (!dirty_.empty()) violation("task " + dirty_.begin()->first + ": its row is not written");
  for (const auto& shard : shards) {
    shard->scan(tables::task_state.id, {}, [&](std::string_view, WordSpan words) {
      Stored<schema::TaskRow> row(words);
      const std::string id = str(row.get().getTaskId());
      if (row.get().getCreateStep() != schema::CreateStep::NONE) {
        violation("task " + id + ": its creation got stuck");
      }
      if (row.get().getResolveActive()) violation("task " + id + ": telling others got stuck");
      if (row.get().getExpiring()) violation("task " + id + ": its removal got stuck");
      return true;
    });
    shard->scan(tables::group_state.id, {}, [&](std::string_view, WordSpan words) {
      Stored<schema::TaskGroupRow> row(words);
      if (row.get().getReleaseActive()) {
        violation("group " + str(row.get().getTaskGroupId()) + ": its release got stuck");
      }
      if (row.get().getSweep() != schema::GroupSweep::NONE) {
        violation("group " + str(row.get().getTaskGroupId()) + ": its sweep got stuck");
      }
      return true;
    });
    if (shard->count(tables::group_swept.id) > 0) violation("rows of a sweep are left");
  }
  check_blobs(shards);
}

// Collectors know of each artifact that has bytes, and of nothing else.
void Model::check_blobs(const Shards& shards) {
  std::size_t users = 0;
  std::size_t references = 0;
  for (const auto& shard : shards) {
    shard->scan(tables::task_artifacts.id, {}, [&users](std::string_view, WordSpan words) {
      users += Stored<schema::ArtifactRow>(words).get().getSha256().size() > 0 ? 1 : 0;
      return true;
    });
    references += shard->count(tables::blob_references.id);
  }
  if (users != references) {
    violation(std::to_string(users) + " artifacts have bytes, and collectors know of " +
              std::to_string(references));
  }
}

// Nobody waits for what has happened already.
void Model::check_waiting(const TaskModel& t) {
  if (!t.disk.visible) return;
  if (t.disk.resolved()) {
    // One that was not at rest when it expired is looked at again after a minute; its end may have
    // been late, too.
    const Instant ended{t.disk.runs.empty() ? 0 : t.disk.runs.back().resolved};
    const Instant gone =
        std::max(t.disk.expires + terms_.expiration_delay, ended) + test::minute + test::minute;
    if (!stepped_ && gone <= wall_) fail(t, "has outlived its expiry");
    return;
  }
  if (t.disk.deadline + terms_.deadline_delay <= wall_) fail(t, "has outlived its deadline");
  if (t.disk.deadline < latest_) return;
  if (t.disk.state() == State::RUNNING && has_expired(t.id, t.disk, t.disk.runs.size() - 1)) {
    fail(t, "runs though its claim has expired");
  }
  const test::NewTask* definition = accepted_definition(t);
  if (!t.disk.runs.empty() || t.disk.held || definition == nullptr) return;
  const bool nothing_left = std::ranges::all_of(definition->needs, [&](const std::string& need) {
    const TaskModel* needed = find(need);
    if (need == t.id || needed == nullptr || !needed->disk.visible) return false;
    // An end that came since counts, even if the needed task has been rerun after it.
    const bool any_end = definition->requirement == Requires::ALL_RESOLVED;
    if ((any_end ? needed->last_final : needed->last_completed) > t.visible_since) return true;
    return needed->disk.state() == State::COMPLETED || (needed->disk.resolved() && any_end);
  });
  if (nothing_left) fail(t, "waits for tasks that have ended as asked");
}

// ---- At the end ----

void Model::at_end(Host& host) {
  at_rest(host);
  for (const TaskModel* t : order_) {
    if (!t->disk.visible) {
      if (t->creates_accepted > 0 && !t->was_visible) fail(*t, "was acknowledged and is lost");
      continue;
    }
    if (!t->disk.resolved()) fail(*t, "has not ended");
    check_event_counts(*t);
  }
  const auto snapshot = host.snapshot();
  if (count_entries(*snapshot) > 0) violation("entries are left in a queue");
  if (snapshot->count(tables::worker_claims.id) > 0) violation("claims are left at a worker");
  if (count_timers(*snapshot) > 0) violation("timers are left");
  if (host.stats().credits_in_use > 0) violation("credits are left in use");
  std::uint64_t unseen_ends = 0;  // of tasks of which nothing is said, whatever their group
  for (const TaskModel* t : order_) {
    for (const RunEvents& events : t->events) unseen_ends += t->reborn ? events.ended : 0;
  }
  for (const auto& [id, group] : groups_) {
    std::uint64_t ends = group.ends_of_removed + unseen_ends;
    for (const TaskModel* t : group.members) {
      for (const RunEvents& events : t->events) ends += events.ended;
    }
    if (group.resolved_events > ends) violation("group " + id + " was resolved too often");
    if (group.sealed_events > group.seals_sent) violation("group " + id + " was sealed too often");
  }
}

// Nothing is left of what has expired.
void Model::all_expired(Host& host) {
  at_rest(host);
  for (const TaskModel* t : order_) {
    if (t->disk.exists) fail(*t, "has expired and is not gone");
  }
  const auto snapshot = host.snapshot();
  for (const TableSpec* table :
       {&tables::task_state, &tables::task_definition, &tables::task_edges, &tables::task_needs,
        &tables::task_artifacts, &tables::task_requests, &tables::group_state,
        &tables::group_members, &tables::group_swept, &tables::blob_references}) {
    if (const auto rows = snapshot->count(table->id); rows > 0) {
      violation(std::to_string(rows) + " rows of " + table->name + " are left of what has expired");
    }
  }
}

// One event for each accepted command; more only for commands whose answers were lost.
void Model::check_event_counts(const TaskModel& t) {
  std::uint32_t reports_sent = 0;
  for (const SentReport& report : t.reports) {
    reports_sent += report.sent;
    const auto run = report.claim.run;
    const auto ended = run < t.events.size() ? t.events[run].ended : 0;
    if (ended < report.accepted) fail(t, "fewer events than accepted reports");
  }
  for (const auto& [run, accepted] : t.cancels_accepted) {
    if (t.events.at(run).ended < accepted) fail(t, "fewer events than accepted cancels");
  }
  for (const auto& [run, told] : t.told_artifacts) {
    const auto events = run < t.events.size() ? t.events[run].artifacts : 0;
    if (events < told.accepted) fail(t, "fewer artifact-created than accepted artifacts");
    if (events > told.sent) fail(t, "more artifact-created than artifacts");
  }
  const auto runs = static_cast<std::uint32_t>(t.events.size());
  std::uint32_t pending = 0;
  std::uint32_t ended = 0;
  for (const RunEvents& events : t.events) {
    pending += events.pending;
    ended += events.ended;
  }
  if (t.defined > t.creates_sent) fail(t, "more task-defined than commands");
  if (t.defined < t.creates_accepted) fail(t, "fewer task-defined than accepted commands");
  if (pending > runs + t.reruns_sent + t.creates_sent + reports_sent) {
    fail(t, "more task-pending than commands");
  }
  if (ended > runs + t.cancels_sent + reports_sent) fail(t, "more ends than commands");
}

}  // namespace troupe::sim
