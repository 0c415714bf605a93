#include "actors/object/object_actor.h"

#include "actors/blobs/messages.h"
#include "actors/state_row.h"
#include "runtime/base/data.h"
#include "runtime/store/message.h"
#include "schema/store/objects.capnp.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace troupe::object {
namespace {

using M = schema::ObjectMessage;
using Tags = capnp::List<schema::Tag>::Reader;

/// What the row says.
struct Object {
  std::string name;
  std::string project_id;
  std::string upload_id;  // empty: finished
  Instant created;
  Instant expires;
  std::map<std::string, std::string> hashes = {};
  std::string sha256 = {};  // 32 bytes, or none
  std::uint64_t size = 0;
  std::string content_type = {};
  std::string finished_upload_id = {};
};

Object read_row(WordSpan words) {
  Stored<schema::ObjectRow> stored(words);
  const auto row = stored.get();
  Object o{str(row.getName()),        str(row.getProjectId()),
           str(row.getUploadId()),    Instant{row.getCreated()},
           Instant{row.getExpires()}, {},
           str(row.getSha256()),      row.getSize(),
           str(row.getContentType()), str(row.getFinishedUploadId())};
  for (const auto hash : row.getHashes()) o.hashes[str(hash.getKey())] = str(hash.getValue());
  return o;
}

Bytes row_of(const Object& o) {
  return build<schema::ObjectRow>([&o](schema::ObjectRow::Builder row) {
    row.setName(text(o.name));
    row.setProjectId(text(o.project_id));
    row.setUploadId(text(o.upload_id));
    row.setCreated(o.created.ms);
    row.setExpires(o.expires.ms);
    auto hashes = row.initHashes(static_cast<unsigned>(o.hashes.size()));
    unsigned i = 0;
    for (const auto& [algorithm, value] : o.hashes) {
      hashes[i].setKey(text(algorithm));
      hashes[i].setValue(text(value));
      ++i;
    }
    row.setSha256({reinterpret_cast<const kj::byte*>(o.sha256.data()), o.sha256.size()});
    row.setSize(o.size);
    row.setContentType(text(o.content_type));
    row.setFinishedUploadId(text(o.finished_upload_id));
  });
}

// Adds hashes; those that are there stay as they are.
Status add_hashes(Object& o, Tags more) {
  for (const auto hash : more) {
    const auto [at, added] = o.hashes.emplace(str(hash.getKey()), str(hash.getValue()));
    if (!added && at->second != view(hash.getValue())) {
      return Error{Errc::conflict, "Content hash already exists with a different value"};
    }
  }
  return Done{};
}

std::string quoted(const Object& o) {
  return "Object \"" + o.name + "\"";
}

Result<Object> on_create(std::optional<Object> o,
                         M::CreateUpload::Reader m,
                         const Context& context) {
  if (!o) {
    o = Object{.name = context.self.key,
               .project_id = str(m.getProjectId()),
               .upload_id = str(m.getUploadId()),
               .created = context.now,
               .expires = Instant{m.getExpires()}};
  }
  const bool same = o->project_id == view(m.getProjectId()) &&
                    o->upload_id == view(m.getUploadId()) && o->expires.ms == m.getExpires();
  if (!same) return Error{Errc::conflict, "Object already exists"};
  if (auto added = add_hashes(*o, m.getHashes()); !added.ok()) return added.error();
  return std::move(*o);
}

Result<Object> on_store(Object o, M::StoreBlob::Reader m) {
  if (o.upload_id.empty()) return Error{Errc::conflict, quoted(o) + " is finished"};
  if (o.upload_id != view(m.getBlobUploadId())) {
    return Error{Errc::conflict, quoted(o) + " does not have this uploadId"};
  }
  o.sha256 = str(m.getSha256());
  o.size = m.getSize();
  o.content_type = str(m.getContentType());
  return o;
}

// Whether a finished object has all of these hashes.
Status require_hashes(const Object& o, Tags hashes) {
  for (const auto hash : hashes) {
    const std::string algorithm = str(hash.getKey());
    const auto known = o.hashes.find(algorithm);
    if (known == o.hashes.end()) {
      return Error{Errc::conflict,
                   quoted(o) + " is already finished, but without hash algorithm " + algorithm};
    }
    if (known->second != view(hash.getValue())) {
      return Error{
          Errc::conflict,
          quoted(o) + " is already finished, but with a different hash for algorithm " + algorithm};
    }
  }
  return Done{};
}

Result<Object> on_finish(Object o, M::FinishUpload::Reader m) {
  if (o.project_id != view(m.getOfProject())) {
    return Error{Errc::invalid, quoted(o) + " does not have projectId " + str(m.getOfProject())};
  }
  if (o.upload_id.empty()) {
    if (auto held = require_hashes(o, m.getMoreHashes()); !held.ok()) return held.error();
    return o;
  }
  if (o.upload_id != view(m.getFinishedUploadId())) {
    return Error{Errc::conflict,
                 quoted(o) + " does not have uploadId " + str(m.getFinishedUploadId())};
  }
  if (auto added = add_hashes(o, m.getMoreHashes()); !added.ok()) return added.error();
  if (o.sha256.empty()) {
    return Error{Errc::invalid, "the bytes of " + quoted(o) + " are not here: send them first"};
  }
  o.finished_upload_id = std::exchange(o.upload_id, {});
  return o;
}

Result<Object> handle_command(std::optional<Object> o, M::Reader m, const Context& context) {
  if (m.isCreateUpload()) return on_create(std::move(o), m.getCreateUpload(), context);
  if (!o) return Error{Errc::not_found, "Object \"" + context.self.key + "\" not found"};
  if (m.isStoreBlob()) return on_store(std::move(*o), m.getStoreBlob());
  if (m.isFinishUpload()) return on_finish(std::move(*o), m.getFinishUpload());
  return Error{Errc::invalid, "a message that this version does not know"};
}

Instant end_of(const Object& o) {
  return o.upload_id.empty() ? o.expires : o.created + upload_time_max;
}

class ObjectActor final : public DurableActor {
 public:
  explicit ObjectActor(const Rows& rows) : row_(tables::object_state, rows) {
    if (row_.exists()) object_ = read_row(row_.words());
  }

