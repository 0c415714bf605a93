#include "apps/troupe/server/static_clients.h"

#include "actors/auth/queries.h"
#include "actors/auth/rules.h"
#include "apps/troupe/server/call.h"
#include "runtime/base/random.h"
#include "runtime/process/log.h"
#include "runtime/scopes/scope_set.h"
#include "runtime/transcode/json.h"
#include "schema/api/static_clients.capnp.h"
#include "schema/store/auth.capnp.h"

#include <capnp/message.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

namespace troupe::server {
namespace {

constexpr const char* own_prefix = "static/taskcluster/";
constexpr const char* own_description = "A part of this deployment.";

using Scopes = std::vector<std::string>;

Scopes login_scopes() {
  Scopes scopes = {"assume:github-org-admin:*", "assume:github-team:*", "assume:login-identity:*",
                   "assume:mozilla-group:*", "assume:mozillians-group:*"};
  for (const char* action : {"create-client", "delete-client", "disable-client", "enable-client",
                             "reset-access-token", "update-client"}) {
    for (const char* names : {"github/*", "mozilla-auth0/*"}) {
      scopes.push_back(std::string("auth:") + action + ":" + names);
    }
  }
  return scopes;
}

// The platform's own parts. Source: spec/auth.md, section 3.
std::vector<StaticClient> own_clients() {
  const std::vector<std::pair<const char*, Scopes>> parts = {
      {"root", {"*"}},
      {"queue", {"*"}},
      {"built-in-workers", {"queue:claim-work:built-in/*", "queue:worker-id:built-in/*"}},
      {"github",
       {"assume:repo:github.com/*", "assume:scheduler-id:taskcluster-github/*",
        "auth:expand-scopes", "hooks:trigger-hook:*",
        "queue:cancel-task-group:taskcluster-github/*",
        "queue:get-artifact:public/github/customCheckRunAnnotations.json",
        "queue:get-artifact:public/github/customCheckRunText.md",
        "queue:get-artifact:public/logs/live_backing.log", "queue:list-artifacts:*",
        "queue:list-task-group:*", "queue:route:checks", "queue:route:statuses",
        "queue:scheduler-id:taskcluster-github", "queue:seal-task-group:taskcluster-github/*"}},
      {"hooks", {"assume:hook-id:*", "notify:email:*", "queue:create-task:*"}},
      {"index", {"queue:get-artifact:*", "queue:get-task:*"}},
      {"notify", {"queue:get-task:*"}},
      {"object", {}},
      {"purge-cache", {}},
      {"secrets", {}},
      {"web-server", login_scopes()},
      {"worker-manager",
       {"assume:worker-id:*", "assume:worker-pool:*", "assume:worker-type:*",
        "auth:create-client:worker/*", "notify:email:*", "queue:claim-work:*",
        "queue:claimed-count:*", "queue:pending-count:*", "queue:worker-id:*",
        "secrets:get:worker-pool:*", "secrets:get:worker-type:*", "worker-manager:remove-worker:*",
        "worker-manager:reregister-worker:*", "worker-manager:should-worker-terminate:*"}}};
  std::vector<StaticClient> clients;
  for (const auto& [name, scopes] : parts) {
    clients.push_back({own_prefix + std::string(name), Secret(), own_description, scopes});
  }
  return clients;
}

// What a public deployment lets everybody do. Source: spec/auth.md, section 4, and spec/queue.md,
// 9.8, less what is about secrets; and Troupe's own methods that only read.
Scopes public_scopes() {
  return {"auth:current-scopes",
          "auth:expand-scopes",
          "auth:get-client:*",
          "auth:get-role:*",
          "auth:list-clients",
          "auth:list-roles",
          "github:get-badge:*",
          "github:get-repository:*",
          "github:latest-status:*",
          "github:list-builds",
          "hooks:get:*",
          "hooks:list-hooks:*",
          "hooks:list-last-fires:*",
          "hooks:status:*",
          "index:find-task:*",
          "index:list-namespaces:*",
          "index:list-tasks:*",
          "purge-cache:all-purge-requests",
          "purge-cache:purge-requests:*",
          "queue:get-artifact:public/*",
          "queue:get-provisioner:*",
          "queue:get-task:*",
          "queue:get-worker-type:*",
          "queue:get-worker:*",
          "queue:list-artifacts:*",
          "queue:list-dependent-tasks:*",
          "queue:list-provisioners",
          "queue:list-task-group:*",
          "queue:list-task-queues",
          "queue:list-worker-types:*",
          "queue:list-workers:*",
          "queue:pending-count:*",
          "queue:status:*",
          "troupe:events",
          "troupe:explain",
          "troupe:tasks",
          "worker-manager:get-worker-pool:*",
          "worker-manager:get-worker:*",
          "worker-manager:list-providers",
          "worker-manager:list-worker-pool-errors:*",
          "worker-manager:list-worker-pools",
          "worker-manager:list-workers:*",
          "worker-manager:should-worker-terminate:*"};
}

constexpr const char* everybodys_role = "anonymous";
// A worker of Taskcluster asks after its tasks without credentials.
constexpr const char* private_scope = "queue:status:*";

Bytes anonymous_role(bool is_private) {
  const Scopes scopes = is_private ? Scopes{private_scope} : public_scopes();
  return build<schema::RolesMessage>([&](schema::RolesMessage::Builder message) {
    message.setRoleId(everybodys_role);
    message.setBy("static/taskcluster/auth");
    auto create = message.initCreate();
    create.setDescription("Scopes of everybody, with credentials or without.");
    auto out = create.initScopes(static_cast<unsigned>(scopes.size()));
    for (unsigned i = 0; i < out.size(); ++i) out.set(i, text(scopes[i]));
  });
}

// Of a private deployment: says what the role of everybody still lets them read, since nobody but
// an operator may change it after the first start.
void tell_what_everybody_reads(const Site& site) {
  const auto role = auth::find_role(*site.host.snapshot(), everybodys_role);
  if (!role) return;
  const ScopeSet held = ScopeSet::of(role->scopes);
  std::size_t readable = 0;
  const Scopes open = public_scopes();
  for (const auto& scope : open)
    readable += scope != private_scope && held.satisfies(scope) ? 1 : 0;
  if (readable == 0) return;
  // Some of it may well be what an operator wants.
  const bool whole = held.satisfies(ScopeSet::of(open));
  log_event(
      whole ? LogLevel::warning : LogLevel::info, "private_but_readable",
      {{"message",
        "the role anonymous lets everybody read as in a public deployment: --private leaves "
        "it as it was"},
       {"scopes", readable},
       {"to_change", std::string(R"(echo '{"description":"Scopes of everybody","scopes":[")") +
                         private_scope + R"("]}' | troupe --data )" + site.data_dir +
                         " api auth updateRole anonymous --body -"}});
}

