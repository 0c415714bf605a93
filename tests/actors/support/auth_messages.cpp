#include "tests/actors/support/auth_messages.h"

#include "actors/auth/client_actor.h"
#include "actors/auth/codec.h"
#include "actors/auth/roles_actor.h"
#include "schema/store/auth.capnp.h"

namespace troupe::test {
namespace {

using auth::data_of;
using auth::fill_texts;
using Client = schema::ClientMessage::Builder;

template <class Fill>
Bytes client_message(const std::string& by, Fill&& fill) {
  return build<schema::ClientMessage>([&](Client m) {
    m.setBy(text(by));
    fill(m);
  });
}

template <class Builder>
void fill_scopes(const std::vector<std::string>& scopes, Builder builder) {
  fill_texts(scopes, builder.initScopes(static_cast<unsigned>(scopes.size())));
}

template <class Builder>
void fill_client(const NewClient& client, Builder builder) {
  builder.setDescription(text(client.description));
  if (client.scopes) fill_scopes(*client.scopes, builder);
  builder.setExpires(client.expires.ms);
  builder.setDeleteOnExpiration(client.delete_on_expiration);
}

template <class Fill>
Bytes role_message(const std::string& id, Fill&& fill) {
  return build<schema::RolesMessage>([&](schema::RolesMessage::Builder m) {
    m.setRoleId(text(id));
    m.setBy(admin);
    fill(m);
  });
}

}  // namespace

Bytes create_client(const NewClient& client) {
  return client_message(client.by, [&](Client m) {
    auto create = m.initCreate();
    fill_client(client, create);
    create.setAccessToken(data_of(client.token));
  });
}

Bytes update_client(std::uint64_t version, const NewClient& client) {
  return client_message(client.by, [&](Client m) {
    auto update = m.initUpdate();
    fill_client(client, update);
    update.setVersion(version);
    update.setReplaceScopes(client.scopes.has_value());
  });
}

Bytes enable_client() {
  return client_message(admin, [](Client m) { m.setEnable(); });
}
Bytes disable_client() {
  return client_message(admin, [](Client m) { m.setDisable(); });
}
Bytes reset_token(const std::string& token) {
  return client_message(admin, [&](Client m) { m.setResetAccessToken(data_of(token)); });
}
Bytes delete_client() {
  return client_message(admin, [](Client m) { m.setDelete(); });
}
Bytes touch_client() {
  return client_message(admin, [](Client m) { m.setTouch(); });
}

Bytes reseal_client(std::uint64_t version, const std::string& token) {
  return client_message(admin, [&](Client m) {
    auto reseal = m.initReseal();
    reseal.setVersion(version);
    reseal.setAccessToken(data_of(token));
  });
}

Bytes synchronise_client(const NewClient& client) {
  return client_message(client.by, [&](Client m) {
    auto synchronise = m.initSynchronise();
    synchronise.setDescription(text(client.description));
    fill_scopes(client.scopes.value_or(std::vector<std::string>{}), synchronise);
    synchronise.setAccessToken(data_of(client.token));
  });
}

Bytes remove_static() {
  return client_message(admin, [](Client m) { m.setRemoveStatic(); });
}

auth::ClientState client_in(const Bytes& answer) {
  return auth::decode_client(answer.words());
}

Bytes create_role(const NewRole& role) {
  return role_message(role.id, [&](schema::RolesMessage::Builder m) {
    auto create = m.initCreate();
    create.setDescription(text(role.description));
    fill_scopes(role.scopes, create);
  });
}

Bytes update_role(std::uint64_t version, const NewRole& role) {
  return role_message(role.id, [&](schema::RolesMessage::Builder m) {
    auto update = m.initUpdate();
    update.setVersion(version);
    update.setDescription(text(role.description));
    fill_scopes(role.scopes, update);
  });
}

Bytes delete_role(const std::string& id) {
  return role_message(id, [](schema::RolesMessage::Builder m) { m.setDelete(); });
}

auth::RoleState role_in(const Bytes& answer) {
  return auth::decode_role(answer.words());
}

}  // namespace troupe::test
