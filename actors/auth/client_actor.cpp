#include "actors/auth/client_actor.h"

#include "actors/kinds.h"
#include "actors/lookup.h"
#include "schema/store/messages.capnp.h"
#include "schema/store/rows.capnp.h"

#include <algorithm>

namespace troupe::auth {
namespace {

using M = schema::ClientMessage;

capnp::Data::Reader data_of(const std::string& bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

Bytes encode_row(const ClientState& state) {
  return build<schema::ClientRow>([&state](schema::ClientRow::Builder row) {
    row.setClientId(text(state.client_id));
    row.setPool(text(state.pool));
    row.setAccessToken(data_of(state.access_token));
    row.setCreated(state.created.ms);
    row.setExpires(state.expires.ms);
    row.setRevoked(state.revoked);
  });
}

std::string data(capnp::Data::Reader bytes) {
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}

ClientState decode_row(WordSpan words) {
  Stored<schema::ClientRow> stored(words);
  const auto row = stored.get();
  return {true,
          str(row.getClientId()),
          str(row.getPool()),
          data(row.getAccessToken()),
          Instant{row.getCreated()},
          Instant{row.getExpires()},
          row.getRevoked()};
}

// The caller of a repeat lost the answer: it gets the token that was made then.
Result<Transition> on_create_token(const ClientState& s,
                                   M::CreateToken::Reader m,
                                   const Message& message,
                                   const Context& context) {
  const bool repeat =
      s.exists && !s.revoked && s.pool == view(m.getPool()) && s.expires == Instant{m.getExpires()};
  if (s.exists && !repeat) return Error{Errc::conflict, "client " + s.client_id + " exists"};
  Transition t{s, {}};
  if (!repeat) {
    t.next = {true,
              context.self.key,
              str(m.getPool()),
              data(m.getAccessToken()),
              context.now,
              Instant{m.getExpires()},
              false};
  }
  t.effects.replies.push_back({message.reply_to,
                               build<schema::CreatedToken>([&t](schema::CreatedToken::Builder out) {
                                 out.setAccessToken(data_of(t.next.access_token));
                               }),
                               false});
  return t;
}

class ClientActor final : public DurableActor {
 public:
  explicit ClientActor(const Rows& rows) {
    if (const auto row = rows.get(tables::clients.id, "")) state_ = decode_row(row->words());
  }

  Result<Effects> handle(const Message& message, const Context& context) override {
    auto outcome = transition(state_, message, context);
    if (!outcome.ok()) return outcome.error();
    Transition t = std::move(outcome).value();
    t.effects.rows.push_back({tables::clients.id, "", encode_row(t.next)});
    state_ = std::move(t.next);
    return std::move(t.effects);
  }

 private:
  ClientState state_;
};

}  // namespace

Result<Transition> transition(const ClientState& s,
                              const Message& message,
                              const Context& context) {
  Stored<M> stored(message.body);
  const auto m = stored.get();
  switch (m.which()) {
    case M::CREATE_TOKEN: return on_create_token(s, m.getCreateToken(), message, context);
    case M::REVOKE: {
      if (!s.exists) return Error{Errc::not_found, "no client " + context.self.key};
      Transition t{s, {}};
      t.next.revoked = true;
      t.effects.replies.push_back({message.reply_to, Bytes{}, false});
      return t;
    }
  }
  return Error{Errc::invalid, "a message that this version does not know"};
}

Kind kind() {
  return {kinds::client,
          "client",
          {tables::clients},
          [](const ActorId&, const Rows& rows) -> std::unique_ptr<DurableActor> {
            return std::make_unique<ClientActor>(rows);
          }};
}

std::optional<ClientState> find_client(const Snapshot& snapshot, const std::string& client_id) {
  if (client_id.empty() || client_id.find('\0') != std::string::npos) return std::nullopt;
  const auto number = find_actor_number(snapshot, ActorId{kinds::client, client_id});
  const auto words = own_row(snapshot, tables::clients, number);
  if (!words) return std::nullopt;
  return decode_row(*words);
}

std::vector<ClientState> list_clients(const Snapshot& snapshot) {
  std::vector<ClientState> found;
  snapshot.scan(tables::clients.id, "", [&](std::string_view, WordSpan words) {
    found.push_back(decode_row(words));
    return true;
  });
  return found;
}

}  // namespace troupe::auth
