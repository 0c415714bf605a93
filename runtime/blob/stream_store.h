// Growing byte streams (logs): append-only files by name, until they end as blobs.
//
//   dir/PART/PART                  one file a stream, named by its key `PART/PART`
//
// Invariants:
//   S1  the kept bytes are a prefix of what the writer sent: no gap, nothing twice;
//   S2  what `sync` answered survives any crash;
//   S3  `seal` makes the bytes a blob and keeps the stream, so it can be repeated, whatever the
//       crash; `remove` comes when a row that names the blob is on disk.
//
// After a kill the kept size is the file's size: the writer asks for it and goes on from there.
#pragma once

#include "runtime/base/hash.h"
#include "runtime/base/result.h"
#include "runtime/blob/blob_store.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

struct StreamStoreOptions {
  std::string dir;  // on the file system of the blob store
  // More than this are closed (synced first if need be), the least recently used first. Each costs
  // a descriptor and 8 KiB.
  std::size_t open_streams_max = 512;
};

/// What observers are told.
struct StreamGrowth {
  std::uint64_t size = 0;
  bool ended = false;  // removed: no more calls follow
};
using GrowthCallback = std::function<void(const StreamGrowth&)>;

/// Keeps an observer registered. When its destructor has returned the callback is not running, save
/// on the same thread, and will not be called again. May outlive the store.
class GrowthObserver {
 public:
  virtual ~GrowthObserver() = default;
};

struct SealedStream {
  Sha256 sha256{};
  std::uint64_t size = 0;

  bool operator==(const SealedStream&) const = default;
};

struct StreamInfo {
  std::string key;
  std::uint64_t size = 0;
};

/// Whether `key` is `PART/PART`: each 1 to 128 of `A-Z a-z 0-9 . _ -`, not starting with `.`.
bool is_stream_key(std::string_view key);

/// Every member answers `invalid` for a malformed key and may be called from any thread. One
/// stream has one writer at a time; `append`s of two writers do not mix, but the second finds its
/// offset taken.
class StreamStore {
 public:
  virtual ~StreamStore() = default;

  /// Makes `dir` if absent; the folder above must exist. Borrows `blobs`.
  static Result<std::unique_ptr<StreamStore>> open(StreamStoreOptions options, BlobStore& blobs);

  /// Takes `bytes`, which start at `offset` of the stream; the first call makes the stream. Bytes
  /// that are kept already are skipped. Returns the kept size.
  ///
  /// Errors: `conflict` a gap (`size` tells where to go on), or the stream is sealed;
  /// `unavailable` the disk is full: what fitted is kept, try again from `size`; `corrupt` as for
  /// `sync`. Cost: a write to the page cache and the hash, fit for an event loop; observers are
  /// called before it returns, on this thread.
  virtual Result<std::uint64_t> append(const std::string& key,
                                       std::uint64_t offset,
                                       std::span<const std::uint8_t> bytes) = 0;

  /// Waits until all that is kept is on disk; returns how much that is, 0 without a stream.
  ///
  /// Errors: `corrupt` the disk failed and bytes that were taken may be lost: end the process,
  /// recovery is the repair. Blocks: call from a thread pool.
  virtual Result<std::uint64_t> sync(const std::string& key) = 0;

  /// Bytes kept, 0 without a stream.
  virtual Result<std::uint64_t> size(const std::string& key) = 0;

  /// Fills `out` from `offset`; fewer bytes only at the end of what is kept. `not_found` without a
  /// stream: it may have been removed. Blocks if the pages are not in memory.
  virtual Result<std::size_t> read(const std::string& key,
                                   std::uint64_t offset,
                                   std::span<std::uint8_t> out) = 0;

  /// What was last printed (see `last_visible_line`), from the last 4 KiB; empty without a stream.
  /// Cheap: kept in memory as the stream grows.
  virtual Result<std::string> last_line(const std::string& key, std::size_t chars_max) = 0;

  /// Nothing is added to the stream any more: its bytes become a blob, on disk when this returns.
  /// The stream can still be read, until `remove`.
  ///
  /// Errors: `not_found` without a stream; `conflict` another call is sealing it; others as `sync`
  /// and `BlobStore::adopt`: call again. Blocks, and reads all bytes that were written before a
  /// restart: call from a thread pool.
  virtual Result<SealedStream> seal(const std::string& key) = 0;

  /// Drops the stream; Done also if there is none, `conflict` while it is being sealed.
  virtual Status remove(const std::string& key) = 0;

  /// Calls `callback` after each growth and at the end of the stream, which need not exist yet.
  /// The callback runs on the thread that appends or ends, without locks; it must be quick, must
  /// not throw, and wakes other event loops through a cross-thread fulfiller. It is not called for
  /// what was there before: register first, then ask `size`.
  [[nodiscard]] virtual std::unique_ptr<GrowthObserver> on_growth(const std::string& key,
                                                                  GrowthCallback callback) = 0;

  /// The streams that have not been removed, in no order. Reads all folders.
  virtual Result<std::vector<StreamInfo>> list() = 0;
};

}  // namespace troupe
