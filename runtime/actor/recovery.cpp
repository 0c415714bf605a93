#include "runtime/actor/recovery.h"

#include "runtime/actor/dead_letters.h"
#include "runtime/actor/envelope.h"
#include "runtime/store/key.h"

namespace troupe {
namespace {

// A message that was under way at this many crashes is suspected of causing them: its first start
// and its second one ended the process, so there is no third.
constexpr std::uint32_t crashes_max = 2;

}  // namespace

std::vector<Delivery> recover_inboxes(Store& store, Committer& committer, Instant now) {
  std::vector<Delivery> found;
  store.snapshot()->scan(tables::inbox.id, {}, [&](std::string_view key, WordSpan row) {
    found.push_back(decode_envelope(KeyReader(key).u64(), row));
    return true;
  });
  if (found.empty()) return found;

  Commit commit;
  std::vector<Delivery> deliver;
  for (auto& delivery : found) {
    const std::string key = KeyWriter().u64(delivery.number).key();
    if (++delivery.attempts >= crashes_max) {
      commit.rows.push_back({tables::dead_letters.id, key,
                             encode_dead_letter(delivery, std::string(error_of_crashes), now)});
      commit.rows.push_back({tables::inbox.id, key, std::nullopt});
      continue;
    }
    commit.rows.push_back({tables::inbox.id, key, encode_envelope(delivery)});
    // The attempts of this life are counted in memory, from none.
    delivery.attempts = 0;
    deliver.push_back(std::move(delivery));
  }
  committer.enqueue(std::move(commit));
  committer.flush();
  return deliver;
}

}  // namespace troupe
