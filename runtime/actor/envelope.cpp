#include "runtime/actor/envelope.h"

#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

namespace troupe {
namespace {

void fill(schema::Envelope::Builder row,
          const ActorId& from,
          const ActorId& to,
          std::uint32_t attempts,
          const Bytes& body) {
  row.setToKind(to.kind.value);
  row.setToKey(text(to.key));
  row.setFromKind(from.kind.value);
  row.setFromKey(text(from.key));
  row.setAttempts(attempts);
  row.setBody(as_words(body.words()).asBytes());
}

void fill(schema::Envelope::Builder row, const Delivery& delivery) {
  const Message& message = delivery.message;
  fill(row, message.from, delivery.to, delivery.attempts, message.body);
  if (message.source != Message::Source::timer) return;
  row.setTimer(text(message.timer));
  row.setTimerDue(message.due.ms);
  row.setTimerAttempt(message.attempt);
}

}  // namespace

Bytes encode_envelope(const ActorId& from,
                      const ActorId& to,
                      std::uint32_t attempts,
                      const Bytes& body) {
  capnp::MallocMessageBuilder message;
  fill(message.initRoot<schema::Envelope>(), from, to, attempts, body);
  return to_bytes(message);
}

Bytes encode_envelope(const Delivery& delivery) {
  capnp::MallocMessageBuilder message;
  fill(message.initRoot<schema::Envelope>(), delivery);
  return to_bytes(message);
}

Bytes encode_dead_letter(const Delivery& delivery, const std::string& error, Instant now) {
  capnp::MallocMessageBuilder message;
  auto row = message.initRoot<schema::Envelope>();
  fill(row, delivery);
  row.setError(text(error));
  row.setParked(now.ms);
  return to_bytes(message);
}

Delivery decode_envelope(std::uint64_t number, WordSpan row) {
  Stored<schema::Envelope> stored(row);
  const auto envelope = stored.get();
  Delivery delivery;
  delivery.to = {KindId{envelope.getToKind()}, str(envelope.getToKey())};
  delivery.number = number;
  delivery.attempts = envelope.getAttempts();
  delivery.in_inbox = true;
  delivery.message.source = Message::Source::actor;
  delivery.message.from = {KindId{envelope.getFromKind()}, str(envelope.getFromKey())};
  delivery.message.body = Bytes(as_word_span(envelope.getBody()));
  if (envelope.getTimer().size() > 0) {
    delivery.message.source = Message::Source::timer;
    delivery.message.timer = str(envelope.getTimer());
    delivery.message.due = Instant{envelope.getTimerDue()};
    delivery.message.attempt = envelope.getTimerAttempt();
  }
  return delivery;
}

std::string name_key(const ActorId& id) {
  return KeyWriter().u16(id.kind.value).text(id.key).key();
}

std::uint64_t find_actor_number(const Snapshot& snapshot, const ActorId& id) {
  const auto words = snapshot.get(tables::names.id, name_key(id));
  if (!words) return 0;
  return Stored<schema::NameRow>(*words).get().getNumber();
}

}  // namespace troupe
