#include "actors/auth/client_actor.h"
#include "actors/auth/codec.h"
#include "actors/auth/rules.h"
#include "schema/store/auth.capnp.h"

namespace troupe::auth {
namespace {

// Rows of older versions lack these.
Instant or_created(std::int64_t ms, Instant created) {
  return ms == 0 ? created : Instant{ms};
}

}  // namespace

Bytes encode_client(const ClientState& state) {
  return build<schema::ClientRow>([&state](schema::ClientRow::Builder row) {
    row.setClientId(text(state.client_id));
    row.setPool(text(state.pool));
    row.setAccessToken(data_of(state.access_token));
    row.setCreated(state.created.ms);
    row.setExpires(state.expires.ms);
    row.setDisabled(state.disabled);
    row.setDescription(text(state.description));
    fill_texts(state.scopes, row.initScopes(static_cast<unsigned>(state.scopes.size())));
    row.setDeleteOnExpiration(state.delete_on_expiration);
    row.setLastModified(state.last_modified.ms);
    row.setLastRotated(state.last_rotated.ms);
    row.setLastDateUsed(state.last_date_used.ms);
    row.setVersion(state.version);
  });
}

ClientState decode_client(WordSpan words) {
  Stored<schema::ClientRow> stored(words);
  const auto row = stored.get();
  ClientState state;
  state.exists = true;
  state.client_id = str(row.getClientId());
  state.pool = str(row.getPool());
  state.access_token = data(row.getAccessToken());
  state.created = Instant{row.getCreated()};
  state.expires = Instant{row.getExpires()};
  state.disabled = row.getDisabled();
  state.description = str(row.getDescription());
  state.scopes = texts(row.getScopes());
  if (state.scopes.empty() && !state.pool.empty()) state.scopes = worker_scopes(state.pool);
  state.delete_on_expiration = row.getDeleteOnExpiration();
  state.last_modified = or_created(row.getLastModified(), state.created);
  state.last_rotated = or_created(row.getLastRotated(), state.created);
  state.last_date_used = or_created(row.getLastDateUsed(), state.created);
  state.version = row.getVersion();
  return state;
}

}  // namespace troupe::auth
