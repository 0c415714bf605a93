// What can be asked about objects, answered from a snapshot.
#pragma once

#include "actors/lookup.h"
#include "actors/object/state.h"
#include "schema/store/objects.capnp.h"

#include <memory>
#include <optional>
#include <string>

namespace troupe::object {

/// A finished object's row, in place: lives as long as the snapshot.
class ObjectView {
 public:
  explicit ObjectView(WordSpan row) : row_(std::make_unique<Stored<schema::ObjectRow>>(row)) {}
  schema::ObjectRow::Reader row() { return row_->get(); }

 private:
  std::unique_ptr<Stored<schema::ObjectRow>> row_;
};

/// Nothing if there is none, it is not finished, or it has expired.
std::optional<ObjectView> find_object(const Snapshot& snapshot,
                                      const std::string& name,
                                      Instant now);

}  // namespace troupe::object
