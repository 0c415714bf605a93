// Commands to durable actors, as an edge would make them.
#pragma once

#include "runtime/base/time.h"
#include "runtime/store/bytes.h"
#include "schema/api/queue_types.capnp.h"
#include "schema/rpc/worker.capnp.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace troupe::test {

/// When every test begins.
inline constexpr Instant start{1'800'000'000'000};
inline constexpr Duration second{1'000};
inline constexpr Duration minute{60'000};
inline constexpr Duration hour{3'600'000};

using State = schema::TaskState;
using Reason = schema::ReasonResolved;
using schema::Outcome;
using schema::Priority;
using schema::Requires;

struct NewTask {
  std::string queue = "local/default";
  std::string group = {};  // the task's own id if empty
  std::string scheduler = "-";
  std::vector<std::string> needs = {};
  Requires requirement = Requires::ALL_COMPLETED;
  Priority priority = Priority::LOWEST;
  int retries = 5;
  Instant created = start;
  Instant deadline = start + hour;
  Instant expires = {};  // a year after the deadline if none
  bool hold = false;
  std::string payload = "{}";
  std::string extra = "{}";
  std::vector<std::string> routes = {};
  std::vector<std::pair<std::string, std::string>> tags = {};
  std::vector<std::string> scopes = {};
};

/// The definition, normalised.
void fill_definition(const std::string& id,
                     const NewTask& task,
                     schema::TaskDefinition::Builder definition);

// ---- To a task ----

struct ClaimOf {
  std::uint32_t run = 0;
  std::uint64_t token = 0;
  bool by_run = false;  // over HTTP, where the token does not count
};
struct Report {
  Outcome outcome = Outcome::COMPLETED;
  Reason reason = Reason::NONE;
};
struct Artifact {
  std::string name = "public/log.txt";
  std::string storage = "link";
  std::string link = "public/other.txt";
  Instant expires = {};
};

Bytes create_task(const std::string& id, const NewTask& task = {});
Bytes schedule();
Bytes rerun(const std::string& request_id = {});
Bytes cancel();
Bytes reclaim(ClaimOf claim);
Bytes resolve(ClaimOf claim, Report report, const std::vector<Artifact>& artifacts = {});
Bytes put_artifact(ClaimOf claim, const Artifact& artifact);
Bytes keep_log(std::uint32_t run, const std::vector<Artifact>& log);
Bytes claim_by_name(std::uint32_t run, const std::string& worker, std::uint64_t session);
/// The same over HTTP, without a connection that holds the claim.
Bytes claim_over_http(std::uint32_t run, const std::string& worker);
Bytes expire_claim(ClaimOf claim);
Bytes change_priority(Priority to);

// ---- To a group ----

Bytes seal();
Bytes release();
Bytes cancel_group();
Bytes change_group_priority(Priority to);

// ---- To a queue ----

/// A worker's slots: `worker` is `group/id`.
struct Slots {
  std::string worker = "g/w";
  std::uint64_t session = 1;
  int count = 1;
};
Bytes await(const Slots& slots);
Bytes leave(std::uint64_t session);

// ---- To a worker ----

struct Held {
  std::string task_id;
  std::uint32_t run_id = 0;
  std::uint64_t token = 0;
  bool operator==(const Held&) const = default;
};
struct Connection {
  std::string worker = "g/w";
  std::string queue = "local/default";
  std::uint64_t session = 1;
  std::uint64_t process = 1;
  std::vector<Held> held = {};
};
Bytes connect(const Connection& connection);
Bytes disconnect(std::uint64_t session);
Bytes farewell(std::uint64_t session);
Bytes restarted();
Bytes tell_lost(const std::vector<Held>& claims);
Bytes paused(std::uint64_t session, const std::string& why);

// ---- To a client ----

Bytes create_token(const std::string& pool, const std::string& access_token, Instant expires);
Bytes revoke();

// ---- Answers ----

/// The state in an answer that is a task's status.
State state_in(const Bytes& answer);

/// The answer to `cancel_group` or `change_group_priority`.
struct Swept {
  std::uint64_t count = 0;
  std::vector<std::string> tasks;
};
Swept cancelled_in(const Bytes& answer);
Swept reprioritised_in(const Bytes& answer);

struct Push {
  std::string what;        // `connected`, `claimed`, `revoked`, `replaced`
  std::vector<Held> kept;  // or the claim that it is about
  std::vector<Held> lost;
  std::vector<Held> missed;
};
Push read_push(const Bytes& body);

}  // namespace troupe::test
