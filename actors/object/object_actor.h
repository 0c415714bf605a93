// One object of the object service: a name, whose it is, and the blob that it stands for.
// Source: spec/small-services.md, section 5.
//
//   createUpload ──► uploading ── storeBlob, finishUpload ──► finished ── `expires` ──► gone
//                        └── a day ──► gone
//
// Invariants:
//   O1  a finished object has a blob and never changes;
//   O2  its timer `expire` is set: for `expires` once it is finished, else for a day after it was
//       created.
#pragma once

#include "actors/object/state.h"
#include "runtime/actor/durable_actor.h"

namespace troupe::object {

/// The kind `object`.
Kind kind();

}  // namespace troupe::object
