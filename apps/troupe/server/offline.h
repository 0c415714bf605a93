// What is done to a data directory that nobody serves.
#pragma once

#include "apps/troupe/server/backup.h"
#include "apps/troupe/server/data_dir.h"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::server {

/// Holds a data directory that is there already. Errors: `not_found` there is none; as
/// DataDir::open.
Result<std::unique_ptr<DataDir>> hold_existing(const std::string& data_dir);

/// A backup of a stopped data directory. Errors: as `run_backup` and `hold_existing`.
Result<BackupTotals> backup_stopped(const std::string& data_dir,
                                    const BackupOptions& options,
                                    std::uint64_t bytes_per_second);

/// One shard of a data directory, and what has to be done so that this program can use it.
struct ShardUpgrade {
  std::uint32_t shard = 0;
  std::uint32_t from = 0;          // the version of its data
  std::uint64_t rows = 0;          // that it has
  std::vector<std::string> steps;  // to this program's version; none: it is there
};

struct Upgrade {
  int data_format = 0;
  std::uint32_t to = 0;  // this program's version of stored data
  std::vector<ShardUpgrade> shards;

  bool has_steps() const;
};

/// Brings a stopped data directory to this program's version, each shard in one transaction; or
/// says what would be done. What is cut short is taken up by the next call. Nothing is changed
/// unless all shards can be read.
/// Errors: `corrupt` or `conflict` it is newer than this program, naming both; as `hold_existing`.
Result<Upgrade> upgrade_stopped(const std::string& data_dir, UpgradeMode mode);

}  // namespace troupe::server
