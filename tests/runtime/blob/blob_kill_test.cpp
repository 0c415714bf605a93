// SIGKILL at any instant leaves whole blobs, resumable uploads, and streams without a gap.
#include "runtime/blob/stream_store.h"
#include "tests/runtime/blob/blob_support.h"

#include <catch2/catch.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr std::size_t blob_bytes = 40'000;

std::string text_of(int number) {
  return std::to_string(number) + pattern(blob_bytes);
}

/// What the child tells its parent through a pipe after each acknowledgement.
struct Progress {
  int blobs = 0;
  std::uint64_t synced = 0;
};

void tell(int fd, const Progress& progress) {
  if (write(fd, &progress, sizeof progress) != sizeof progress) _exit(1);
}

/// Uploads blobs and grows a stream until it is killed.
[[noreturn]] void work(const TempFolder& folder, int fd, Progress progress) {
  auto blobs = BlobStore::open({.dir = folder.path("blobs")}, Instant{0});
  if (!blobs) _exit(2);
  auto streams = StreamStore::open({.dir = folder.path("logs")}, *blobs.value());
  if (!streams) _exit(3);
  const auto all = pattern(1 << 20);
  while (true) {
    const auto text = text_of(progress.blobs);
    auto upload = blobs.value()->begin_upload(sha256(text), text.size());
    if (!upload) _exit(4);
    while (upload.value()->offset() < text.size()) {
      const auto rest = as_bytes(text).subspan(upload.value()->offset());
      if (!upload.value()->append(rest.first(std::min<std::size_t>(rest.size(), 7'000)))) _exit(5);
    }
    if (!upload.value()->finish()) _exit(6);
    progress.blobs += 1;

    const auto kept = streams.value()->size("a/b").value();
    const auto piece = std::min<std::uint64_t>(all.size() - kept, 1000);
    if (!streams.value()->append("a/b", kept, as_bytes(all).subspan(kept, piece))) _exit(7);
    const auto synced = streams.value()->sync("a/b");
    if (!synced) _exit(8);
    progress.synced = synced.value();
    tell(fd, progress);
  }
}

/// Starts `work`, kills it after some of its acknowledgements, and returns the last one.
Progress run_and_kill(const TempFolder& folder, const Progress& before, int acknowledgements) {
  int fds[2];
  REQUIRE(pipe(fds) == 0);
  const pid_t child = fork();
  if (child == 0) {
    close(fds[0]);
    work(folder, fds[1], before);
  }
  close(fds[1]);
  Progress last = before;
  Progress next;
  for (int i = 0; i < acknowledgements; ++i) {
    if (read(fds[0], &next, sizeof next) == sizeof next) last = next;
  }
  kill(child, SIGKILL);
  while (read(fds[0], &next, sizeof next) == sizeof next) last = next;
  close(fds[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  return last;
}

}  // namespace

TEST_CASE("nothing acknowledged is lost by SIGKILL", "[blob]") {
  const TempFolder folder;
  const auto all = pattern(1 << 20);
  Progress progress;
  for (int round = 0; round < 12; ++round) {
    progress = run_and_kill(folder, progress, round % 5);

    auto blobs = std::move(BlobStore::open({.dir = folder.path("blobs")}, Instant{0}).value());
    for (int i = 0; i < progress.blobs; ++i) REQUIRE(blobs->contains(sha256(text_of(i))));
    REQUIRE(blobs
                ->list([&blobs](const Sha256& hash, std::uint64_t) {  // B1
                  REQUIRE(sha256(read_blob(*blobs->open_reader(hash).value())) == hash);
                })
                .ok());

    auto streams = std::move(StreamStore::open({.dir = folder.path("logs")}, *blobs).value());
    const auto kept = streams->size("a/b").value();
    REQUIRE(kept >= progress.synced);
    std::string got(kept, '\0');
    const std::span<std::uint8_t> out{reinterpret_cast<std::uint8_t*>(got.data()), got.size()};
    if (kept > 0) REQUIRE(streams->read("a/b", 0, out).value() == kept);
    REQUIRE(got == all.substr(0, kept));  // S1
  }
  CHECK(progress.blobs > 0);
}