// The token to store, sealed; empty if the one that is stored is right.
std::string token_for(Site& site,
                      const StaticClient& wanted,
                      const std::optional<auth::ClientState>& stored) {
  if (stored) {
    const auto present = site.keys.open(stored->access_token, wanted.client_id);
    if (present.ok() && (wanted.access_token.empty() || present.value() == wanted.access_token)) {
      return {};
    }
  }
  if (wanted.access_token.empty()) return site.keys.seal(new_token(), wanted.client_id);
  return site.keys.seal(wanted.access_token.reveal(), wanted.client_id);
}

kj::Promise<void> tell(Site& site, const std::string& id, Bytes message) {
  return ask(site, client_id(id), std::move(message)).ignoreResult();
}

kj::Promise<void> make_client(Site& site, const StaticClient& wanted) {
  const auto stored = auth::find_client(*site.host.snapshot(), wanted.client_id);
  const std::string token = token_for(site, wanted, stored);
  if (stored && token.empty() && stored->scopes == wanted.scopes &&
      stored->description == wanted.description) {
    return kj::READY_NOW;
  }
  return tell(site, wanted.client_id,
              build<schema::ClientMessage>([&](schema::ClientMessage::Builder message) {
                message.setBy("static/taskcluster/auth");
                auto fields = message.initSynchronise();
                fields.setDescription(text(wanted.description));
                fields.setAccessToken(data_of(token));
                auto out = fields.initScopes(static_cast<unsigned>(wanted.scopes.size()));
                for (unsigned i = 0; i < out.size(); ++i) out.set(i, text(wanted.scopes[i]));
              }));
}

