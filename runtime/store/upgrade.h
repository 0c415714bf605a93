// How data of older versions becomes data of this one: step by step, in one transaction.
#pragma once

#include "runtime/base/result.h"

#include <lmdb.h>

#include <cstdint>
#include <functional>
#include <string>

namespace troupe {

/// A step that is done, or that a dry run would do: from version `from` to the next.
using ReportUpgrade = std::function<void(std::uint32_t from, const std::string& what)>;

/// Brings what `txn` sees from `format` to this program's. The caller commits, or aborts for a dry
/// run, and writes the meta row. Requires a format that is not newer.
/// Errors: `corrupt` no step leads on from `format`; those of the store.
Status upgrade_data(MDB_txn* txn, std::uint32_t format, const ReportUpgrade& report);

}  // namespace troupe
