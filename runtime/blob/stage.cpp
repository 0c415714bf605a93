#include "runtime/blob/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

namespace troupe {

namespace {

enum class LockOutcome { locked, held };

Result<LockOutcome> try_lock(const File& file) {
  while (flock(file.fd(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return LockOutcome::held;
    if (errno != EINTR) return io_error("lock", file.path(), errno);
  }
  return LockOutcome::locked;
}

}  // namespace

Result<File> open_stage(const std::string& path) {
  // The name may go away between open and lock, when its upload lands: then there is a new one to
  // make. Each round needs another upload to end meanwhile, so a few are plenty.
  constexpr int rounds_max = 8;
  for (int round = 0; round < rounds_max; ++round) {
    auto file = open_file(path, O_RDWR | O_CREAT);
    if (!file) return file.error();
    const auto lock = try_lock(file.value());
    if (!lock) return lock.error();
    if (lock.value() == LockOutcome::held) return File{};
    const auto ours = facts_of(file.value());
    if (!ours) return ours.error();
    const auto named = facts_of(path);
    if (!named || named.value().inode != ours.value().inode) continue;
    if (ours.value().links == 1) return std::move(file).value();
    // Landed already: these bytes belong to a blob and must not be written again.
    if (auto removed = remove_file(path); !removed) return removed.error();
  }
  return Error{Errc::busy, "lock " + path + ": it keeps changing hands; try again"};
}

Status remove_stale_stage(const std::string& path) {
  auto file = open_file(path, O_RDWR);
  if (!file && file.error().code == Errc::not_found) return Done{};
  if (!file) return file.error();
  const auto lock = try_lock(file.value());
  if (!lock) return lock.error();
  if (lock.value() == LockOutcome::held) return Done{};
  return remove_file(path);
}

}  // namespace troupe
