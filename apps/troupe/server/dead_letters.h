// The methods of the service `troupe` for messages that no handler could process.
#pragma once

#include "apps/troupe/server/site.h"
#include "schema/api/troupe.capnp.h"

#include <kj/async.h>

#include <cstdint>
#include <string>

namespace troupe::server {

/// Fills in at most `limit` with a number over `after`; answers the last one's number if there are
/// more, else 0.
std::uint64_t list_dead_letters(const Snapshot& snapshot,
                                std::uint64_t after,
                                std::size_t limit,
                                schema::Troupe::ListDeadLettersResults::Builder out);

/// Throws `not_found`.
void show_dead_letter(const Snapshot& snapshot,
                      std::uint64_t number,
                      schema::Troupe::ShowDeadLetterResults::Builder out);

enum class LetterFate : std::uint8_t { retried, discarded };

/// Resolves when all of it is on disk; each is a line of the log that names `caller`.
/// Rejects with `invalid` (more than 100) or `not_found`: then nothing was done.
kj::Promise<void> settle_dead_letters(Site& site,
                                      const std::string& caller,
                                      capnp::List<std::uint64_t>::Reader numbers,
                                      LetterFate fate);

}  // namespace troupe::server
