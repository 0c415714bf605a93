#include "actors/blobs/messages.h"

#include "actors/kinds.h"
#include "runtime/base/assert.h"
#include "runtime/base/hash.h"
#include "runtime/store/message.h"
#include "schema/store/blobs.capnp.h"

namespace troupe::blobs {
namespace {

void fill_user(const User& user, schema::BlobUser::Builder out) {
  out.setSha256({reinterpret_cast<const kj::byte*>(user.sha256.data()), user.sha256.size()});
  out.setTaskId(text(user.task_id));
  out.setRunId(user.run);
  out.setName(text(user.name));
}

}  // namespace

ActorId collector_of(const std::string& sha256) {
  TROUPE_EXPECTS(sha256.size() == Sha256{}.size());
  return {kinds::blobs, to_hex(as_bytes(std::string_view(sha256).substr(0, 1)))};
}

Send reference(const User& user) {
  return {collector_of(user.sha256),
          build<schema::BlobMessage>([&](auto m) { fill_user(user, m.initReference()); })};
}

Send unreference(const User& user) {
  return {collector_of(user.sha256),
          build<schema::BlobMessage>([&](auto m) { fill_user(user, m.initUnreference()); })};
}

std::string reference_key(const User& user) {
  Sha256Stream names;
  names.update(as_bytes(user.task_id + '\0' + std::to_string(user.run) + '\0' + user.name));
  const Sha256 hash = names.finish();
  return user.sha256 + std::string(reinterpret_cast<const char*>(hash.data()), hash.size());
}

}  // namespace troupe::blobs
