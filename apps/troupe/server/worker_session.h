// One worker's connection: its registration, the claims that are pushed to it, and how many more it
// may be given.
//
// The window: the worker says how many claims it has room for; the queue is granted slots so that
// slots granted, plus claims pushed and not answered, is never more.
#pragma once

#include "apps/troupe/server/call.h"
#include "schema/rpc/worker.capnp.h"

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::server {

struct HeldClaim {
  std::string task_id;
  std::uint32_t run_id = 0;
  std::uint64_t token = 0;
  auto operator<=>(const HeldClaim&) const = default;
};

/// Random, never 0, which is "no session".
std::uint64_t new_session_id();

HeldClaim read_held(schema::HeldClaim::Reader held);
void fill_held(const HeldClaim& held, schema::HeldClaim::Builder out);

struct WorkerIdentity {
  std::string client_id;  // whose credentials it has proven
  std::string task_queue_id;
  std::string worker_group;
  std::string worker_id;
  std::uint32_t capacity = 1;
  std::string host;
  std::string version;
  std::uint64_t process = 0;
  // What it has for all its tasks together; nothing: it takes every task.
  std::optional<std::map<std::string, std::uint64_t>> resources = {};
};

/// Who is told about claims.
struct SessionListener {
  std::function<void(HeldClaim)> claimed;
  std::function<void(HeldClaim)> revoked;
  std::function<void(std::string host)> displaced;  // another process has the worker's name now
};

/// Whether the worker may still claim: its client is what it was, and has the scopes.
using MayClaim = std::function<bool()>;

/// What the worker's actor knew when the session began.
struct SessionStart {
  std::vector<HeldClaim> kept;
  std::vector<HeldClaim> lost;
  std::vector<HeldClaim> missed;
};

/// Ends with its destructor: the worker's lease begins to run.
class WorkerSession {
 public:
  WorkerSession(Site& site, WorkerIdentity worker, SessionListener listener, MayClaim may_claim);
  ~WorkerSession() noexcept;
  WorkerSession(const WorkerSession&) = delete;
  WorkerSession& operator=(const WorkerSession&) = delete;

  /// Registers with the worker's actor, naming the claims that the worker still runs.
  kj::Promise<SessionStart> connect(const std::vector<HeldClaim>& held);

  /// The worker takes `slots` more claims; `pause` says why it takes none although it has room,
  /// empty if it does not pause. What it said before is not written again.
  kj::Promise<void> set_window(std::uint32_t slots, const std::string& pause);

  /// A push was answered: the worker counts it in its next window.
  void push_answered() { unanswered_ -= 1; }

  /// A claim ended before it was pushed: its slot is free again.
  kj::Promise<void> push_dropped();

  /// No lease: what it still holds is lost at once.
  kj::Promise<void> leave();

  /// Ends it now: its listener is told nothing any more.
  void close();

  /// Its credentials are no longer good: it ends, and its claims are of no use.
  void revoke();
  /// Whether they are no longer good; if it is found now, the session is revoked.
  bool is_revoked();

  std::uint64_t id() const { return id_; }
  const WorkerIdentity& worker() const { return worker_; }

 private:
  void on_push(Result<Bytes> answer);
  void on_replaced();
  void on_connected(schema::WorkerPush::Connected::Reader connected);
  std::string actor_key() const;
  const WorkerSession* successor() const;
  Bytes await_command(std::int32_t slots) const;
  kj::Promise<void> change_window(std::uint32_t slots);
  kj::Promise<void> tell_window();
  kj::Promise<void> on_removed(Bytes answer);
  kj::Promise<void> set_pause(const std::string& pause);

  Site& site_;
  const WorkerIdentity worker_;
  SessionListener listener_;
  const MayClaim may_claim_;
  const std::uint64_t id_;
  std::unique_ptr<Edge::Subscription> subscription_;
  kj::Own<kj::PromiseFulfiller<SessionStart>> starting_;
  std::int32_t wanted_ =
      0;  // slots that the queue should have (none if negative): the window less what came
  std::int32_t granted_ = 0;     // slots that the queue has and may turn into claims
  std::int32_t unanswered_ = 0;  // claims pushed to the worker, not answered
  bool removing_ = false;        // the queue was told of fewer slots and has not said how many
  std::vector<kj::Own<kj::PromiseFulfiller<void>>> await_removal_;
  std::string pause_;  // as the worker's actor was told
  bool left_ = false;
  bool revoked_ = false;
  std::string displaced_by_;  // host of the process that has the name now; empty: none
};

}  // namespace troupe::server
