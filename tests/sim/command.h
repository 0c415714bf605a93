// What simulated clients and workers say, kept as long as an answer may come.
#pragma once

#include "runtime/actor/effects.h"
#include "tests/actors/support/messages.h"

#include <cstdint>
#include <set>
#include <string>

namespace troupe::sim {

enum class Verb : std::uint8_t {
  create,
  schedule,
  rerun,
  cancel,
  change_priority,
  claim_by_name,
  reclaim,
  resolve,
  put_artifact,
  store_blob,
  finish_artifact,
  seal,
  release,
  cancel_group,
  change_group_priority,
  connect,
  await,
  leave,
  disconnect,
  farewell,
  claim_work,
  stop_waiting,
  declare,
  quarantine,
};

inline constexpr Verb last_verb = Verb::quarantine;

const char* to_text(Verb verb);

struct Command {
  Verb verb = Verb::create;
  ActorId to;
  Bytes body;
  int variant = 0;       // create: which definition
  test::ClaimOf claim;   // of a claim's commands; `run` also for claim_by_name
  test::Report report;   // resolve
  std::string artifact;  // put_artifact, store_blob, finish_artifact: its name
  std::string upload;    // likewise: under which the bytes come; empty: it is no `object`
  std::string sha256;    // store_blob
  bool told = false;     // put_artifact, finish_artifact: others hear that it is there
  test::Priority priority = test::Priority::LOWEST;  // of a change of priority
  int worker = -1;                                   // who said it; none: a client
  bool poller = false;                               // a worker without a connection
  std::uint64_t session = 0;                         // of the worker's commands
  int slots = 0;                                     // await
  Instant until;                                     // declare, quarantine
  bool one_way = false;                              // nobody waits for an answer
  bool honest = true;                                // false: sent to be refused
  // What the model knew when it was sent.
  bool after_creation = false;  // the task's creation was acknowledged
  bool after_seal = false;      // the group was sealed before the first of its kind
  std::set<std::string> known;  // of a group's commands: members then
};

}  // namespace troupe::sim
