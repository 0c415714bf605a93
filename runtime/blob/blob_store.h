// Content-addressed files: a blob is named by the SHA-256 of its bytes and never changes.
//
//   dir/sha256/ab/cdef...          blobs (0600), whole and synced, their folders too
//   dir/tmp/HEX.SIZE.N             uploads under way; the writer holds a lock (flock) on it
//   dir/tmp/new.N                  the same while its hash is not known
//
// An upload lands by linking its stage file into place, syncing the folder, and only then removing
// the name in tmp/. So at any instant a kill leaves
//   B1  a blob that is whole, or none, under sha256/;
//   B2  a stage file next to every blob whose folder may not be on disk yet; `open` completes it.
//
// Whoever is told that a blob is here (`contains`, or an upload that lands) has touched it, and has
// time to refer to it: what was touched lately is not removed as unused.
//
// Every call blocks on the disk: call from a thread pool, not from an event loop.
#pragma once

#include "runtime/base/hash.h"
#include "runtime/base/result.h"
#include "runtime/base/time.h"
#include "runtime/blob/file.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

namespace troupe {

struct BlobStoreOptions {
  std::string dir;
  Duration stage_age_max = std::chrono::hours{24};  // older uploads under way are given up at open
};

/// A blob being read. Goes on working when the blob is removed meanwhile. Thread: any.
class BlobReader {
 public:
  BlobReader(File file, std::uint64_t size) : file_(std::move(file)), size_(size) {}

  /// For `sendfile` and the like; closed with *this.
  int fd() const { return file_.fd(); }
  std::uint64_t size() const { return size_; }

  /// Fills `out` from `offset`; fewer bytes only at the end.
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) const;

 private:
  File file_;
  std::uint64_t size_;
};

class BlobStore;

/// What a blob is named by, and how long it is.
struct BlobName {
  Sha256 sha256{};
  std::uint64_t size = 0;
};

/// An upload of bytes whose hash nobody has said: it is known at the end. Dropping it drops them.
/// Thread: one at a time. The store outlives it.
class BlobIntake {
 public:
  BlobIntake(BlobStore& store, File stage);
  ~BlobIntake();
  BlobIntake(const BlobIntake&) = delete;
  BlobIntake& operator=(const BlobIntake&) = delete;

  std::uint64_t size() const { return size_; }

  /// Errors: `unavailable` the disk is full or failed: give up.
  Status append(std::span<const std::uint8_t> bytes);

  /// Makes the blob appear, on disk when this returns. Once. Errors: `unavailable` as above.
  Result<BlobName> finish();

 private:
  // Constant after construction. Borrowed.
  BlobStore& store_;

  File stage_;
  std::string path_;  // of the stage file by now; empty: there is none
  std::uint64_t size_ = 0;
  std::optional<Sha256Stream> hash_ = Sha256Stream{};  // nothing once spent
};

/// One upload. Dropping it keeps the bytes, for the next upload of the same blob to go on from.
/// Thread: one at a time. The store outlives it.
class BlobUpload {
 public:
  BlobUpload(BlobStore& store, File stage, const Sha256& sha256, std::uint64_t size);

  /// How many bytes are here; the next ones to append.
  std::uint64_t offset() const { return offset_; }

  /// Errors: `too_large` more than the announced size, nothing is taken; `unavailable` the disk is
  /// full or failed: `offset()` tells what is here, try again later.
  Status append(std::span<const std::uint8_t> bytes);

  /// Makes the blob appear, on disk when this returns.
  ///
  /// Errors: `conflict` bytes are missing: send the rest; `invalid` the bytes are not those of the
  /// announced hash: all are dropped, start again; `unavailable` the disk is full or failed.
  Status finish();

 private:
  friend class BlobStore;

  /// Hashes what an earlier upload left.
  Status resume();

  // Constant after construction. Borrowed.
  BlobStore& store_;
  File stage_;
  const Sha256 sha256_;
  const std::uint64_t size_;

  std::uint64_t offset_ = 0;
  std::optional<Sha256Stream> hash_ = Sha256Stream{};  // nothing once spent
};

/// Thread safety: every member may be called from any thread; several processes may share `dir`.
class BlobStore {
 public:
  /// More uploads of one blob at a time than this are refused with `busy`.
  static constexpr int uploads_per_blob_max = 16;

  /// Makes the folders if absent, completes interrupted landings, removes stale stage files.
  /// The folder above `dir` must exist. `now` is wall time, to tell a stage file's age.
  static Result<std::unique_ptr<BlobStore>> open(BlobStoreOptions options, Instant now);

  /// Starts an upload, or goes on with an unfinished one of the same blob that nobody is writing:
  /// see its `offset()`. Ask `contains` first; what is here already is checked and dropped again.
  /// Cost: reads and hashes the bytes that are here.
  Result<std::unique_ptr<BlobUpload>> begin_upload(const Sha256& sha256, std::uint64_t size);

  /// Starts an upload that says neither hash nor size. It cannot be resumed.
  Result<std::unique_ptr<BlobIntake>> begin_intake();

  /// Takes in a finished file of the same file system without copying. `path` stays: the caller
  /// removes it when this returned Done, and never changes its bytes again. Syncs it.
  /// The caller has computed `sha256` and `size` from the bytes.
  Status adopt(const std::string& path, const Sha256& sha256, std::uint64_t size);

  /// Whether the whole blob is here, on disk. Touches it.
  bool contains(const Sha256& sha256);

  /// Bytes of the blob; `not_found` if it is not here.
  Result<std::uint64_t> size(const Sha256& sha256) const;

  /// `not_found` if it is not here.
  Result<std::unique_ptr<BlobReader>> open_reader(const Sha256& sha256) const;

  /// Done also if there is none. Call it only after the last reference to the blob is gone for
  /// good: it may come back after a power failure, which wastes space and harms nothing.
  Status remove(const Sha256& sha256);

  /// As `remove`, unless the blob was touched after `before` (wall time): then false. Whoever lands
  /// or asks for the blob at the same time finds it, and it stays, or finds none.
  Result<bool> remove_unused(const Sha256& sha256, Instant before);

  /// Calls `visit` with every blob and its size, in no order. For checks: reads all folders.
  Status list(const std::function<void(const Sha256&, std::uint64_t)>& visit) const;

 private:
  friend class BlobUpload;
  friend class BlobIntake;

  explicit BlobStore(std::string dir);
  std::string folder_of(const Sha256& sha256) const;
  std::string path_of(const Sha256& sha256) const;
  std::string stage_path(const Sha256& sha256, std::uint64_t size, int number) const;
  /// Of a stage file that nobody else opens.
  std::string unique_stage_path(const BlobName& name) const;

  /// Gives `from` its place under sha256/ and syncs the folders.
  Status land(const std::string& from, const Sha256& sha256, std::uint64_t size);
  Status place(const std::string& from, const Sha256& sha256, std::uint64_t size);
  Status give_name(const std::string& from, const std::string& path, std::uint64_t size);
  Status clean_stage_file(const std::string& path, const std::string& name, Instant oldest);

  // Constant after construction.
  const std::string dir_;

  std::mutex names_mutex_;  // held while a blob's name is made, touched or removed

  std::mutex mutex_;
  // Under mutex_. Blobs that have a name whose folder may not be on disk yet, and how many calls
  // are about to sync it; an entry whose sync failed stays.
  std::map<Sha256, int> unsynced_;
};

}  // namespace troupe
