// What all tasks of a worker share. Everything is borrowed and outlives the tasks.
#pragma once

#include "apps/troupe/worker/worker.h"
#include "runtime/clock/clock.h"
#include "runtime/process/thread_pool.h"

#include <kj/async-io.h>
#include <kj/async-unix.h>
#include <kj/timer.h>

namespace troupe::worker {

class CachePool;
class DownloadCache;
class WorkDir;

struct Workshop {
  const WorkerOptions& options;
  const Clock& clock;
  kj::Timer& timer;
  kj::LowLevelAsyncIoProvider& io;
  kj::UnixEventPort& port;
  WorkDir& work_dir;
  DownloadCache& downloads;
  CachePool& caches;
  ThreadPool& pool;  // for what blocks: unpacking, hashing, deleting
};

}  // namespace troupe::worker
