// From the name of a task or group to its id, with the server's help where it takes some.
#pragma once

#include "apps/troupe/client/client.h"
#include "runtime/base/result.h"

#include <kj/async.h>

#include <string>
#include <string_view>

namespace troupe::cli {

/// The id of the task that `name` means (see names.h).
///
/// Errors: `invalid` not a name; `not_found` nothing has it; `conflict` several have it, the text
/// lists them. A refused call is thrown as a kj::Exception. Cost: none for a whole id; one call for
/// a prefix; the group's pages for `GROUP/NAME`.
Result<std::string> resolve_task(client::Connection& connection,
                                 kj::WaitScope& wait_scope,
                                 std::string_view name);

/// The same for a group.
Result<std::string> resolve_group(client::Connection& connection,
                                  kj::WaitScope& wait_scope,
                                  std::string_view name);

/// What `explain` may be asked about: a task, a group, a queue (`prov/type`) or a worker
/// (`prov/type/group/id`), in the server's form.
Result<std::string> resolve_subject(client::Connection& connection,
                                    kj::WaitScope& wait_scope,
                                    std::string_view subject);

}  // namespace troupe::cli
