// What a command is about to call, held against what its caller may: so that nothing is begun that
// cannot be finished. What each method needs is what the schema says, as for the server.
#pragma once

#include "apps/troupe/cli/reconnect.h"
#include "apps/troupe/cli/run_create.h"
#include "runtime/base/result.h"
#include "runtime/scopes/scope_expression.h"

#include <kj/async.h>

#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {

/// In place of an id that is not known yet: only who may do it with any has the scope for it.
inline constexpr const char* any_id = "*";

/// Calls to come, as what they need.
class Permissions {
 public:
  /// A call with these values of what its scopes are made of. Requires: there is such a method.
  Permissions& call(std::string_view service,
                    std::string_view method,
                    const ScopeParameters& values = {});

  /// What `held` lacks, each once and in words: a scope, or some of those of which one is enough.
  std::vector<std::string> missing(const ScopeSet& held) const;

 private:
  std::vector<ScopeExpression> needed_;
};

/// A missing expression as people read it: `a`, `b` or `c`. Of many only the first; of alternatives
/// those that grant the least.
std::string missing_in_words(const ScopeExpression& missing);

/// What creating these tasks takes, with what creating one by one does; with an upload, also what
/// hands its files over.
void add_creation(Permissions& permissions, const Tasks& tasks, bool upload);

/// Sealing the group of these tasks, which share a scheduler.
void add_sealing(Permissions& permissions, const Tasks& tasks, const std::string& group_id);

struct PermissionsWanted {
  Permissions creating;
  Permissions following;  // what has been created; refused with a hint at --detach
};

/// What there is to say to a client with these scopes: `forbidden`, with all that is missing.
Status judge(const PermissionsWanted& wanted, const ScopeSet& held, const std::string& client_id);

/// Rejected with what `judge` says of the caller's scopes. Whoever may not ask for its own passes:
/// then each call tells.
kj::Promise<void> check_permissions(Reconnector& server, PermissionsWanted wanted);

}  // namespace troupe::cli
