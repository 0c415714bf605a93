// From the name of a task or group to its id, with the server's help where it takes some.
#pragma once

#include "apps/troupe/client/client.h"
#include "runtime/base/result.h"

#include <kj/async-io.h>

#include <string>
#include <string_view>

namespace troupe::cli {

class Session;

/// The id of the task that `name` means (see names.h). If the last thing made was a group, `last`
/// is the task that says most of it: the first that failed, else the last that ended, else the
/// first that runs.
///
/// Errors: `invalid` not a name; `not_found` nothing has it; `conflict` several have it, the text
/// lists them. A refused call is thrown as a kj::Exception. Cost: none for a whole id; one call for
/// a prefix; the group's pages for `GROUP/NAME`, and for `last` after a group.
Result<std::string> resolve_task(Session& session, std::string_view name);

/// The same for a group.
Result<std::string> resolve_group(Session& session, std::string_view name);

/// The same for a command that has no session: a whole id costs nothing, any other name a
/// connection.
Result<std::string> resolve_task(kj::AsyncIoContext& io,
                                 const client::Target& target,
                                 std::string_view name);
Result<std::string> resolve_group(kj::AsyncIoContext& io,
                                  const client::Target& target,
                                  std::string_view name);

/// What `explain` may be asked about: a task, a group, a queue (`prov/type`) or a worker
/// (`prov/type/group/id`, or `group/id` as lists show it), in the server's form.
Result<std::string> resolve_subject(Session& session, std::string_view subject);

/// A worker's whole name, PROVISIONER/TYPE/GROUP/ID, from that, from GROUP/ID as lists show it or
/// from its ID alone. A whole name is not looked up. Errors: `not_found`, with the nearest that
/// there is; `conflict` if several are called so.
Result<std::string> resolve_worker(Session& session, std::string_view name);

}  // namespace troupe::cli
