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

/// The formats of a data directory, and what has to be done so that this program can use it.
struct UpgradePlan {
  int data_format = 0;
  std::vector<std::uint32_t> store_formats;  // of each shard
  std::vector<std::string> steps;            // none: it is as this program wants it
};

/// Errors: `corrupt` it is newer than this program, naming both; as `hold_existing`.
Result<UpgradePlan> plan_upgrade(const std::string& data_dir);

}  // namespace troupe::server
