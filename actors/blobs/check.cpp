#include "actors/blobs/check.h"

#include "actors/blobs/state.h"
#include "actors/check.h"
#include "actors/kinds.h"
#include "actors/lookup.h"
#include "actors/task/codec.h"
#include "runtime/base/data.h"
#include "schema/store/objects.capnp.h"
#include "schema/store/rows.capnp.h"

namespace troupe::blobs {
namespace {

enum Sets : std::size_t { references, garbage };

ActorId id_of(const User& user) {
  return user.task_id.empty() ? object_id(user.name) : task_id(user.task_id);
}

bool same(const User& a, const User& b) {
  return a.sha256 == b.sha256 && a.task_id == b.task_id && a.run == b.run && a.name == b.name;
}

// Whether its row names the blob.
bool uses_blob(const CheckView& view, const User& user) {
  const Located owner = view.locate(id_of(user));
  const auto names = [&user](capnp::Data::Reader hash) { return user.sha256 == str(hash); };
  if (user.task_id.empty()) {
    const auto row = view.row(owner, tables::object_state);
    return row && names(Stored<schema::ObjectRow>(*row).get().getSha256());
  }
  const auto key = task::artifact_key(user.run, user.name);
  const auto row = view.row(owner, tables::task_artifacts, key);
  return row && names(Stored<schema::ArtifactRow>(*row).get().getSha256());
}

void check_reference(const CheckView& view,
                     const ActorId& self,
                     std::string_view key,
                     WordSpan words) {
  decode_whole<schema::BlobReferenceRow>(words);
  const User user = read_user(Stored<schema::BlobReferenceRow>(words).get().getUser());
  const std::string where = "blobs/" + self.key + " reference of " + id_of(user).key;
  const bool right = user.sha256.size() == Sha256{}.size() && key == reference_key(user) &&
                     collector_of(user.sha256) == self;
  view.findings().expect(right, where, "the row's key is of another reference");
  if (!right || uses_blob(view, user)) return;
  const bool leaving = view.any_message(id_of(user), self, [&user](WordSpan body, auto) {
    Stored<schema::BlobMessage> stored(body);
    const auto m = stored.get();
    return m.isUnreference() && same(read_user(m.getUnreference()), user);
  });
  view.findings().expect(leaving, where, "its row does not name the blob");
}

void check_garbage(const CheckView& view,
                   const Located& at,
                   const std::string& where,
                   std::string_view key,
                   WordSpan words) {
  decode_whole<schema::BlobGarbageRow>(words);
  if (key.size() != Sha256{}.size()) {
    view.findings().add(where, "a key of garbage is no blob's");
    return;
  }
  bool used = false;
  scan_own(*at.snapshot, tables::blob_references, at.number, key, "",
           [&used](std::string_view, WordSpan) {
             used = true;
             return false;
           });
  view.findings().expect(!used, where, "B1: a blob that is in use is garbage");
}

}  // namespace

CheckedKind checked_kind() {
  return {kinds::blobs,
          "blobs",
          tables::blobs_state,
          {tables::blob_references, tables::blob_garbage},
          [](WordSpan row) { return str(Stored<schema::CollectorRow>(row).get().getCollector()); },
          decode_whole<schema::BlobMessage>};
}

void check(const CheckView& view) {
  const CheckedKind kind = checked_kind();
  for (const Snapshot* shard : view.shards()) {
    ActorRows rows(*shard, kind, view.findings());
    rows.each([&](std::uint64_t number, WordSpan row) {
      const std::string where = "blobs_state row " + std::to_string(number);
      view.findings().guard(where, [&] {
        const ActorId self{kinds::blobs, kind.key_of(row)};
        rows.rows(references, [&](auto key, auto words) {
          view.findings().guard(where, [&] { check_reference(view, self, key, words); });
        });
        rows.rows(garbage, [&](auto key, auto words) {
          const std::string mine = "blobs/" + self.key;
          view.findings().guard(mine, [&] {
            check_garbage(view, {shard, number}, mine, key, words);
          });
        });
      });
    });
  }
}

bool is_known(const CheckView& view, const User& user) {
  const ActorId collector = collector_of(user.sha256);
  const auto row = view.row(view.locate(collector), tables::blob_references, reference_key(user));
  if (row) return true;
  return view.any_message(id_of(user), collector, [&user](WordSpan body, auto) {
    Stored<schema::BlobMessage> stored(body);
    const auto m = stored.get();
    return m.isReference() && same(read_user(m.getReference()), user);
  });
}

}  // namespace troupe::blobs
