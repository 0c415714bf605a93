#include "tests/apps/worker/fixture.h"

#include "runtime/process/signals.h"

#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace troupe::worker::test {
namespace {

kj::AsyncIoContext make_loop() {
  capture_signals();
  kj::UnixEventPort::captureChildExit();
  return kj::setupAsyncIo();
}

WorkDir open_work_dir(const std::string& path) {
  auto opened = WorkDir::open(path);
  if (!opened.ok()) throw std::runtime_error(opened.error().detail);
  return std::move(opened).value();
}

}  // namespace

TempDir::TempDir() {
  std::string name = "/tmp/troupe-worker-test-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TempDir::~TempDir() {
  static_cast<void>(remove_tree(path_).ok());
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

WorkerOptions small_worker(const std::string& work_dir) {
  WorkerOptions options;
  options.pool = "local/default";
  options.worker_id = "w1";
  options.work_dir = work_dir;
  options.root_url = "http://127.0.0.1:7420";
  options.min_free_disk_bytes = 0;
  options.guard_program = TROUPE_TEST_GUARD;
  return options;
}

Fixture::Fixture()
    : io(make_loop()),
      options(small_worker(dir / "work")),
      work_dir(open_work_dir(options.work_dir)),
      downloads(work_dir.downloads(), options.download_cache_bytes_max),
      caches(work_dir.caches(), 2),
      shop{.options = options,
           .clock = clock,
           .timer = io.provider->getTimer(),
           .io = *io.lowLevelProvider,
           .port = io.unixEventPort,
           .work_dir = work_dir,
           .downloads = downloads,
           .caches = caches,
           .pool = pool} {}

}  // namespace troupe::worker::test
