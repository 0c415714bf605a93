#include "apps/troupe/server/realm.h"

#include "actors/auth/queries.h"
#include "runtime/process/log.h"
#include "runtime/rpc/errors.h"

#include <utility>

namespace troupe::server {
namespace {

// Of clients that are remembered.
constexpr GenerationLimits clients_max{.count_max = 5'000, .bytes_max = 32U << 20U};
// Of those that a refusal names and counts (runtime/api/call.cpp).
constexpr std::size_t known_roles_max = 50;

ScopeSet expanded(SharedExpander& expander, const ScopeSet& scopes) {
  auto all = expander.expand(scopes);
  if (!all.ok()) throw_error(all.error());
  return std::move(all).value();
}

std::vector<Role> plain(const std::vector<auth::RoleState>& states) {
  std::vector<Role> roles;
  roles.reserve(states.size());
  for (const auto& state : states) roles.push_back({state.role_id, state.scopes});
  return roles;
}

std::size_t bytes_of(const hawk::Client& client) {
  return sizeof client + client.scopes.memory_bytes() + client.with_anonymous.set.memory_bytes();
}

}  // namespace

Realm::Realm(Host& host, RealmHooks hooks)
    : host_(host), hooks_(std::move(hooks)), clients_(clients_max) {}

// Roles change seldom and are used all the time.
SharedExpander& Realm::refreshed(const Snapshot& snapshot) const {
  const auto version = auth::roles_version(snapshot);
  // Threads hold snapshots of different ages: what is newer stays.
  if (version <= roles_version_) return expander_;
  const std::lock_guard lock(roles_mutex_);
  if (version <= roles_version_) return expander_;  // another thread was first
  bool more = false;
  auto set = RoleSet::of(plain(auth::list_roles(snapshot, {}, more)));
  if (!set.ok()) {
    // Never seen: the actor of all roles lets no such set pass.
    log_event(LogLevel::error, "roles_invalid", {{"detail", set.error().detail}});
    throw_error({Errc::corrupt, set.error().detail});
  }
  expander_.replace(std::move(set).value());
  roles_version_ = version;
  return expander_;
}

std::shared_ptr<const hawk::Client> Realm::build(const Snapshot& snapshot,
                                                 std::string_view id) const {
  const auto state = auth::find_client(snapshot, id);
  if (!state) return nullptr;
  auto token = hooks_.open(state->client_id, state->access_token);
  if (!token) {
    log_event(LogLevel::error, "token_not_opened", {{"client", state->client_id}});
    return nullptr;
  }
  auto& expander = refreshed(snapshot);
  auto client = std::make_shared<hawk::Client>();
  client->access_token = std::move(*token);
  client->scopes = expanded(expander, ScopeSet::of(state->scopes));
  auto with_everybodys = state->scopes;
  with_everybodys.emplace_back(hawk::anonymous_scope);
  client->with_anonymous = {expanded(expander, ScopeSet::of(with_everybodys)), nullptr};
  client->expires = state->expires;
  client->disabled = state->disabled;
  return client;
}

Realm::Entry Realm::remembered(const std::string& id) const {
  const std::lock_guard lock(clients_mutex_);
  const Entry* entry = clients_.find(id);
  return entry == nullptr ? Entry{} : *entry;
}

// Several may have built the same client: what is of a newer snapshot stays.
void Realm::remember(const std::string& id, const Entry& entry) const {
  const std::lock_guard lock(clients_mutex_);
  const Entry* known = clients_.find(id);
  if (known != nullptr &&
      (known->version > entry.version || known->roles_version > entry.roles_version)) {
    return;
  }
  clients_.keep(id, entry, bytes_of(*entry.client));
}

std::shared_ptr<const hawk::Client> Realm::find(std::string_view client_id) const {
  const auto snapshot = host_.snapshot();
  const auto use = auth::client_use(*snapshot, client_id);
  if (!use) return nullptr;
  const std::string id(client_id);
  const auto roles = auth::roles_version(*snapshot);
  Entry entry = remembered(id);
  bool is_news = false;
  if (entry.client == nullptr || entry.version != use->version || entry.roles_version != roles) {
    entry = {use->version, roles, build(*snapshot, client_id)};
    if (entry.client == nullptr) return nullptr;
    is_news = true;
  }
  if (entry.passed_on != use->last_date_used && hooks_.used(id, use->last_date_used)) {
    entry.passed_on = use->last_date_used;
    is_news = true;
  }
  if (is_news) remember(id, entry);
  return entry.client;
}

hawk::HeldScopes Realm::expand(std::vector<std::string> scopes) const {
  return {expansion(scopes), nullptr};
}

ScopeSet Realm::expansion(const std::vector<std::string>& scopes) const {
  const auto snapshot = host_.snapshot();
  return expanded(refreshed(*snapshot), ScopeSet::of(scopes));
}

std::vector<std::string> Realm::roles_granting(std::string_view scope) const {
  const auto snapshot = host_.snapshot();
  return refreshed(*snapshot).roles().roles_granting(scope, known_roles_max);
}

}  // namespace troupe::server
