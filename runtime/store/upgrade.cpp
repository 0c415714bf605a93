#include "runtime/store/upgrade.h"

#include "runtime/base/assert.h"
#include "runtime/store/batch.h"
#include "runtime/store/lmdb_values.h"

#include <array>
#include <string>

namespace troupe {
namespace {

// Longer values stay whole, and are read so, until they are written again.
Result<std::uint64_t> add_parts(MDB_txn* txn) {
  MDB_dbi handle = 0;
  const int code = mdb_dbi_open(txn, tables::parts.name, MDB_CREATE, &handle);
  if (code != 0) return lmdb_error("create the table parts", code);
  return std::uint64_t{0};
}

constexpr std::array steps_of_this = {
    UpgradeStep{1, "the table `parts` is made, for values over 16,000 bytes", add_parts},
};
static_assert(steps_of_this.back().from + 1 == format_version);

}  // namespace

std::span<const UpgradeStep> upgrade_steps() {
  return steps_of_this;
}

Status upgrade_data(MDB_txn* txn,
                    std::uint32_t format,
                    std::span<const UpgradeStep> steps,
                    const ReportUpgrade& report) {
  const std::uint32_t newest = steps.back().from + 1;
  TROUPE_EXPECTS(format <= newest);
  for (const UpgradeStep& step : steps) {
    if (step.from != format) continue;
    const auto rows = step.run(txn);
    if (!rows.ok()) return rows.error();
    report(step, rows.value());
    format += 1;
  }
  if (format != newest) {
    return Error{Errc::corrupt, "data of version " + std::to_string(format) + " never existed"};
  }
  return Done{};
}

}  // namespace troupe
