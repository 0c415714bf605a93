// How data of older versions becomes data of this one: step by step, in one transaction.
#pragma once

#include "runtime/base/result.h"

#include <lmdb.h>

#include <cstdint>
#include <functional>
#include <span>

namespace troupe {

/// From one version to the next.
struct UpgradeStep {
  std::uint32_t from = 0;
  const char* what = nullptr;                            // one line
  Result<std::uint64_t> (*run)(MDB_txn* txn) = nullptr;  // answers how many rows it has changed
};

/// The steps to this program's version, in order.
std::span<const UpgradeStep> upgrade_steps();

/// Called with each step that is done, or that a dry run would do.
using ReportUpgrade = std::function<void(const UpgradeStep& step, std::uint64_t rows)>;

/// Brings what `txn` sees from `format` to the version that `steps` lead to. The caller commits, or
/// aborts for a dry run, and writes the meta row. Requires a format that is not newer.
/// Errors: `corrupt` no step leads on from `format`; those of the store.
Status upgrade_data(MDB_txn* txn,
                    std::uint32_t format,
                    std::span<const UpgradeStep> steps,
                    const ReportUpgrade& report);

}  // namespace troupe
