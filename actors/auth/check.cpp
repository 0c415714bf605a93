#include "actors/auth/check.h"

#include "actors/auth/audit_check.h"
#include "actors/auth/client_actor.h"
#include "actors/auth/roles_check.h"
#include "actors/auth/rules.h"
#include "actors/check.h"
#include "actors/kinds.h"
#include "schema/store/auth.capnp.h"

namespace troupe::auth {
namespace {

CheckedKind checked_client() {
  return {kinds::client,
          "client",
          tables::clients,
          {},
          [](WordSpan row) { return str(Stored<schema::ClientRow>(row).get().getClientId()); },
          decode_whole<schema::ClientMessage>};
}

void check_client(const CheckView& view, const Located& at, WordSpan row) {
  decode_whole<schema::ClientRow>(row);
  const ClientState client = decode_client(row);
  const ActorId id = client_id(client.client_id);
  const std::string where = "client/" + client.client_id;
  Findings& findings = view.findings();
  findings.expect(!client.access_token.empty(), where, "has no token");
  findings.expect(check_scopes(client.scopes).ok(), where, "C3: a scope ends with two stars");
  const bool set = view.timer(at, expire_timer).has_value();
  const bool parked = view.any_message(
      {}, id, [](WordSpan, std::string_view timer) { return timer == expire_timer; });
  findings.expect(!set || client.delete_on_expiration, where,
                  "C1: a timer, and the client is to stay");
  findings.expect(set || parked || !client.delete_on_expiration, where,
                  "C1: no timer, and the client is to go away");
}

void check_clients(const CheckView& view) {
  const CheckedKind kind = checked_client();
  for (const Snapshot* shard : view.shards()) {
    ActorRows(*shard, kind, view.findings()).each([&](std::uint64_t number, WordSpan row) {
      view.findings().guard("clients row " + std::to_string(number), [&] {
        check_client(view, {shard, number}, row);
      });
    });
  }
}

}  // namespace

std::vector<CheckedKind> checked_kinds() {
  return {checked_client(), checked_roles(), checked_audit()};
}

void check(const CheckView& view) {
  check_clients(view);
  check_roles(view);
  check_audit(view);
}

}  // namespace troupe::auth
