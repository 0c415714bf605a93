#include "runtime/actor/recovery.h"

#include "runtime/actor/envelope.h"
#include "runtime/store/key.h"

namespace troupe {

std::vector<Delivery> recover_inboxes(Store& store) {
  std::vector<Delivery> found;
  store.snapshot()->scan(tables::inbox.id, {}, [&](std::string_view key, WordSpan row) {
    found.push_back(decode_envelope(KeyReader(key).u64(), row));
    found.back().attempts = 0;  // of this process
    return true;
  });
  return found;
}

}  // namespace troupe
