#include "runtime/store/upgrade.h"

#include "runtime/base/assert.h"
#include "runtime/store/batch.h"
#include "runtime/store/lmdb_values.h"

#include <array>

namespace troupe {
namespace {

struct Step {
  std::uint32_t from;
  const char* what;
  Status (*run)(MDB_txn* txn);
};

// Longer values stay whole, and are read so, until they are written again.
Status add_parts(MDB_txn* txn) {
  MDB_dbi handle = 0;
  const int code = mdb_dbi_open(txn, tables::parts.name, MDB_CREATE, &handle);
  if (code != 0) return lmdb_error("create the table parts", code);
  return Done{};
}

constexpr std::array steps = {
    Step{1, "the table `parts` is made, for values over 16,000 bytes; rows stay as they are",
         add_parts},
};
static_assert(steps.back().from + 1 == format_version);

}  // namespace

Status upgrade_data(MDB_txn* txn, std::uint32_t format, const ReportUpgrade& report) {
  TROUPE_EXPECTS(format <= format_version);
  for (const Step& step : steps) {
    if (step.from != format) continue;
    if (auto done = step.run(txn); !done.ok()) return done;
    report(format, step.what);
    format += 1;
  }
  if (format != format_version) {
    return Error{Errc::corrupt, "data of version " + std::to_string(format) + " never existed"};
  }
  return Done{};
}

}  // namespace troupe
