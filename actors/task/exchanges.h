// The kinds of messages that the queue publishes about tasks and their groups, for the references.
// Source: spec/events.md, sections 2 and 3.
#pragma once

#include "runtime/api/exchanges.h"

namespace troupe::task {

api::ServiceExchanges exchanges();

}  // namespace troupe::task
