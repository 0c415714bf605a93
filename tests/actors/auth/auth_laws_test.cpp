// Laws of clients and roles, on random plays of commands against models that are as simple as can
// be.
#include "actors/auth/client_actor.h"
#include "actors/auth/queries.h"
#include "actors/auth/role_set.h"
#include "actors/auth/roles_actor.h"
#include "actors/auth/rules.h"
#include "tests/actors/support/auth_messages.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <map>
#include <set>

namespace troupe::test {
namespace {

using Scopes = std::vector<std::string>;

// Few enough that they meet: roles that name each other, prefixes, parameters.
rc::Gen<std::string> role_id() {
  return rc::gen::element<std::string>("a", "b", "c", "a*", "ab*", "ab", "b*");
}
rc::Gen<Scopes> role_scopes() {
  return rc::gen::container<Scopes>(
      rc::gen::element<std::string>("s", "assume:a", "assume:b", "assume:c*", "assume:ab", "x<..>",
                                    "assume:b<..>", "a*", "t*", "y<..><..>", "z**"));
}

std::vector<Role> list(const std::map<std::string, Scopes>& roles) {
  std::vector<Role> all;
  for (const auto& [id, scopes] : roles) all.push_back({id, scopes});
  return all;
}

// What a command may do to the roles; the set is checked as a whole.
bool allows(std::map<std::string, Scopes> roles, const std::string& id, const Scopes& scopes) {
  roles[id] = scopes;
  return auth::check_scopes(scopes).ok() && check_role_set(list(roles)).ok();
}

TEST_CASE("roles are what the commands that were taken say, restarts or not", "[auth][laws]") {
  rc::prop("roles against a map", [] {
    Cast cast;
    std::map<std::string, Scopes> model;
    std::uint64_t version = 0;
    const int commands = *rc::gen::inRange(1, 40);
    for (int i = 0; i < commands; ++i) {
      const std::string id = *role_id();
      const Scopes scopes = *role_scopes();
      const int kind = *rc::gen::inRange(0, 4);
      const bool exists = model.contains(id);
      if (kind == 0) {
        RC_ASSERT(cast.ask(roles_id(), delete_role(id)).ok());
        model.erase(id);
      } else if (kind == 1) {
        const bool taken = cast.ask(roles_id(), update_role(version, {id, scopes})).ok();
        RC_ASSERT(taken == (exists && allows(model, id, scopes)));
        if (taken) model[id] = scopes;
      } else if (kind == 2) {
        cast.restart();
      } else if (!exists) {
        const bool taken = cast.ask(roles_id(), create_role({id, scopes})).ok();
        RC_ASSERT(taken == allows(model, id, scopes));
        if (taken)
          model[id] = role_in(cast.ask(roles_id(), create_role({id, scopes})).value()).scopes;
      }
      const auto now = auth::roles_version(cast.snapshot());
      RC_ASSERT(now >= version);  // R5
      version = now;
    }
    bool more = false;
    std::map<std::string, Scopes> stored;
    for (const auto& role : auth::list_roles(cast.snapshot(), {}, more)) {
      stored[role.role_id] = role.scopes;
      RC_ASSERT(role.version <= version);
    }
    RC_ASSERT(stored == model);
    RC_ASSERT(cast.faults.empty());
  });
}

Bytes any_command(std::uint64_t version) {
  NewClient with;
  with.scopes = *rc::gen::element(Scopes{}, Scopes{"a"}, Scopes{"a", "b"});
  with.expires = start + *rc::gen::inRange(-2, 5) * hour;
  with.delete_on_expiration = *rc::gen::arbitrary<bool>();
  switch (*rc::gen::inRange(0, 8)) {
    case 0: return create_client(with);
    case 1: return update_client(version, with);
    case 2: return enable_client();
    case 3: return disable_client();
    case 4: return reset_token("t" + std::to_string(*rc::gen::inRange(0, 3)));
    case 5: return delete_client();
    case 6: return reseal_client(version, "r");
    default: return touch_client();
  }
}

TEST_CASE("whatever is asked of a client, its rows, timer and versions agree", "[auth][laws]") {
  rc::prop("C1 and C2", [] {
    Cast cast;
    const ActorId id = client_id("c");
    std::map<std::uint64_t, auth::ClientState> seen;  // by version, but for uses
    const int commands = *rc::gen::inRange(1, 40);
    std::uint64_t version = 0;
    for (int i = 0; i < commands; ++i) {
      (void)cast.ask(id, any_command(version));
      if (*rc::gen::inRange(0, 4) == 0) cast.restart();
      cast.advance(*rc::gen::inRange(0, 100) * minute);
      auto found = auth::find_client(cast.snapshot(), "c");
      const bool leaves = found && found->delete_on_expiration;
      RC_ASSERT(cast.timers(id).contains(auth::expire_timer) == leaves);  // C1
      if (!found) {
        RC_ASSERT(cast.rows(id).empty());
        continue;
      }
      if (leaves) {
        RC_ASSERT(cast.timers(id).at(auth::expire_timer).due == auth::expiry_due(*found));
        RC_ASSERT(cast.now < auth::expiry_due(*found));
      }
      version = found->version;
      RC_ASSERT(auth::decode_client(auth::encode_client(*found).words()) == *found);
      found->last_date_used = {};
      const auto [before, fresh] = seen.try_emplace(version, *found);
      RC_ASSERT(fresh || before->second == *found);  // C2
    }
    RC_ASSERT(cast.faults.empty());
  });
}

}  // namespace
}  // namespace troupe::test
