#include "actors/object/object_check.h"

#include "actors/object/state.h"
#include "runtime/base/data.h"
#include "runtime/store/message.h"
#include "schema/store/objects.capnp.h"

namespace troupe::object {
namespace {

void check_object(const CheckView& view,
                  const Located& self,
                  WordSpan words,
                  const BlobVisitor& visit_blob) {
  decode_whole<schema::ObjectRow>(words);
  Stored<schema::ObjectRow> stored(words);
  const auto row = stored.get();
  const std::string where = "object/" + str(row.getName());
  const auto hash = row.getSha256();
  const bool finished = row.getUploadId().size() == 0;
  view.findings().expect(!finished || hash.size() > 0, where, "O1: is finished and has no bytes");
  if (hash.size() > 0) {
    visit_blob({where, str(hash), row.getSize()});
  }
  const ActorId id = object_id(str(row.getName()));
  const bool coming =
      view.any_message({}, id, [](auto, std::string_view timer) { return timer == expire_timer; });
  view.findings().expect(coming || view.timer(self, expire_timer).has_value(), where,
                         "O2: no timer ends it");
}

}  // namespace

CheckedKind checked_kind() {
  return {kinds::object,
          "object",
          tables::object_state,
          {},
          [](WordSpan row) { return str(Stored<schema::ObjectRow>(row).get().getName()); },
          decode_whole<schema::ObjectMessage>};
}

void check(const CheckView& view, const BlobVisitor& visit_blob) {
  const CheckedKind kind = checked_kind();
  for (const Snapshot* shard : view.shards()) {
    ActorRows rows(*shard, kind, view.findings());
    rows.each([&](std::uint64_t number, WordSpan row) {
      view.findings().guard("object_state row " + std::to_string(number), [&] {
        check_object(view, {shard, number}, row, visit_blob);
      });
    });
  }
}

}  // namespace troupe::object
