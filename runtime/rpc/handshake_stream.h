// What a peer that has proven nothing yet may make a server read: little.
//
// Cap'n Proto reserves room for a message as soon as its first word is here, and keeps an answer
// for each call until the caller drops it. So until the peer is trusted, what it sends is counted,
// and neither one large message nor many small ones get past the limit.
#pragma once

#include <capnp/serialize-async.h>
#include <kj/async-io.h>

#include <array>
#include <cstddef>
#include <memory>

namespace troupe {

/// What a peer may send, in all, before it is trusted. A handshake takes less than 1 KiB; that of
/// temporary credentials with many scopes as much as the head of an HTTP request.
constexpr std::size_t handshake_bytes_max = 32'768;

/// The messages of one connection. Whether the peer is trusted is looked up when a message begins
/// to arrive, not when the wait for it began. A peer that exceeds the limit fails the read, which
/// ends the connection. So does one that speaks HTTP; it gets an answer that it can read.
///
/// One read at a time, as Cap'n Proto does. Thread: that of the stream's event loop.
class HandshakeStream final : public capnp::MessageStream {
 public:
  /// Borrows `stream`. `*trusted` becomes true once, and stays so.
  HandshakeStream(kj::AsyncIoStream& stream, std::shared_ptr<const bool> trusted);

  kj::Promise<kj::Maybe<capnp::MessageReaderAndFds>> tryReadMessage(
      kj::ArrayPtr<kj::AutoCloseFd> fds,
      capnp::ReaderOptions options,
      kj::ArrayPtr<capnp::word> scratch) override;
  kj::Promise<void> writeMessage(
      kj::ArrayPtr<const int> fds,
      kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) override;
  kj::Promise<void> writeMessages(
      kj::ArrayPtr<kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>>> messages) override;
  kj::Maybe<int> getSendBufferSize() override;
  kj::Promise<void> end() override;

 private:
  using Message = kj::Maybe<capnp::MessageReaderAndFds>;

  kj::Promise<Message> refuse_http();
  kj::Promise<void> discard(std::size_t bytes);
  kj::Promise<Message> read_rest(capnp::ReaderOptions options, kj::ArrayPtr<capnp::word> scratch);

  kj::AsyncIoStream& stream_;
  capnp::AsyncIoMessageStream messages_;  // the same stream, without a limit
  const std::shared_ptr<const bool> trusted_;
  std::array<kj::byte, sizeof(capnp::word)> first_word_{};
  std::array<kj::byte, 512> discarded_{};
  std::size_t received_ = 0;  // bytes, while the peer was not trusted
};

}  // namespace troupe
