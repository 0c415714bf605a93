// A connection that kj-http serves, with what kj-http lacks: requests are read strictly, it can end
// after a response whose peer waits for that, and slow heads of later requests have a limit.
#pragma once

#include "runtime/http/framing.h"
#include "runtime/http/waiting.h"

#include <kj/async-io.h>
#include <kj/function.h>
#include <kj/time.h>
#include <kj/timer.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::http {

/// Whom a connection comes from.
struct Peer {
  std::string address;  // such as 192.0.2.1; empty: a socket file, or it cannot be known
  bool is_tls = false;
};

/// The address at the other end of a plain connection.
Peer peer_of(kj::AsyncIoStream& connection);

/// Gives kj-http the canonical form of each request (see framing.h), one at a time: it asks for the
/// next once the response before is written. Whoever serves the request takes its head from here.
///
/// Thread: that of the stream's event loop.
class RequestStream final : public kj::AsyncIoStream {
 public:
  /// Borrows `place` and `timer`. A head may take `head_time_max` from its first byte on.
  RequestStream(kj::Own<kj::AsyncIoStream> stream,
                Peer peer,
                Waiting::Place& place,
                kj::Timer& timer,
                kj::Duration head_time_max);

  const Peer& peer() const { return peer_; }

  /// The request that kj-http is serving; once for each.
  RequestHead take_head() { return framing_.take_head(); }

  /// Set where what the peer sends is no request, or not the body that its head said.
  const std::optional<Refusal>& refusal() const { return framing_.refusal(); }

  /// The request that is being served is the last that is read: kj-http then ends the connection
  /// once its response is out and its body has passed, where it would wait for the peer to do so.
  void end_requests() { ended_ = true; }

  /// Keeps back what is written next until what follows it, so that both leave together: a
  /// response's head and its body take one system call, and wake the peer once.
  void join_next_writes() { joins_ = true; }

  /// Resolves when the peer has ended its side, while its request is being served. At most once for
  /// each request, after all of its body.
  kj::Promise<void> when_peer_gone();

  /// From here on bytes go through as they are, both ways: the connection is a WebSocket.
  void become_socket() { raw_ = true; }

  /// Sends a WebSocket's ping, unless something else is being sent.
  kj::Promise<void> ping();

  /// Bytes that came over the WebSocket.
  std::uint64_t socket_bytes() const { return raw_read_; }

  /// Tells a peer that waits for it to send its body.
  kj::Promise<void> write_continue();

  kj::Promise<std::size_t> tryRead(void* buffer, std::size_t min, std::size_t max) override;
  kj::Promise<void> write(const void* buffer, std::size_t size) override;
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override;
  kj::Promise<void> whenWriteDisconnected() override { return stream_->whenWriteDisconnected(); }
  void shutdownWrite() override { stream_->shutdownWrite(); }
  void abortRead() override { stream_->abortRead(); }

 private:
  /// What kj-http gave us to fill.
  struct Wanted {
    char* buffer;
    std::size_t min;
    std::size_t max;
    std::size_t filled = 0;
  };

  void wait_for_peer();
  kj::Promise<std::size_t> fill(Wanted wanted);
  void take_output(Wanted& wanted);
  void take_body(Wanted& wanted);
  kj::Promise<std::size_t> read_body(Wanted wanted);
  kj::Promise<std::size_t> read_input(Wanted wanted);
  kj::Promise<std::size_t> linger();
  kj::Promise<std::size_t> discard(std::size_t left);
  kj::Promise<std::size_t> read_raw(void* buffer, std::size_t min, std::size_t max);
  kj::Promise<void> write_raw(kj::Function<kj::Promise<void>()> write);

  kj::Own<kj::AsyncIoStream> stream_;
  const Peer peer_;
  Waiting::Place& place_;
  kj::Timer& timer_;
  const kj::Duration head_time_max_;

  Framing framing_;
  kj::Array<char> buffer_;                          // what is read from the stream
  kj::Maybe<kj::Promise<std::size_t>> early_read_;  // into the buffer, by `when_peer_gone`
  std::string_view input_;                          // the part of it that nobody has taken yet
  std::string output_;                              // what `framing_` made of it
  std::size_t written_ = 0;                         // of the output, to kj-http
  bool begun_ = false;                              // the first request
  bool ended_ = false;
  std::optional<kj::TimePoint> head_deadline_;

  bool raw_ = false;
  std::uint64_t raw_read_ = 0;
  std::size_t raw_writes_ = 0;                // under way
  kj::ForkedPromise<void> pinged_ = nullptr;  // of the last ping
  bool pings_ = false;                        // it is under way

  bool joins_ = false;
  std::string kept_;                                           // of a response that is joined
  std::array<kj::ArrayPtr<const kj::byte>, 2> joined_pieces_;  // while they are written
};

}  // namespace troupe::http
