// What the services of a server share: borrowed, owned by the server, used on its I/O thread.
#pragma once

#include "actors/task/state.h"
#include "runtime/blob/blob_store.h"
#include "runtime/blob/stream_store.h"
#include "runtime/clock/clock.h"
#include "runtime/process/thread_pool.h"
#include "runtime/rpc/edge.h"

#include <kj/timer.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace troupe::server {

class WorkerSession;

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
  std::string encryption_key;  // 32 bytes
  Instant started;
  std::function<void(const std::string& why)> fatal;  // end the process: going on risks data

  // Workers that are connected now, by their client id.
  std::multimap<std::string, WorkerSession*> sessions = {};

  std::string data_dir = {};
  bool backup_runs = false;

  Instant now() const { return clock.wall_now(); }
};

/// The key of a run's log in the stream store.
std::string log_key(const std::string& task_id, std::uint32_t run);

/// Where the whole log of an ended run is kept.
inline constexpr const char* log_artifact = "public/logs/live_backing.log";
inline constexpr const char* live_log_artifact = "public/logs/live.log";

}  // namespace troupe::server
