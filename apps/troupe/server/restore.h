// A data directory from a backup: another life of the same platform.
#pragma once

#include "apps/troupe/server/backup.h"
#include "runtime/actor/check.h"

#include <cstdint>
#include <string>

namespace troupe::server {

struct RestoreOutcome {
  BackupManifest manifest;
  BackupTotals totals;
  std::uint64_t voided = 0;         // runs that were under way: they are retried
  std::uint64_t next_position = 0;  // of the event log, in each shard at least this
};

/// Fills `data_dir`, which is empty or absent, from the backup in `out`; a start on it is refused
/// until all is done. What is wrong with the copy is in `findings`, and then it is not done.
///
/// Errors: `not_found` no whole backup is there; `conflict` the directory is not empty, or the copy
/// does not hold together; `corrupt` of another format; else what kept it from reading or writing.
Result<RestoreOutcome> run_restore(const std::string& out,
                                   const std::string& data_dir,
                                   Instant now,
                                   Findings& findings);

}  // namespace troupe::server
