// Bugs that one test build plants, to prove that the simulation finds them. In every other build
// `planted` is constant false and leaves nothing behind.
#pragma once

namespace troupe {

enum class Bug {
  none,
  reply_before_sync,      // an answer leaves before its batch is on disk
  repeat_before_first,    // an answer without rows does not wait for what came before it
  keep_inbox_row,         // a handled message stays in the inbox
  forget_timer,           // a timer is set in memory only
  no_fencing,             // a report is taken from whoever sends it
  deliver_before_queued,  // a send is delivered before its effects are in the committer's queue
  passivate_early,        // an actor leaves memory before its effects are on disk
  lose_wake_up,           // a resolved task does not tell its last dependent
  lanes_last,             // a queue gives away what asks for resources after all else
  overrun_window,         // a claim takes no slot from who gets it
  serve_quarantined,      // a worker that waits already is not kept from tasks
  forget_quarantine,      // a queue does not write down who is in quarantine
  lose_match,             // a limit that is reached no more wakes nobody
  keep_place,             // a retry waits at the place of the run that was lost
  finish_without_bytes,   // an artifact is finished before its bytes are here
  drop_record,            // a worker's record goes before its time
};

#ifdef TROUPE_PLANTED_BUGS
/// Whether `bug` is the one that is planted now.
bool planted(Bug bug);
/// Plants it, in place of any other.
void plant(Bug bug);
#else
constexpr bool planted(Bug /*bug*/) {
  return false;
}
#endif

}  // namespace troupe
