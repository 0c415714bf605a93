#include "runtime/rpc/handshake_stream.h"

#include "runtime/base/result.h"
#include "runtime/rpc/errors.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace troupe {
namespace {

constexpr std::size_t word_bytes = sizeof(capnp::word);

// A message whose first word was read already.
class Continued final : public kj::AsyncInputStream {
 public:
  Continued(kj::ArrayPtr<const kj::byte> begun, kj::AsyncInputStream& rest)
      : begun_(begun), rest_(rest) {}

  kj::Promise<std::size_t> tryRead(void* buffer, std::size_t min, std::size_t max) override {
    const std::size_t taken = std::min(begun_.size(), max);
    std::memcpy(buffer, begun_.begin(), taken);
    begun_ = begun_.slice(taken, begun_.size());
    bytes_ += taken;
    if (taken >= min) return taken;
    return rest_.tryRead(static_cast<kj::byte*>(buffer) + taken, min - taken, max - taken)
        .then([this, taken](std::size_t more) {
          bytes_ += more;
          return taken + more;
        });
  }

  std::size_t bytes() const { return bytes_; }

 private:
  kj::ArrayPtr<const kj::byte> begun_;
  kj::AsyncInputStream& rest_;
  std::size_t bytes_ = 0;
};

kj::Exception too_much() {
  return exception_from(
      {Errc::unauthenticated,
       "more than " + std::to_string(handshake_bytes_max) +
           " bytes arrived before a proof of who sends them: authenticate first"});
}

}  // namespace

HandshakeStream::HandshakeStream(kj::AsyncIoStream& stream, std::shared_ptr<const bool> trusted)
    : stream_(stream), messages_(stream), trusted_(std::move(trusted)) {}

kj::Promise<HandshakeStream::Message> HandshakeStream::tryReadMessage(
    kj::ArrayPtr<kj::AutoCloseFd> fds,
    capnp::ReaderOptions options,
    kj::ArrayPtr<capnp::word> scratch) {
  if (*trusted_) return messages_.tryReadMessage(fds, options, scratch);
  return stream_.tryRead(first_word_.data(), word_bytes, word_bytes)
      .then([this, options, scratch](std::size_t size) -> kj::Promise<Message> {
        if (size == 0) return Message(nullptr);
        if (size < word_bytes) return KJ_EXCEPTION(DISCONNECTED, "premature end of a message");
        return read_rest(options, scratch);
      });
}

kj::Promise<HandshakeStream::Message> HandshakeStream::read_rest(
    capnp::ReaderOptions options, kj::ArrayPtr<capnp::word> scratch) {
  if (!*trusted_) {
    options.traversalLimitInWords =
        std::min<std::uint64_t>(options.traversalLimitInWords, handshake_bytes_max / word_bytes);
  }
  auto input = kj::heap<Continued>(
      kj::arrayPtr<const kj::byte>(first_word_.data(), first_word_.size()), stream_);
  auto message = capnp::tryReadMessage(*input, options, scratch);
  return message
      .then([this, &input = *input](
                kj::Maybe<kj::Own<capnp::MessageReader>>&& read) -> kj::Promise<Message> {
        if (!*trusted_) received_ += input.bytes();
        if (received_ > handshake_bytes_max) return too_much();
        KJ_IF_MAYBE (reader, read) {
          return Message(capnp::MessageReaderAndFds{kj::mv(*reader), nullptr});
        }
        return Message(nullptr);
      })
      .attach(kj::mv(input));
}

kj::Promise<void> HandshakeStream::writeMessage(
    kj::ArrayPtr<const int> fds, kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) {
  return messages_.writeMessage(fds, segments);
}

kj::Promise<void> HandshakeStream::writeMessages(
    kj::ArrayPtr<kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>>> messages) {
  return messages_.writeMessages(messages);
}

kj::Maybe<int> HandshakeStream::getSendBufferSize() {
  return messages_.getSendBufferSize();
}

kj::Promise<void> HandshakeStream::end() {
  return messages_.end();
}

}  // namespace troupe
