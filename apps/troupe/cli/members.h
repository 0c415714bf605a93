// The tasks of a group, as the server lists them.
#pragma once

#include "schema/api/queue_types.capnp.h"

#include <functional>
#include <string>

namespace troupe::cli {

class Session;

/// Visits each member of the group, in the order of their ids; asks page by page. A reader lives as
/// long as its visit. A refused call is thrown as a kj::Exception.
void for_each_member(Session& session,
                     const std::string& group_id,
                     const std::function<void(schema::TaskAndStatus::Reader)>& visit);

}  // namespace troupe::cli
