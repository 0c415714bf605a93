// What the worker's tests stand on: a KJ loop, an empty folder, and the parts that tasks share.
#pragma once

#include "apps/troupe/worker/cache_pool.h"
#include "apps/troupe/worker/download_cache.h"
#include "apps/troupe/worker/work_dir.h"
#include "apps/troupe/worker/workshop.h"

#include <kj/async-io.h>
#include <kj/async-unix.h>

#include <memory>
#include <string>

namespace troupe::worker::test {

/// A folder of its own, deleted at the end.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void write_file(const std::string& path, const std::string& bytes);
std::string read_file(const std::string& path);
bool exists(const std::string& path);

/// The options of a small worker in `work_dir`, whose guard is the tests' own program.
WorkerOptions small_worker(const std::string& work_dir);

/// A loop and a Workshop on it.
class Fixture {
 public:
  Fixture();

  TempDir dir;
  kj::AsyncIoContext io;
  WorkerOptions options;
  SystemClock clock;
  WorkDir work_dir;
  DownloadCache downloads;
  CachePool caches;
  ThreadPool pool{2};
  Workshop shop;
};

}  // namespace troupe::worker::test
