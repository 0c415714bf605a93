// What must be true of the platform, whatever fails: written from the contract, not from the
// actors. The model hears what is said and answered, looks at the disk after every commit, and
// keeps what breaks a promise.
//
//   commands sent ----+
//   answers ----------+--> model --> violations
//   rows and events --+
//
// What queues give away is judged beside it (queues.h), bytes that come later too (uploads.h).
//
// What is checked when:
//   a handler is done  the entry of a run is younger than those that waited before it was asked for
//   an answer comes    what it says is on disk (invariant 1), and true; a refusal does not lie
//   after each commit  each task that may have changed has moved as the contract allows; its events
//                      are in the log, once and in order; events are numbered without gaps
//   now and then       pending runs are in their queue exactly once, claims at their worker;
//   counters after a crash      nothing that was on disk is gone at rest            nothing is on
//   its way; timers have fired; dependents and groups know at the end         all work has ended
#pragma once

#include "runtime/actor/host.h"
#include "tests/sim/command.h"
#include "tests/sim/disk.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace troupe::sim {

/// Settings of the platform that rules depend on.
struct Terms {
  Duration claim_timeout{30'000};
  Duration deadline_delay{5'000};
  Duration lease{15'000};
  Duration expiration_delay{20'000};
};

/// Events of one run, counted.
struct RunEvents {
  std::uint32_t pending = 0;
  std::uint32_t running = 0;
  std::uint32_t ended = 0;
  std::uint32_t artifacts = 0;
  State outcome = State::PENDING;  // of the first `ended`
};

/// A report that was sent.
struct SentReport {
  test::ClaimOf claim;
  test::Report report;
  std::uint32_t sent = 0;
  std::uint32_t accepted = 0;
};

/// Commands by which an artifact is there for others.
struct ToldArtifacts {
  std::uint32_t sent = 0;
  std::uint32_t accepted = 0;
};

/// All that is known of one task.
struct TaskModel {
  std::string id;
  std::vector<test::NewTask> variants;  // that were sent
  std::uint32_t creates_sent = 0;
  std::uint32_t creates_accepted = 0;
  std::uint32_t schedules_sent = 0;
  std::uint32_t reruns_sent = 0;
  std::uint32_t cancels_sent = 0;
  std::uint32_t priority_changes_sent = 0;
  std::uint32_t priority_changes_accepted = 0;
  std::set<Priority> priorities;  // that it was to be given
  std::vector<SentReport> reports;
  std::map<std::uint32_t, std::uint32_t> cancels_accepted;  // by run
  std::map<std::uint32_t, ToldArtifacts> told_artifacts;    // likewise
  std::map<int, bool> sealed_before;  // by variant: the group was, when it was first sent

  TaskOnDisk disk;           // as last seen
  Bytes row;                 // likewise
  bool was_visible = false;  // before the commit that is looked at
  bool ever_completed = false;
  bool ever_final = false;           // ended, and not just to be tried again
  std::uint64_t visible_since = 0;   // the commit; likewise:
  std::uint64_t last_completed = 0;  // of its last run that completed
  std::uint64_t last_final = 0;      // of its last end for good
  std::uint32_t defined = 0;
  std::uint32_t priority_events = 0;
  std::vector<RunEvents> events;

  std::uint64_t behind = 0;  // the newest entry of any queue when its creation was first said
  std::map<std::uint64_t, std::uint64_t> behind_claim;  // likewise when it was claimed; by token
  std::set<std::pair<std::size_t, std::uint64_t>> entries;  // that it had, by run

  // As its handlers leave it, which may be ahead of the disk.
  bool complete = false;  // was created, and is not removed
  bool going = false;     // is being removed
  bool over = false;      // has ended, and others know
  Instant expires;
  bool removed = false;  // has expired, and its rows are gone
  // Somebody has used its id since, or nobody saw it live: nothing more is said of it.
  bool reborn = false;
};

struct GroupModel {
  std::vector<TaskModel*> members;  // visible ones
  std::uint32_t seals_sent = 0;
  std::uint32_t seals_accepted = 0;
  std::uint32_t releases_sent = 0;
  std::uint32_t cancels_sent = 0;
  std::uint32_t priority_changes_sent = 0;
  std::set<Priority> priorities;  // that its members were to be given
  std::uint32_t sealed_events = 0;
  std::uint32_t resolved_events = 0;
  std::uint32_t priority_events = 0;
  std::uint32_t ends_of_removed = 0;  // of members that have expired
  bool was_removed = false;           // has expired; there may be another one since
};

/// A claim that a worker was handed.
struct Handed {
  std::uint64_t token = 0;
  int worker = -1;
};

class Model {
 public:
  explicit Model(Terms terms) : terms_(terms) {}

  /// Violations so far. The first one is the news; what follows may be its consequence.
  const std::vector<std::string>& violations() const { return violations_; }
  void violation(std::string what) { violations_.push_back(std::move(what)); }

  /// The time of day, and the latest that it has been.
  Instant now() const { return wall_; }
  Instant latest() const { return latest_; }

  /// The clocks, before all else that happens at this time. The time of day may be stepped.
  void clock_is(Instant wall, Duration elapsed);

  // -- What is said

  /// A new definition under an id; answers its variant.
  int define(const std::string& id, const test::NewTask& task);
  /// Given to the host. Completes what the command remembers of this moment.
  void sent(Command& command);
  /// Answered, after `committed` has seen all that is on disk.
  void answered(const Command& command, const Result<Bytes>& answer, Host& host);
  /// A claim was pushed to a worker.
  void handed(const std::string& worker, int index, const test::Held& held);
  /// A worker was told that a claim is not its own (any more).
  void denied(const std::string& worker, const test::Held& held);

  // -- What is on disk

  /// A task's row has been changed by a handler: to be looked at until it is on disk.
  void touched(const std::string& task, std::optional<Bytes> row);
  /// A group's rows have been removed by a handler.
  void group_removed(const std::string& group) { groups_[group].was_removed = true; }
  /// Whether a task has expired and is gone: nobody creates another one under its id.
  bool is_removed(const std::string& id) { return task(id).removed; }
  /// Something was committed.
  void committed(Host& host);
  /// A new life after a crash: all is read again.
  void restarted(Host& host);
  /// What several actors say of one thing must agree, with what is on its way between them.
  void sweep(Host& host);
  /// Nothing is left to do but to let time pass.
  void at_rest(Host& host);
  /// All faults are over and all work should be.
  void at_end(Host& host);
  /// All times have come.
  void all_expired(Host& host);

  TaskModel* find(const std::string& id);
  const std::vector<TaskModel*>& tasks() const { return order_; }
  std::map<std::string, GroupModel>& groups() { return groups_; }
  std::size_t open_tasks() const { return open_; }
  const Terms& terms() const { return terms_; }

 private:
  struct InFlight;

  TaskModel& task(const std::string& id);
  void fail(const TaskModel& task, const std::string& what);
  void check_removal(const TaskModel& task, Instant expires);
  void check_age(TaskModel& task, const TaskOnDisk& now);
  const test::NewTask* accepted_definition(const TaskModel& task) const;

  // answers.cpp
  void check_status(const Command& command, const Bytes& answer);
  void check_accepted(const Command& command, const Bytes& answer, Host& host);
  void check_refused(const Command& command, const Error& error);
  void check_refused_create(const Command& command, const Error& error);
  void check_artifact(const Command& command, Host& host);
  void check_group_answer(const Command& command, const Bytes& answer, Host& host);
  void check_sealed(const Command& command, Host& host);
  void check_swept(const Command& command, const test::Swept& swept);
  bool priority_may_be(const TaskModel& task, Priority priority) const;

  // changes.cpp
  void read_events(Host& host);
  void note_event(std::string_view exchange, std::string_view key);
  void note_task_event(std::string_view name, TaskModel& task, std::uint32_t run);
  void note_group_event(std::string_view name, const std::string& group);
  void note_claim(const std::string& task, const TaskOnDisk& changed);
  void note_end(TaskModel& t);
  bool has_expired(const std::string& task, const TaskOnDisk& disk, std::size_t run) const;
  std::optional<WordSpan> read_row(TaskModel& task, const Snapshot& snapshot);
  void look_at(TaskModel& task, TaskOnDisk now);
  void note_removal(TaskModel& task);
  void check_definition(const TaskModel& task, const TaskOnDisk& now);
  void check_runs(const TaskModel& task, const TaskOnDisk& now);
  void check_new_run(const TaskModel& task, const TaskOnDisk& now, std::size_t index);
  void check_ending(const TaskModel& task, const TaskOnDisk& now, std::size_t index);
  void check_retries(const TaskModel& task, const TaskOnDisk& now);
  void check_events(const TaskModel& task);
  void check_scheduled(const TaskModel& task);
  void check_timers(const TaskModel& task, const Snapshot& snapshot);
  void note_history(TaskModel& task, const TaskOnDisk& before);
  void finish_look(const Snapshot& snapshot);

  // sweep.cpp
  InFlight in_flight(const std::vector<std::unique_ptr<Snapshot>>& shards);
  void check_entries(const std::vector<std::unique_ptr<Snapshot>>& shards, const InFlight& flight);
  void check_claims(const std::vector<std::unique_ptr<Snapshot>>& shards, const InFlight& flight);
  void check_counters(const std::vector<std::unique_ptr<Snapshot>>& shards);
  void check_limits();
  void check_blobs(const std::vector<std::unique_ptr<Snapshot>>& shards);
  void check_quiet(const std::vector<std::unique_ptr<Snapshot>>& shards, const InFlight& flight);
  void check_waiting(const TaskModel& task);
  void check_event_counts(const TaskModel& task);

  const Terms terms_;
  std::vector<std::string> violations_;
  std::unordered_map<std::string, TaskModel> tasks_;
  std::vector<TaskModel*> order_;  // as they were defined
  std::map<std::string, GroupModel> groups_;
  std::map<std::pair<std::string, std::uint32_t>, Handed> handed_;  // by task and run
  std::unordered_map<std::string, std::optional<Bytes>> dirty_;     // rows on their way to disk
  std::unordered_set<TaskModel*> changed_;                          // in the commit looked at
  std::vector<std::uint64_t> last_event_;                           // by shard
  std::vector<std::string> group_events_;                           // resolved, in this commit
  std::size_t open_ = 0;
  std::uint64_t newest_entry_ = 0;  // of all queues: later ones have greater numbers
  std::uint64_t commits_ = 0;       // looked at so far

  // A claim is for a time that passes, whatever the clock is set to: its end by time elapsed, by
  // task, run and the time of day that its row gives.
  std::map<std::tuple<std::string, std::size_t, std::int64_t>, Duration> claim_ends_;
  Instant wall_;
  Duration elapsed_{0};
  Instant latest_;        // that the time of day has been: what it passed stays passed
  Duration set_back_{0};  // all steps back, added up
  bool stepped_ = false;
};

}  // namespace troupe::sim
