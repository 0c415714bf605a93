#include "apps/troupe/cli/permissions.h"

#include "apps/troupe/cli/upload_task.h"
#include "apps/troupe/server/creation.h"
#include "apps/troupe/server/services.h"
#include "runtime/base/assert.h"
#include "runtime/rpc/errors.h"
#include "runtime/transcode/json.h"

#include <capnp/message.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace troupe::cli {
namespace {

constexpr std::size_t alternatives_shown = 2;
constexpr std::size_t missing_shown = 20;

const api::Method& method_of(std::string_view service, std::string_view name) {
  const auto& all = server::served_services();
  const auto found = std::find_if(
      all.begin(), all.end(), [service](const auto& one) { return one.service.name == service; });
  TROUPE_EXPECTS(found != all.end());
  const api::Method* method = found->service.find(name);
  TROUPE_EXPECTS(method != nullptr);
  return *method;
}

// Of alternatives the first grants the least; of priorities, which are there from the highest on,
// the last.
bool least_is_last(const ScopeExpression& alternatives) {
  constexpr std::string_view by_priority = "queue:create-task:";
  return alternatives.parts.back().scope.starts_with(by_priority);
}

std::string in_words(const ScopeExpression& expression) {
  if (expression.kind == ScopeExpression::Kind::scope) return "`" + expression.scope + "`";
  const bool any = expression.kind == ScopeExpression::Kind::any_of;
  const std::size_t all = expression.parts.size();
  const std::size_t shown = any ? std::min(all, alternatives_shown) : all;
  std::string text;
  for (std::size_t i = 0; i < shown; ++i) {
    const std::size_t part = any && least_is_last(expression) ? all - 1 - i : i;
    text += (i == 0 ? "" : any ? " or " : " and ") + in_words(expression.parts[part]);
  }
  return text + (shown < all ? " or another" : "");
}

void add_missing(const ScopeExpression& expression, std::vector<std::string>& out) {
  if (expression.kind == ScopeExpression::Kind::all_of) {
    for (const ScopeExpression& part : expression.parts) add_missing(part, out);
    return;
  }
  std::string words = in_words(expression);
  if (std::find(out.begin(), out.end(), words) == out.end()) out.push_back(std::move(words));
}

std::string list(const std::vector<std::string>& missing) {
  const std::size_t shown = std::min(missing.size(), missing_shown);
  std::string text = fmt::format(
      "{}", fmt::join(missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (shown < missing.size()) text += fmt::format(" and {} more", missing.size() - shown);
  return text;
}

// As far as it can be read: the server tells what is wrong with the rest.
schema::TaskDefinition::Reader read(const group_file::ExpandedTask& task,
                                    capnp::MallocMessageBuilder& memory) {
  auto definition = memory.initRoot<schema::TaskDefinition>();
  from_json(task.definition_json, definition);
  return definition;
}

ScopeSet set_of(schema::ScopeList::Reader answer) {
  std::vector<std::string> scopes;
  for (const auto scope : answer.getScopes()) scopes.emplace_back(scope.cStr());
  return ScopeSet::of(scopes);
}

}  // namespace

Permissions& Permissions::call(std::string_view service,
                               std::string_view method,
                               const ScopeParameters& values) {
  const auto& scopes = method_of(service, method).scopes;
  if (!scopes) return *this;
  auto rendered = scopes->render(values);
  TROUPE_EXPECTS(rendered.ok());
  // Tasks of a group mostly need the same.
  if (rendered.value() &&
      std::find(needed_.begin(), needed_.end(), *rendered.value()) == needed_.end()) {
    needed_.push_back(*std::move(rendered).value());
  }
  return *this;
}

std::vector<std::string> Permissions::missing(const ScopeSet& held) const {
  std::vector<std::string> out;
  for (const ScopeExpression& needed : needed_) {
    if (const auto rest = needed.missing(held)) add_missing(*rest, out);
  }
  return out;
}

std::string missing_in_words(const ScopeExpression& missing) {
  std::vector<std::string> out;
  add_missing(missing, out);
  return list(out);
}

void add_creation(Permissions& permissions, const Tasks& tasks, bool upload) {
  for (const group_file::ExpandedTask& task : tasks) {
    capnp::MallocMessageBuilder memory;
    permissions.call("queue", "createTask", server::creation_scopes(read(task, memory)));
  }
  if (!upload) return;
  ScopeParameters values;
  values.text("taskId", any_id).text("taskQueueId", std::string(group_file::upload_queue));
  values.text("workerGroup", upload_worker_group).text("workerId", any_id);
  permissions.call("queue", "status", values).call("worker", "claimTask", values);
}

void add_sealing(Permissions& permissions, const Tasks& tasks, const std::string& group_id) {
  if (tasks.empty()) return;
  capnp::MallocMessageBuilder memory;
  ScopeParameters values;
  values.text("schedulerId", read(tasks.front(), memory).getSchedulerId().cStr());
  permissions.call("queue", "sealTaskGroup", values.text("taskGroupId", group_id));
}

Status judge(const PermissionsWanted& wanted, const ScopeSet& held, const std::string& client_id) {
  const auto creating = wanted.creating.missing(held);
  auto all = creating;
  for (auto& more : wanted.following.missing(held)) {
    if (std::find(all.begin(), all.end(), more) == all.end()) all.push_back(std::move(more));
  }
  if (all.empty()) return Done{};
  const std::string lacks = fmt::format("client {} lacks {}", client_id, list(all));
  if (!creating.empty()) {
    return Error{Errc::forbidden, lacks + ": nothing was created; have the scopes given to it"};
  }
  return Error{Errc::forbidden,
               lacks +
                   ", which following takes: nothing was created; have the scopes given to it, "
                   "or create without following: --detach"};
}

kj::Promise<void> check_permissions(Reconnector& server, PermissionsWanted wanted) {
  const std::string client_id = server.target().client_id;
  return server
      .call([](client::Connection& connection) {
        return connection.auth().currentScopesRequest().send().then(
            [](capnp::Response<schema::ScopeList>&& answer) -> kj::Maybe<ScopeSet> {
              return set_of(answer);
            },
            [](kj::Exception&& exception) -> kj::Maybe<ScopeSet> {
              if (error_from(exception).code == Errc::forbidden) return nullptr;
              kj::throwFatalException(kj::mv(exception));
            });
      })
      .then([wanted = std::move(wanted), client_id](kj::Maybe<ScopeSet>&& held) {
        KJ_IF_MAYBE (scopes, held) {
          if (auto good = judge(wanted, *scopes, client_id); !good) throw_error(good.error());
        }
      });
}

}  // namespace troupe::cli
