#include "actors/check.h"

#include "actors/auth/check.h"
#include "actors/blobs/check.h"
#include "actors/object/object_check.h"
#include "actors/subscription/check.h"
#include "actors/task/check.h"
#include "actors/task_group/check.h"
#include "actors/task_queue/check.h"
#include "actors/worker/check.h"

#include <utility>

namespace troupe {

namespace {

std::vector<CheckedKind> checked_kinds() {
  std::vector<CheckedKind> kinds{task::checked_kind(),        task_group::checked_kind(),
                                 task_queue::checked_kind(),  worker::checked_kind(),
                                 object::checked_kind(),      blobs::checked_kind(),
                                 subscription::checked_kind()};
  for (auto& kind : auth::checked_kinds()) kinds.push_back(std::move(kind));
  return kinds;
}

}  // namespace

std::vector<TableSpec> stored_tables() {
  std::vector<TableSpec> tables;
  for (const auto& kind : checked_kinds()) {
    tables.push_back(kind.state);
    tables.insert(tables.end(), kind.sets.begin(), kind.sets.end());
  }
  return tables;
}

void check_store(const CheckView& view, const BlobVisitor& visit_blob) {
  check_runtime(view, checked_kinds());
  task::check(view, visit_blob);
  task_group::check(view);
  task_queue::check(view);
  worker::check(view);
  auth::check(view);
  object::check(view, visit_blob);
  blobs::check(view);
  subscription::check(view);
}

}  // namespace troupe
