#include "apps/troupe/server/auth_service.h"

#include "actors/auth/audit.h"
#include "actors/auth/client_actor.h"
#include "actors/auth/queries.h"
#include "actors/auth/roles_actor.h"
#include "actors/auth/rules.h"
#include "apps/troupe/server/auth_answers.h"
#include "apps/troupe/server/call.h"
#include "apps/troupe/server/caller.h"
#include "apps/troupe/server/log_types.h"
#include "apps/troupe/server/monitor.h"
#include "apps/troupe/server/realm.h"
#include "apps/troupe/server/third_parties.h"
#include "runtime/base/random.h"
#include "schema/api/auth.capnp.h"
#include "schema/store/auth.capnp.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace troupe::server {
namespace {

using kj::Promise;
using kj::READY_NOW;

// A row that changes so often under a decision is fought over.
constexpr int decisions_max = 5;

std::vector<std::string> texts(capnp::List<capnp::Text>::Reader list) {
  std::vector<std::string> all;
  all.reserve(list.size());
  for (const auto item : list) all.push_back(str(item));
  return all;
}

std::vector<std::string> checked_scopes(capnp::List<capnp::Text>::Reader list) {
  take(auth::check_scope_count(list.size()));
  auto scopes = texts(list);
  take(auth::check_scopes(scopes));
  return scopes;
}

[[noreturn]] void no_client() {
  throw_error({Errc::not_found, "Client not found"});
}

// Pages of roles count: their token is the number of those before.
std::string offset_token(std::size_t offset) {
  return write_token(std::to_string(offset));
}

std::size_t read_offset(capnp::Text::Reader token) {
  if (token.size() == 0) return 0;
  const std::string digits = read_page(0, view(token)).after;
  std::size_t offset = 0;
  const char* end = digits.data() + digits.size();
  const bool good = !digits.empty() && std::from_chars(digits.data(), end, offset) ==
                                           std::from_chars_result{end, std::errc{}};
  if (!good) throw_error({Errc::invalid, "Invalid continuationToken"});
  return offset;
}

// Of other lists: only what can never be a token is refused.
Page checked_page(std::uint32_t limit, capnp::Text::Reader token) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  if (!std::all_of(token.begin(), token.end(), allowed)) {
    throw_error({Errc::invalid, "Invalid continuation token"});
  }
  return read_page(limit, view(token));
}

// A line in the log for each change, beside the entry that its actor makes in the audit history.
void log_change(const char* entity,
                const std::string& id,
                const char* action,
                const std::string& client) {
  log_typed("audit_event", {{"service", "auth"},
                            {"entity", entity},
                            {"entity_id", id},
                            {"client", client},
                            {"action", action}});
}

class AuthService final : public schema::Auth::Server, public Monitor {
 public:
  AuthService(Site& site, api::Call& call) : Monitor(site), site_(site), call_(call) {}

  // Clients.
  Promise<void> listClients(ListClientsContext context) override {
    const auto params = context.getParams();
    const auto page = checked_page(params.getLimit(), params.getContinuationToken());
    std::string next;
    const auto found =
        auth::list_clients(*site_.host.snapshot(), view(params.getPrefix()), page, next);
    auto results = context.getResults();
    auto out = results.initClients(static_cast<unsigned>(found.size()));
    for (unsigned i = 0; i < out.size(); ++i) fill_client(site_, found[i], out[i]);
    if (!next.empty()) results.setContinuationToken(text(next));
    return READY_NOW;
  }
  Promise<void> client(ClientContext context) override {
    const auto found =
        auth::find_client(*site_.host.snapshot(), view(context.getParams().getClientId()));
    if (!found) no_client();
    fill_client(site_, *found, context.getResults());
    return READY_NOW;
  }
  Promise<void> createClient(CreateClientContext context) override;
  Promise<void> updateClient(UpdateClientContext context) override {
    const auto params = context.getParams();
    check_request(params.getClientId(), params.getPayload());
    return update_client(context, decisions_max);
  }
  Promise<void> enableClient(EnableClientContext context) override {
    return change_client(context, "client enabled", [](auto message) { message.setEnable(); });
  }
  Promise<void> disableClient(DisableClientContext context) override {
    return change_client(context, "client disabled", [](auto message) { message.setDisable(); });
  }
  Promise<void> resetAccessToken(ResetAccessTokenContext context) override {
    const std::string id = str(context.getParams().getClientId());
    const auto sealed = site_.keys.seal(new_token(), id);
    return change_client(context, "access token reset",
                         [&](auto message) { message.setResetAccessToken(data_of(sealed)); });
  }
  Promise<void> deleteClient(DeleteClientContext context) override {
    const std::string id = str(context.getParams().getClientId());
    take(auth::check_not_static(id));
    return tell_client(id, "deleted", [](auto message) { message.setDelete(); })
        .then([this, id](Bytes) { site_.recheck_workers(id); });
  }

