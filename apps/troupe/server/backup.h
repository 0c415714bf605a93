// A consistent copy of a data directory in a folder, while it is served or not.
//
//   OUT/manifest.json   which copy is good; replaced last, so a backup that was cut short leaves
//                       the one before it, or a folder that nobody restores
//   OUT/data-ID/        the good copy: store/, logs/, keys, credentials, configuration
//   OUT/blobs/          content-addressed, shared by all backups into OUT: only new ones are copied
//   OUT/backup.lock     held while a backup is made
//
// The rows are those of one snapshot. Blobs that it names were on disk before it; logs are copied
// before it and again after, since the log of a run that ends meanwhile goes away.
#pragma once

#include "runtime/base/result.h"
#include "runtime/base/time.h"
#include "runtime/blob/blob_store.h"
#include "runtime/blob/stream_store.h"
#include "runtime/store/store.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::server {

/// `manifest.json` of a backup.
struct BackupManifest {
  std::string data;     // the folder of the copy
  std::string made;     // when
  std::string version;  // of the program that made it
  bool blobs = true;    // they are in it
};

std::string encode_manifest(const BackupManifest& manifest);
/// Errors: `corrupt` saying what is wrong.
Result<BackupManifest> decode_manifest(std::string_view text);

struct BackupTotals {
  std::uint64_t rows = 0;
  std::uint64_t row_bytes = 0;
  std::uint64_t logs = 0;
  std::uint64_t files = 0;
  std::uint64_t blobs = 0;
  std::uint64_t blobs_copied = 0;
  std::uint64_t bytes_copied = 0;  // of new blobs
};

/// Between the thread that copies and the one that watches: how fast, how far, whether to stop.
class BackupPace {
 public:
  /// 0: as fast as it goes. `nearly_full`: whether the store has no room to keep a snapshot longer.
  BackupPace(std::uint64_t bytes_per_second, std::function<bool()> nearly_full);

  /// Waits until so many bytes more may be copied. Errors: `unavailable` it was stopped; `busy` the
  /// store that is copied is nearly full.
  Status advance(std::uint64_t bytes);
  void stop();

  void update(const std::function<void(BackupTotals&)>& change);
  BackupTotals totals() const;

 private:
  const std::uint64_t bytes_per_second_;
  const std::function<bool()> nearly_full_;
  const Duration started_;

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  bool stopped_ = false;
  std::uint64_t bytes_ = 0;
  BackupTotals totals_;
};

struct BackupSource {
  std::string data_dir;
  BlobStore& blobs;
  StreamStore& logs;
  std::function<std::vector<std::unique_ptr<Snapshot>>()> snapshots;  // all shards at one moment
};

struct BackupOptions {
  std::string out;  // absolute
  bool blobs = true;
  Instant now;
};

/// Copies the blobs that artifacts of `snapshot` name, those that `to` does not have.
Status copy_named_blobs(const Snapshot& snapshot,
                        const BlobStore& from,
                        BlobStore& to,
                        BackupPace& pace);

/// Makes or renews a backup, or leaves what was there. Blocks, for as long as it takes.
/// Errors: `busy` or `unavailable` as of BackupPace::advance; `conflict` the folder holds something
/// else, or another backup is being made in it; `invalid` it is inside the data directory; else
/// what kept it from reading or writing.
Status run_backup(const BackupSource& source, const BackupOptions& options, BackupPace& pace);

}  // namespace troupe::server
