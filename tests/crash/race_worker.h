// Workers that race for the tasks of one queue and run nothing: over HTTP with claimWork, over RPC
// with a claim stream, each on connections of its own.
#pragma once

#include "apps/troupe/client/client.h"
#include "tests/crash/race_log.h"

#include <kj/async-io.h>

#include <cstddef>
#include <memory>
#include <string>

namespace troupe::load {

/// How one worker is.
struct Habits {
  std::string name;
  std::size_t tasks = 1;                 // that it takes at once
  kj::Duration pause = 0 * kj::SECONDS;  // before it reports
  std::size_t dies_after = 0;  // so many claims its connection is gone; the next has another name
};

/// The race as a worker knows it. All borrowed.
struct Race {
  kj::AsyncIoContext& io;
  const client::Target& target;
  const std::string& queue;
  RaceLog& log;
};

/// Claims and reports for ever, one life after the other. One over HTTP that is mortal also hangs
/// up, once in each life, behind a request for tasks whose answer it never reads.
kj::Promise<void> race_over_http(const Race& race, Habits habits);
kj::Promise<void> race_over_rpc(const Race& race, Habits habits);

}  // namespace troupe::load