  // Roles.
  Promise<void> listRoles(ListRolesContext context) override {
    fill_roles({}, [&](unsigned n) { return context.getResults().initRoles(n); });
    return READY_NOW;
  }
  Promise<void> listRoles2(ListRoles2Context context) override {
    const auto range = read_range(context.getParams());
    auto results = context.getResults();
    if (fill_roles(range, [&](unsigned n) { return results.initRoles(n); })) {
      results.setContinuationToken(text(offset_token(range.offset + range.limit)));
    }
    return READY_NOW;
  }
  Promise<void> listRoleIds(ListRoleIdsContext context) override {
    const auto range = read_range(context.getParams());
    bool more = false;
    const auto found = auth::list_roles(*site_.host.snapshot(), range, more);
    auto results = context.getResults();
    auto out = results.initRoleIds(static_cast<unsigned>(found.size()));
    for (unsigned i = 0; i < out.size(); ++i) out.set(i, text(found[i].role_id));
    if (more) results.setContinuationToken(text(offset_token(range.offset + range.limit)));
    return READY_NOW;
  }
  Promise<void> role(RoleContext context) override {
    const auto found =
        auth::find_role(*site_.host.snapshot(), view(context.getParams().getRoleId()));
    if (!found) throw_error({Errc::not_found, "Role not found"});
    fill_role(site_, *found, context.getResults());
    return READY_NOW;
  }
  Promise<void> createRole(CreateRoleContext context) override;
  Promise<void> updateRole(UpdateRoleContext context) override {
    checked_scopes(context.getParams().getPayload().getScopes());
    return update_role(context, decisions_max);
  }
  Promise<void> deleteRole(DeleteRoleContext context) override {
    return tell_roles(context.getParams().getRoleId(), "deleted",
                      [](auto message) { message.setDelete(); })
        .ignoreResult();
  }

  // Scopes and signatures.
  Promise<void> expandScopes(ExpandScopesContext context) override {
    const auto scopes = context.getParams().getPayload().getScopes();
    take(auth::check_scope_count(scopes.size()));
    fill_scopes(site_.realm.expansion(texts(scopes)),
                [&](unsigned n) { return context.getResults().initScopes(n); });
    return READY_NOW;
  }
  Promise<void> currentScopes(CurrentScopesContext context) override {
    fill_scopes(call_.caller().credentials().scopes,
                [&](unsigned n) { return context.getResults().initScopes(n); });
    return READY_NOW;
  }
  Promise<void> authenticateHawk(AuthenticateHawkContext context) override {
    authenticate(context.getParams().getPayload(), site_, context.getResults());
    return READY_NOW;
  }
  Promise<void> testAuthenticate(TestAuthenticateContext context) override {
    const auto payload = context.getParams().getPayload();
    test_authentication(caller(), texts(payload.getClientScopes()),
                        texts(payload.getRequiredScopes()), context.getResults());
    return READY_NOW;
  }
  Promise<void> testAuthenticateGet(TestAuthenticateGetContext context) override {
    test_authentication(caller(), {"test:*", "auth:create-client:test:*"},
                        {"test:authenticate-get"}, context.getResults());
    return READY_NOW;
  }

