#include "actors/message_text.h"

#include "actors/kinds.h"
#include "actors/object/state.h"
#include "runtime/store/message.h"
#include "schema/store/auth.capnp.h"
#include "schema/store/blobs.capnp.h"
#include "schema/store/messages.capnp.h"
#include "schema/store/objects.capnp.h"
#include "schema/store/subscription.capnp.h"

#include <capnp/dynamic.h>
#include <capnp/pretty-print.h>

#include <array>
#include <exception>
#include <functional>

namespace troupe {
namespace {

struct KindText {
  KindId id;
  const char* name = nullptr;
  capnp::StructSchema schema;
};

const std::array<KindText, 10>& all_kinds() {
  static const std::array<KindText, 10> kinds{{
      {kinds::task, "task", capnp::Schema::from<schema::TaskMessage>()},
      {kinds::task_group, "task_group", capnp::Schema::from<schema::TaskGroupMessage>()},
      {kinds::task_queue, "task_queue", capnp::Schema::from<schema::TaskQueueMessage>()},
      {kinds::worker, "worker", capnp::Schema::from<schema::WorkerMessage>()},
      {kinds::client, "client", capnp::Schema::from<schema::ClientMessage>()},
      {kinds::roles, "roles", capnp::Schema::from<schema::RolesMessage>()},
      {kinds::audit, "audit", capnp::Schema::from<schema::AuditMessage>()},
      {kinds::object, "object", capnp::Schema::from<schema::ObjectMessage>()},
      {kinds::blobs, "blobs", capnp::Schema::from<schema::BlobMessage>()},
      {kinds::subscription, "subscription", capnp::Schema::from<schema::SubscriptionMessage>()},
  }};
  return kinds;
}

const KindText* find_kind(KindId id) {
  for (const auto& kind : all_kinds()) {
    if (kind.id == id) return &kind;
  }
  return nullptr;
}

// What `read` makes of the message's body, or why it cannot be read.
std::string from_body(const Delivery& delivery,
                      const std::function<std::string(capnp::DynamicStruct::Reader)>& read) {
  const auto schema = message_schema(delivery.to.kind);
  if (!schema) return "(of a kind that this version does not know)";
  try {
    capnp::FlatArrayMessageReader reader(as_words(delivery.message.body.words()), trusted_reader());
    return read(reader.getRoot<capnp::DynamicStruct>(*schema));
  } catch (const std::exception& e) {
    const std::string why = e.what();
    return "(does not decode: " + why.substr(0, why.find('\n')) + ")";
  }
}

bool is_timer(const Delivery& delivery) {
  return delivery.message.source == Message::Source::timer;
}

}  // namespace

std::vector<KindId> known_kinds() {
  std::vector<KindId> known;
  for (const auto& kind : all_kinds()) known.push_back(kind.id);
  return known;
}

std::string kind_name(KindId kind) {
  const KindText* found = find_kind(kind);
  return found != nullptr ? found->name : "kind " + std::to_string(kind.value);
}

std::string actor_name(const ActorId& id) {
  return id.kind.value == 0 ? std::string() : kind_name(id.kind) + "/" + id.key;
}

std::optional<capnp::StructSchema> message_schema(KindId kind) {
  const KindText* found = find_kind(kind);
  if (found == nullptr) return std::nullopt;
  return found->schema;
}

std::string message_name(const Delivery& delivery) {
  if (is_timer(delivery)) return "timer " + delivery.message.timer;
  return from_body(delivery, [](capnp::DynamicStruct::Reader message) -> std::string {
    KJ_IF_MAYBE (field, message.which()) {
      return field->getProto().getName().cStr();
    }
    return "(of a version that is newer)";
  });
}

std::string message_text(const Delivery& delivery) {
  if (is_timer(delivery)) {
    return "timer " + delivery.message.timer + ", due " + format_time(delivery.message.due) +
           ", attempt " + std::to_string(delivery.message.attempt);
  }
  return from_body(delivery, [](capnp::DynamicStruct::Reader message) -> std::string {
    return capnp::prettyPrint(message).flatten().cStr();
  });
}

}  // namespace troupe
