#include "runtime/rpc/handshake_stream.h"

#include "runtime/base/result.h"
#include "runtime/rpc/errors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace troupe {
namespace {

constexpr std::size_t word_bytes = sizeof(capnp::word);
// How often what arrived is read in all: by the RPC system, and by whoever answers.
constexpr std::uint64_t handshake_reads = 4;

// A message whose first word was read already.
class Continued final : public kj::AsyncInputStream {
 public:
  Continued(kj::ArrayPtr<const kj::byte> begun, kj::AsyncInputStream& rest)
      : begun_(begun), rest_(rest) {}

  kj::Promise<std::size_t> tryRead(void* buffer, std::size_t min, std::size_t max) override {
    const std::size_t taken = std::min(begun_.size(), max);
    if (max == 0) return taken;  // of an empty segment: `buffer` may be null
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

// Whether the first word of a connection is that of an HTTP request: as the number of a message's
// segments it would be far beyond what there may be.
bool is_http(kj::ArrayPtr<const kj::byte> word) {
  constexpr std::array<std::string_view, 7> methods = {"GET /",    "HEAD /",   "PUT /",  "POST /",
                                                       "DELETE /", "OPTIONS ", "PATCH /"};
  const std::string_view text(reinterpret_cast<const char*>(word.begin()), word.size());
  return std::any_of(methods.begin(), methods.end(),
                     [text](auto method) { return text.starts_with(method); });
}

constexpr std::string_view answer_to_http =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 74\r\n"
    "Connection: close\r\n"
    "\r\n"
    "This address speaks Cap'n Proto RPC, not HTTP, which is on another port.\r\n";

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
        if (!*trusted_ && received_ == 0 && is_http(kj::arrayPtr(first_word_.data(), word_bytes))) {
          return refuse_http();
        }
        return read_rest(options, scratch);
      });
}

kj::Promise<HandshakeStream::Message> HandshakeStream::refuse_http() {
  return stream_
      .write(answer_to_http.data(), answer_to_http.size())
      // With bytes unread the connection would be reset, and the peer might never see the answer.
      .then([this] { return discard(handshake_bytes_max); })
      .then([]() -> kj::Promise<Message> {
        return exception_from({Errc::unauthenticated, "the peer speaks HTTP"});
      });
}

// Until the peer hangs up, or has sent so much.
kj::Promise<void> HandshakeStream::discard(std::size_t bytes) {
  return stream_.tryRead(discarded_.data(), 1, discarded_.size())
      .then([this, bytes](std::size_t n) -> kj::Promise<void> {
        if (n == 0 || n >= bytes) return kj::READY_NOW;
        return discard(bytes - n);
      });
}

kj::Promise<HandshakeStream::Message> HandshakeStream::read_rest(
    capnp::ReaderOptions options, kj::ArrayPtr<capnp::word> scratch) {
  if (!*trusted_) {
    options.traversalLimitInWords = std::min<std::uint64_t>(
        options.traversalLimitInWords, handshake_reads * handshake_bytes_max / word_bytes);
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