  // History.
  Promise<void> getEntityHistory(GetEntityHistoryContext context) override {
    const auto params = context.getParams();
    return list_history(context,
                        auth::entity_log(view(params.getEntityType()), view(params.getEntityId())));
  }
  Promise<void> listAuditHistory(ListAuditHistoryContext context) override {
    return list_history(context, auth::client_log(view(context.getParams().getClientId())));
  }

  // Somebody else's services.
  Promise<void> awsS3Credentials(AwsS3CredentialsContext context) override {
    const auto params = context.getParams();
    ScopeParameters values = level_values(params.getLevel());
    values.text("bucket", str(params.getBucket())).text("prefix", str(params.getPrefix()));
    call_.authorize(values);
    throw_error(
        {Errc::not_found, "No credentials available for bucket " + str(params.getBucket())});
  }
  Promise<void> azureAccounts(AzureAccountsContext context) override {
    context.getResults().initAccounts(0);
    return READY_NOW;
  }
  Promise<void> azureTables(AzureTablesContext context) override {
    no_account(context.getParams().getAccount(), "");
  }
  Promise<void> azureTableSAS(AzureTableSASContext context) override {
    const auto params = context.getParams();
    ScopeParameters values = level_values(params.getLevel());
    values.text("account", str(params.getAccount())).text("table", str(params.getTable()));
    call_.authorize(values);
    no_account(params.getAccount(), "");
  }
  Promise<void> azureContainers(AzureContainersContext context) override {
    no_account(context.getParams().getAccount(), ".");
  }
  Promise<void> azureContainerSAS(AzureContainerSASContext context) override {
    const auto params = context.getParams();
    ScopeParameters values = level_values(params.getLevel());
    values.text("account", str(params.getAccount())).text("container", str(params.getContainer()));
    call_.authorize(values);
    no_account(params.getAccount(), ".");
  }
  Promise<void> sentryDSN(SentryDSNContext) override {
    throw_error({Errc::not_found, "Sentry credentials not found"});
  }
  Promise<void> gcpCredentials(GcpCredentialsContext context) override {
    throw_error(
        {Errc::bad_arguments,
         "The service account " + str(context.getParams().getServiceAccount()) + " isn't allowed"});
  }
  Promise<void> githubRepoToken(GithubRepoTokenContext context) override {
    const auto params = context.getParams();
    call_.authorize(github_values(params));
    throw_error({Errc::not_found,
                 "Application with name `" + str(params.getAppName()) + "` is not configured"});
  }
  Promise<void> websocktunnelToken(WebsocktunnelTokenContext context) override {
    const auto params = context.getParams();
    fill_tunnel_token(site_, str(params.getWstAudience()), str(params.getWstClient()),
                      call_.caller().credentials().client_id, context.getResults());
    return READY_NOW;
  }

 private:
  Caller& caller() { return dynamic_cast<Caller&>(call_.caller()); }
  std::string by() { return call_.caller().credentials().client_id; }

  void check_request(capnp::Text::Reader client_id, schema::ClientRequest::Reader payload) {
    take(auth::check_not_static(view(client_id)));
    checked_scopes(payload.getScopes());
  }

  Promise<Bytes> audited(const char* entity,
                         const std::string& id,
                         const char* action,
                         Promise<Bytes> change) {
    return change.then([client = by(), entity, id, action](Bytes answer) {
      log_change(entity, id, action, client);
      return answer;
    });
  }

  template <class Fill>
  Promise<Bytes> tell_client(const std::string& id, const char* action, Fill&& fill) {
    return audited("client", id, action,
                   ask(site_, client_id(id), build<schema::ClientMessage>([&](auto message) {
                         message.setBy(text(by()));
                         fill(message);
                       })));
  }
  template <class Fill>
  Promise<Bytes> tell_roles(capnp::Text::Reader role_id, const char* action, Fill&& fill) {
    return audited("role", str(role_id), action,
                   ask(site_, roles_id(), build<schema::RolesMessage>([&](auto message) {
                         message.setRoleId(role_id);
                         message.setBy(text(by()));
                         fill(message);
                       })));
  }