kj::Promise<void> make_clients(Site& site, const std::vector<StaticClient>& wanted) {
  std::set<std::string> names;
  kj::Vector<kj::Promise<void>> all;
  for (const auto& client : wanted) {
    names.insert(client.client_id);
    all.add(make_client(site, client));
  }
  std::string next;
  const Page everything{std::numeric_limits<std::size_t>::max(), ""};
  for (const auto& stored :
       auth::list_clients(*site.host.snapshot(), "static/", everything, next)) {
    if (names.contains(stored.client_id)) continue;
    all.add(tell(site, stored.client_id,
                 build<schema::ClientMessage>([](schema::ClientMessage::Builder message) {
                   message.setBy("static/taskcluster/auth");
                   message.setRemoveStatic();
                 })));
  }
  return kj::joinPromises(all.releaseAsArray());
}

// The text of a fault quotes what it found: not where that may be a token with a slip in it.
void hide_tokens(std::vector<FieldError>& faults) {
  for (auto& fault : faults) {
    if (fault.path.ends_with(".accessToken") && fault.message.starts_with('"')) {
      fault.message = "must be a token of 22 to 66 letters, digits, - or _";
    }
  }
}

// What the actors would refuse of the scopes of one client.
void check_scopes(const Scopes& scopes,
                  const std::string& client,
                  std::vector<FieldError>& faults) {
  const std::string field = client + ".scopes";
  if (auto few = auth::check_scope_count(scopes.size()); !few.ok()) {
    faults.push_back({field, few.error().detail});
  }
  for (std::size_t j = 0; j < scopes.size(); ++j) {
    const auto good = auth::check_scope(scopes[j]);
    if (good.ok()) continue;
    faults.push_back({field + "[" + std::to_string(j) + "]", good.error().detail});
  }
}

}  // namespace

Result<std::vector<StaticClient>> read_static_clients(std::string_view json) {
  capnp::MallocMessageBuilder memory;
  auto root = memory.initRoot<schema::StaticClientFile>();
  auto faults = from_json(json, root);
  hide_tokens(faults);
  std::vector<StaticClient> clients;
  std::set<std::string> names;
  for (unsigned i = 0; i < root.getClients().size(); ++i) {
    const auto entry = root.getClients()[i].asReader();
    StaticClient client{str(entry.getClientId()),
                        Secret(view(entry.getAccessToken())),
                        str(entry.getDescription()),
                        {}};
    for (const auto scope : entry.getScopes()) client.scopes.push_back(str(scope));
    const std::string place = "clients[" + std::to_string(i) + "]";
    const std::string where = place + ".clientId";
    if (client.client_id.starts_with(own_prefix) || client.client_id == root_client_name) {
      faults.push_back({where, client.client_id + " is a client of the platform's own"});
    }
    if (!names.insert(client.client_id).second) {
      faults.push_back({where, client.client_id + " is there already"});
    }
    check_scopes(client.scopes, place, faults);
    clients.push_back(std::move(client));
  }
  if (!faults.empty()) return Error{Errc::invalid, describe(faults)};
  return clients;
}

kj::Promise<void> synchronise_static_clients(Site& site,
                                             std::vector<StaticClient> configured,
                                             bool is_private) {
  auto wanted = own_clients();
  std::move(configured.begin(), configured.end(), std::back_inserter(wanted));
  wanted.push_back({site.root_client_id,
                    Secret(site.root_access_token),
                    "The operator, by the credentials that the first start has made.",
                    {"*"}});
  kj::Promise<void> role = kj::READY_NOW;
  // Once, as operators may take it away: before the client whose absence tells the first start.
  if (auth::find_client(*site.host.snapshot(), site.root_client_id)) {
    if (is_private) tell_what_everybody_reads(site);
  } else {
    role = ask(site, roles_id(), anonymous_role(is_private)).ignoreResult();
  }
  return role.then([&site, wanted = std::move(wanted)] { return make_clients(site, wanted); });
}

}  // namespace troupe::server