  Result<Effects> handle(const Message& message, const Context& context) override {
    if (message.source == Message::Source::timer) return expire(context);
    Stored<M> stored(message.body);
    auto changed = handle_command(object_, stored.get(), context);
    if (!changed.ok()) return changed.error();
    Effects effects;
    tell_collectors(object_ ? object_->sha256 : "", changed.value().sha256, context, effects);
    Bytes row = row_of(changed.value());
    row_.put(row, effects);
    if (!object_ || end_of(*object_) != end_of(changed.value())) {
      effects.timers.push_back({expire_timer, end_of(changed.value()), 0, false});
    }
    object_ = std::move(changed).value();
    if (message.reply_to) effects.replies.push_back({message.reply_to, std::move(row), false});
    return effects;
  }

  bool is_volatile() const override { return false; }

 private:
  static void tell_collectors(const std::string& before,
                              const std::string& now,
                              const Context& context,
                              Effects& effects) {
    if (before == now) return;
    const std::string& name = context.self.key;
    if (!now.empty()) effects.sends.push_back(blobs::reference({now, "", 0, name}));
    if (!before.empty()) effects.sends.push_back(blobs::unreference({before, "", 0, name}));
  }

  Effects expire(const Context& context) {
    Effects effects;
    if (!object_) return effects;
    if (end_of(*object_) > context.now) {  // it was finished while the timer was on its way
      effects.timers.push_back({expire_timer, end_of(*object_), 0, false});
      return effects;
    }
    tell_collectors(object_->sha256, "", context, effects);
    effects.rows.push_back({tables::object_state.id, "", std::nullopt});
    effects.remove = true;
    row_.forget();
    object_.reset();
    return effects;
  }

  StateRow row_;
  std::optional<Object> object_;
};

}  // namespace

Kind kind() {
  return {kinds::object,
          "object",
          {tables::object_state},
          [](const ActorId&, const Rows& rows) -> std::unique_ptr<DurableActor> {
            return std::make_unique<ObjectActor>(rows);
          }};
}

}  // namespace troupe::object