  template <class Context, class Fill>
  Promise<void> change_client(Context context, const char* action, Fill&& fill) {
    const std::string id = str(context.getParams().getClientId());
    take(auth::check_not_static(id));
    return tell_client(id, action, std::forward<Fill>(fill))
        .then([this, context](Bytes row) mutable { answer_client(row, context); });
  }
  template <class Context>
  void answer_client(const Bytes& row, Context context) {
    const auto state = auth::decode_client(row.words());
    auto out = context.getResults();
    fill_client(site_, state, out);
    if constexpr (requires { out.setAccessToken(""); }) {
      const Secret token = take(site_.keys.open(state.access_token, state.client_id));
      const auto size = static_cast<unsigned>(token.reveal().size());
      copy_text(token.reveal(), out.initAccessToken(size));
    }
  }

  Promise<void> update_client(UpdateClientContext context, int decisions);
  Promise<void> update_role(UpdateRoleContext context, int decisions);

  template <class Params>
  auth::RoleRange read_range(Params params) {
    const std::size_t offset = read_offset(params.getContinuationToken());
    if (params.getLimit() == 0) return {};
    return {offset, params.getLimit()};
  }
  // Whether others follow.
  template <class Init>
  bool fill_roles(auth::RoleRange range, Init&& init) {
    bool more = false;
    const auto found = auth::list_roles(*site_.host.snapshot(), range, more);
    auto out = init(static_cast<unsigned>(found.size()));
    for (unsigned i = 0; i < out.size(); ++i) fill_role(site_, found[i], out[i]);
    return more;
  }

  template <class Context>
  Promise<void> list_history(Context context, const ActorId& log) {
    const auto params = context.getParams();
    const auto page = checked_page(params.getLimit(), params.getContinuationToken());
    return ask(site_, log, auth::settle_audit()).then([this, context, log, page](Bytes) mutable {
      std::string next;
      const auto entries = auth::list_audit(*site_.host.snapshot(), log, page, next);
      auto results = context.getResults();
      auto out = results.initAuditHistory(static_cast<unsigned>(entries.size()));
      for (unsigned i = 0; i < out.size(); ++i) fill_audit(entries[i], out[i]);
      if (!next.empty()) results.setContinuationToken(text(next));
    });
  }

  [[noreturn]] static void no_account(capnp::Text::Reader account, const char* end) {
    throw_error(
        {Errc::not_found, "Account '" + str(account) + "' not found, can't delegate access" + end});
  }

  Site& site_;
  api::Call& call_;
};

Promise<void> AuthService::createClient(CreateClientContext context) {
  const auto params = context.getParams();
  const auto payload = params.getPayload();
  const std::string id = str(params.getClientId());
  check_request(params.getClientId(), payload);
  ScopeParameters values;
  values.text("clientId", id).list("scopes", texts(payload.getScopes()));
  call_.authorize(values);
  const std::string sealed = site_.keys.seal(new_token(), id);
  return tell_client(id, "created",
                     [&](schema::ClientMessage::Builder message) {
                       auto create = message.initCreate();
                       create.setDescription(payload.getDescription());
                       create.setScopes(payload.getScopes());
                       create.setExpires(payload.getExpires());
                       create.setDeleteOnExpiration(payload.getDeleteOnExpiration());
                       create.setAccessToken(data_of(sealed));
                     })
      .then([this, context](Bytes row) mutable { answer_client(row, context); });
}

