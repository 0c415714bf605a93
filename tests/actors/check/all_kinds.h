// The kinds of actors that a server runs, as tests run them.
#pragma once

#include "actors/auth/audit.h"
#include "actors/auth/client_actor.h"
#include "actors/auth/roles_actor.h"
#include "actors/blobs/collector.h"
#include "actors/subscription/subscription_actor.h"
#include "actors/task/task_actor.h"
#include "actors/task_group/group_actor.h"
#include "actors/task_queue/queue_actor.h"
#include "actors/worker/worker_actor.h"

#include <vector>

namespace troupe::test {

inline std::vector<Kind> all_kinds() {
  return {task::kind({}),       task_group::kind({}), task_queue::kind({}),
          worker::kind({}),     auth::client_kind(),  auth::roles_kind(),
          auth::audit_kind({}), blobs::kind({}),      subscription::kind()};
}

}  // namespace troupe::test
