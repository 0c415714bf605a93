// The kind `blobs`: 256 collectors that know who uses which blob. One that nobody uses any more is
// garbage; some time later it is offered to whoever can remove it (a janitor at the blob store).
//
//   task, object -- reference, unreference --> collector -- BlobPush --> janitor
//                                                  ^------ settle ---------'
//
// Invariants:
//   B1  a blob has reference rows or a garbage row, never both, as long as its file may be there;
//   B2  with garbage there is a timer, or an offer that a janitor has not settled, or no janitor.
#pragma once

#include "runtime/actor/durable_actor.h"

namespace troupe::blobs {

/// Settings that rules depend on; constant.
struct CollectorConfig {
  Duration garbage_delay{60 * 60 * 1'000};  // artifacts.garbage_delay
};

/// A timer, by name.
inline constexpr const char* garbage_timer = "garbage";

Kind kind(const CollectorConfig& config);

}  // namespace troupe::blobs