Promise<void> AuthService::update_client(UpdateClientContext context, int decisions) {
  const auto params = context.getParams();
  const auto payload = params.getPayload();
  const std::string id = str(params.getClientId());
  const auto present = auth::find_client(*site_.host.snapshot(), id);
  if (!present) no_client();
  // Literally: a scope that another one covers is new all the same.
  auto added = payload.hasScopes() ? texts(payload.getScopes()) : std::vector<std::string>();
  std::erase_if(added, [&](const std::string& scope) {
    return std::find(present->scopes.begin(), present->scopes.end(), scope) !=
           present->scopes.end();
  });
  ScopeParameters values;
  values.text("clientId", id).list("scopesAdded", std::move(added));
  call_.authorize(values);
  const auto fill = [&](schema::ClientMessage::Builder message) {
    message.setBy(text(by()));
    auto update = message.initUpdate();
    update.setVersion(present->version);
    update.setDescription(payload.getDescription());
    update.setReplaceScopes(payload.hasScopes());
    update.setScopes(payload.getScopes());
    update.setExpires(payload.getExpires());
    update.setDeleteOnExpiration(payload.getDeleteOnExpiration());
  };
  return site_.edge.ask(client_id(id), build<schema::ClientMessage>(fill))
      .then([this, context, decisions, client = by()](Result<Bytes> row) mutable -> Promise<void> {
        if (!row.ok() && auth::is_stale(row.error()) && decisions > 1) {
          return update_client(context, decisions - 1);
        }
        const Bytes stored = take(std::move(row));
        const std::string updated = str(context.getParams().getClientId());
        log_change("client", updated, "updated", client);
        site_.recheck_workers(updated);
        answer_client(stored, context);
        return READY_NOW;
      });
}

Promise<void> AuthService::createRole(CreateRoleContext context) {
  const auto params = context.getParams();
  const auto payload = params.getPayload();
  checked_scopes(payload.getScopes());
  ScopeParameters values;
  values.text("roleId", str(params.getRoleId())).list("scopes", texts(payload.getScopes()));
  call_.authorize(values);
  return tell_roles(params.getRoleId(), "created",
                    [&](schema::RolesMessage::Builder message) {
                      auto create = message.initCreate();
                      create.setDescription(payload.getDescription());
                      create.setScopes(payload.getScopes());
                    })
      .then([this, context](Bytes row) mutable {
        fill_role(site_, auth::decode_role(row.words()), context.getResults());
      });
}

Promise<void> AuthService::update_role(UpdateRoleContext context, int decisions) {
  const auto params = context.getParams();
  const auto payload = params.getPayload();
  const std::string id = str(params.getRoleId());
  const auto snapshot = site_.host.snapshot();
  const auto version = auth::roles_version(*snapshot);
  const auto present = auth::find_role(*snapshot, id);
  if (!present) throw_error({Errc::not_found, "Role with roleId '" + id + "' not found"});
  // By what the role comes to: unlike a client's.
  const ScopeSet granted = site_.realm.expansion(present->scopes);
  auto added = texts(payload.getScopes());
  std::erase_if(added, [&](const std::string& scope) { return granted.satisfies(scope); });
  ScopeParameters values;
  values.text("roleId", id).list("scopesAdded", std::move(added));
  call_.authorize(values);
  const auto fill = [&](schema::RolesMessage::Builder message) {
    message.setRoleId(params.getRoleId());
    message.setBy(text(by()));
    auto update = message.initUpdate();
    update.setVersion(version);
    update.setDescription(payload.getDescription());
    update.setScopes(payload.getScopes());
  };
  return site_.edge.ask(roles_id(), build<schema::RolesMessage>(fill))
      .then([this, context, decisions, client = by()](Result<Bytes> row) mutable -> Promise<void> {
        if (!row.ok() && auth::is_stale(row.error()) && decisions > 1) {
          return update_role(context, decisions - 1);
        }
        const Bytes stored = take(std::move(row));
        log_change("role", str(context.getParams().getRoleId()), "updated", client);
        fill_role(site_, auth::decode_role(stored.words()), context.getResults());
        return READY_NOW;
      });
}

}  // namespace

kj::Own<capnp::Capability::Server> serve_auth(Site& site, api::Call& call) {
  return kj::heap<AuthService>(site, call);
}

}  // namespace troupe::server
