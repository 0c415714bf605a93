#include "runtime/store/message.h"

#include <cstring>

namespace troupe {

Bytes to_bytes(capnp::MessageBuilder& message) {
  const auto segments = message.getSegmentsForOutput();
  const auto size = capnp::computeSerializedSizeInWords(segments);
  return Bytes::make(size, [&segments](std::span<std::uint64_t> words) {
    if (segments.size() == 1) {
      // The common case without a second copy: a header of one word (0 more segments, size), data.
      words[0] = static_cast<std::uint64_t>(segments[0].size()) << 32;
      std::memcpy(words.data() + 1, segments[0].begin(), segments[0].size() * sizeof(capnp::word));
      return;
    }
    const auto flat = capnp::messageToFlatArray(segments);
    std::memcpy(words.data(), flat.begin(), flat.size() * sizeof(capnp::word));
  });
}

}  // namespace troupe
