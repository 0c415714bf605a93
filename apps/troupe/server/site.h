// What the services of a server share: borrowed, owned by the server.
//
// Every loop has its own: the main one, which RPC is on, and those of HTTP (see http_edge.h). All
// but the edge, the timer and what the main one has alone may be used on any thread.
#pragma once

#include "actors/task/state.h"
#include "apps/troupe/server/sightings.h"
#include "apps/troupe/server/stopping.h"
#include "runtime/base/key_ring.h"
#include "runtime/base/secret.h"
#include "runtime/blob/blob_store.h"
#include "runtime/blob/stream_store.h"
#include "runtime/clock/clock.h"
#include "runtime/process/thread_pool.h"
#include "runtime/rpc/edge.h"

#include <kj/timer.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace troupe::server {

class ApiMetrics;
class EventFeed;
class Realm;
class WorkerSession;

/// The name of the operator's client.
inline constexpr const char* root_client_name = "static/troupe/root";

struct Site {
  const Clock& clock;
  Host& host;
  Edge& edge;
  BlobStore& blobs;
  StreamStore& logs;
  ThreadPool& disk;  // for what blocks
  kj::Timer& timer;
  task::TaskConfig tasks;
  std::string root_url;
  std::string root_client_id;
  std::string root_access_token;
  KeyRing keys;
  const Realm& realm;  // who there is
  Instant started;
  std::function<void(const std::string& why)> fatal;  // end the process: going on risks data

  // Of the main loop alone; empty elsewhere: see `on_main`.
  // Workers that are connected now, by their client id.
  std::multimap<std::string, WorkerSession*> sessions = {};
  bool backup_runs = false;
  std::shared_ptr<ApiMetrics> figures = {};  // of calls over RPC

  std::string data_dir = {};
  EventFeed* events = nullptr;                                           // there once it serves
  Secret websocktunnel_secret = {};                                      // empty: no tunnels
  Duration claim_work_timeout{20'000};                                   // queue.claim_work_timeout
  std::shared_ptr<Sightings> sightings = std::make_shared<Sightings>();  // of all loops together
  std::shared_ptr<Stopping> stopping = std::make_shared<Stopping>();     // of this loop
  Site* main = nullptr;  // that of the main loop, if this is another's

  Instant now() const { return clock.wall_now(); }

  /// The same for another thread's loop. *this is the main one, and outlives it.
  Site on_thread(Edge& its_edge, kj::Timer& its_timer);

  /// Ends the connections of workers that this client may no longer have. From any thread.
  void recheck_workers(const std::string& client_id);

  /// Runs `work` on the main loop with its site: at once if this is it, else some time.
  void on_main(std::function<void(Site& main_site)> work);
};

/// The key of a run's log in the stream store.
std::string log_key(const std::string& task_id, std::uint32_t run);

/// Where the whole log of an ended run is kept.
inline constexpr const char* log_artifact = "public/logs/live_backing.log";
inline constexpr const char* live_log_artifact = "public/logs/live.log";

}  // namespace troupe::server
