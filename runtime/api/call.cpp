#include "runtime/api/call.h"

#include "runtime/rpc/errors.h"

#include <algorithm>
#include <set>
#include <utility>

namespace troupe::api {
namespace {

constexpr std::size_t roles_named_max = 5;
constexpr std::size_t roles_counted_max = 50;  // of more there may be others still
constexpr std::size_t scopes_looked_at_max = 20;

void add_scopes(const ScopeExpression& expression, std::vector<std::string>& out) {
  if (expression.kind == ScopeExpression::Kind::scope) out.push_back(expression.scope);
  for (const auto& part : expression.parts) add_scopes(part, out);
}

// One line, or nothing where no role helps.
std::string advice(Caller& caller, const ScopeExpression& missing) {
  std::vector<std::string> scopes;
  add_scopes(missing, scopes);
  std::set<std::string> known;
  std::string roles;
  // Of a long list the first will do.
  scopes.resize(std::min(scopes.size(), scopes_looked_at_max));
  for (const auto& scope : scopes) {
    for (const auto& role : caller.roles_granting(scope)) {
      if (!known.insert(role).second || known.size() > roles_named_max) continue;
      roles += (roles.empty() ? "`" : ", `") + role + "`";
    }
  }
  if (roles.empty()) return {};
  if (known.size() > roles_named_max) {
    const char* const more = known.size() < roles_counted_max ? " and " : " and at least ";
    roles += more + std::to_string(known.size() - roles_named_max) + " more";
  }
  return "\n\nRoles that grant some of what is missing: " + roles + ".";
}

// Of more than this nobody reads the end.
constexpr std::size_t shown_bytes_max = 64U << 10U;

std::string block(std::string text) {
  if (text.size() > shown_bytes_max) {
    text.resize(shown_bytes_max);
    text += "\n... and more";
  }
  return "\n\n```\n" + text + "\n```";
}

// The words are those that clients know. Source: spec/api-framework.md, "Insufficient scopes".
std::string refusal(const ScopeExpression& needed,
                    const Credentials& credentials,
                    Caller* advisor) {
  if (credentials.anonymous) {
    return "This request requires Taskcluster credentials that satisfy the following scope "
           "expression:" +
           block(needed.text());
  }
  const auto missing = needed.missing(credentials.scopes).value_or(needed);
  return "Client ID " + credentials.client_id +
         " does not have sufficient scopes and is missing the following scopes:" +
         block(missing.text()) +
         "\n\nThis request requires the client to satisfy the following scope expression:" +
         block(needed.text()) + (advisor != nullptr ? advice(*advisor, missing) : "");
}

ScopeSet require(const ScopeExpression& needed, const Credentials& credentials, Caller* advisor) {
  auto used = needed.satisfying(credentials.scopes);
  if (!used) throw_error({Errc::forbidden, refusal(needed, credentials, advisor)});
  return std::move(*used);
}

}  // namespace

const char* to_string(Scheme scheme) {
  switch (scheme) {
    case Scheme::none: return "none";
    case Scheme::hawk: return "hawk";
    case Scheme::bewit: return "bewit";
    case Scheme::rpc: return "rpc";
  }
  return "";
}

void Call::authorize(const ScopeParameters& values) {
  TROUPE_EXPECTS(method_.scopes.has_value());
  authorize(*method_.scopes, values);
}

void Call::authorize(const ScopeTemplate& needs, const ScopeParameters& values) {
  auto rendered = needs.render(values);
  if (!rendered.ok()) throw_error(rendered.error());
  const auto& needed = rendered.value();
  if (needed) used_ = union_of(used_, require(*needed, credentials(), &caller_));
  authorized_ = true;
}

ScopeSet require_scopes(const ScopeExpression& needed, const Credentials& credentials) {
  return require(needed, credentials, nullptr);
}

kj::Promise<void> serve_call(Call& call, const Serve& serve, AnyContext context) {
  auto server = serve(call);
  auto& method = call.method();
  auto done = kj::evalNow([&] {
    return server->dispatchCall(method.interface_id, method.id, context).promise.then([&call] {
      if (call.is_authorized()) return;
      throw_error({Errc::internal, call.method().service + "." + call.method().name +
                                       " answered without having been authorised"});
    });
  });
  return done.attach(kj::mv(server));
}

}  // namespace troupe::api
