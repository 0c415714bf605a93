// Cap'n Proto messages to and from stored words.
#pragma once

#include "runtime/store/bytes.h"

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <string>
#include <string_view>

namespace troupe {

/// The message as one flat array of words.
Bytes to_bytes(capnp::MessageBuilder& message);

inline kj::ArrayPtr<const capnp::word> as_words(WordSpan words) {
  return {reinterpret_cast<const capnp::word*>(words.data()), words.size()};
}

inline WordSpan as_word_span(kj::ArrayPtr<const capnp::byte> data) {
  return {reinterpret_cast<const std::uint64_t*>(data.begin()), data.size() / 8};
}

/// Rows and messages that we wrote: their size is bounded where they are made, not where they are
/// read.
inline capnp::ReaderOptions trusted_reader() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = 1ULL << 40;
  options.nestingLimit = 256;
  return options;
}

/// A stored message, read in place. The words outlive it (or are shared, if made from Bytes).
template <class Struct>
class Stored {
 public:
  explicit Stored(WordSpan words) : reader_(as_words(words), trusted_reader()) {}
  explicit Stored(Bytes bytes)
      : bytes_(std::move(bytes)), reader_(as_words(bytes_.words()), trusted_reader()) {}
  // The reader points into itself.
  Stored(const Stored&) = delete;
  Stored& operator=(const Stored&) = delete;

  typename Struct::Reader get() { return reader_.getRoot<Struct>(); }

 private:
  Bytes bytes_;
  capnp::FlatArrayMessageReader reader_;
};

/// A message of one struct that `fill` fills in.
template <class Struct, class Fill>
Bytes build(Fill&& fill) {
  capnp::MallocMessageBuilder message;
  fill(message.initRoot<Struct>());
  return to_bytes(message);
}

inline std::string_view view(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}
inline std::string str(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}
inline capnp::Text::Reader text(const std::string& value) {
  return {value.data(), value.size()};
}

}  // namespace troupe
