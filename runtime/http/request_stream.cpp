#include "runtime/http/request_stream.h"

#include "runtime/base/assert.h"

#include <kj/debug.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace troupe::http {
namespace {

constexpr std::size_t input_bytes = std::size_t{4} << 10;
// A connection that is closed with bytes unread is reset, and the peer may never see the response.
// So of what still comes so much is taken, for so long.
constexpr std::size_t linger_bytes_max = std::size_t{256} << 10;
constexpr kj::Duration linger_time_max = 1 * kj::SECONDS;

std::string text_of(int family, const void* address) {
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (inet_ntop(family, address, out.data(), out.size()) == nullptr) return {};
  return out.data();
}

}  // namespace

Peer peer_of(kj::AsyncIoStream& connection) {
  constexpr std::size_t mapped_prefix_bytes = 12;
  Peer peer;
  sockaddr_storage name{};
  kj::uint size = sizeof name;
  try {
    connection.getpeername(reinterpret_cast<sockaddr*>(&name), &size);
  } catch (const kj::Exception&) {
    return peer;  // it is gone already, or no socket
  }
  if (name.ss_family == AF_INET) {
    peer.address = text_of(AF_INET, &reinterpret_cast<const sockaddr_in&>(name).sin_addr);
  } else if (name.ss_family == AF_INET6) {
    const auto& address = reinterpret_cast<const sockaddr_in6&>(name).sin6_addr;
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&address) != 0;
    peer.address = mapped ? text_of(AF_INET, &address.s6_addr[mapped_prefix_bytes])
                          : text_of(AF_INET6, &address);
  }
  return peer;
}

RequestStream::RequestStream(kj::Own<kj::AsyncIoStream> stream,
                             Peer peer,
                             Waiting::Place& place,
                             kj::Timer& timer,
                             kj::Duration head_time_max)
    : stream_(kj::mv(stream)),
      peer_(std::move(peer)),
      place_(place),
      timer_(timer),
      head_time_max_(head_time_max),
      buffer_(kj::heapArray<char>(input_bytes)) {}

kj::Promise<void> RequestStream::write_continue() {
  static constexpr std::string_view text = "HTTP/1.1 100 Continue\r\n\r\n";
  return stream_->write(text.data(), text.size());
}

// The read goes on when nobody waits for it any more: what it brings is the next request's.
kj::Promise<void> RequestStream::when_peer_gone() {
  if (!input_.empty() || early_read_ != nullptr) return kj::NEVER_DONE;
  auto read = stream_->tryRead(buffer_.begin(), 1, buffer_.size()).fork();
  early_read_ = read.addBranch();
  return read.addBranch().then(
      [](std::size_t n) -> kj::Promise<void> {
        if (n == 0) return kj::READY_NOW;
        return kj::NEVER_DONE;
      },
      [](kj::Exception&&) {});
}

kj::Promise<std::size_t> RequestStream::tryRead(void* buffer, std::size_t min, std::size_t max) {
  if (raw_) return read_raw(buffer, min, max);
  return fill({static_cast<char*>(buffer), std::min(min, max), max});
}

void RequestStream::wait_for_peer() {
  using Sends = Waiting::Sends;
  if (!framing_.awaits_head()) {
    place_.wait(Sends::body);
  } else {
    place_.wait(begun_ ? Sends::next_request : Sends::first_request);
  }
}

kj::Promise<std::size_t> RequestStream::read_raw(void* buffer, std::size_t min, std::size_t max) {
  // What came behind the head is here already.
  const auto here = std::min(input_.size(), max);
  std::memcpy(buffer, input_.data(), here);
  input_.remove_prefix(here);
  raw_read_ += here;
  if (here >= min) return here;
  KJ_IF_MAYBE (early, early_read_) {
    auto reading = kj::mv(*early);
    early_read_ = nullptr;
    return reading.then([this, buffer, min, max, here](std::size_t n) -> kj::Promise<std::size_t> {
      if (n == 0) return here;
      input_ = {buffer_.begin(), n};
      return read_raw(static_cast<char*>(buffer) + here, min - here, max - here)
          .then([here](std::size_t more) { return here + more; });
    });
  }
  return stream_->tryRead(static_cast<char*>(buffer) + here, min - here, max - here)
      .then([this, here](std::size_t n) {
        raw_read_ += n;
        return here + n;
      });
}

kj::Promise<void> RequestStream::ping() {
  static constexpr std::array<kj::byte, 2> frame = {0x89, 0x00};
  if (raw_writes_ > 0 || pings_) return kj::READY_NOW;
  pings_ = true;
  pinged_ = stream_->write(frame.data(), frame.size()).then([this] { pings_ = false; }).fork();
  return pinged_.addBranch();
}

// A frame begins where the one before has ended.
kj::Promise<void> RequestStream::write_raw(kj::Function<kj::Promise<void>()> write) {
  ++raw_writes_;
  auto written = pings_ ? pinged_.addBranch().then(kj::mv(write)) : write();
  return written.then([this] { --raw_writes_; });
}

kj::Promise<void> RequestStream::write(const void* buffer, std::size_t size) {
  if (raw_) {
    return write_raw([this, buffer, size] { return stream_->write(buffer, size); });
  }
  const kj::ArrayPtr<const kj::byte> bytes(static_cast<const kj::byte*>(buffer), size);
  if (std::exchange(joins_, false)) {
    kept_.assign(bytes.asChars().begin(), bytes.size());
    return kj::READY_NOW;
  }
  if (kept_.empty()) return stream_->write(buffer, size);
  joined_pieces_ = {kj::StringPtr(kept_.c_str(), kept_.size()).asBytes(), bytes};
  return stream_->write(kj::arrayPtr(joined_pieces_.data(), joined_pieces_.size())).then([this] {
    kept_.clear();
  });
}

kj::Promise<void> RequestStream::write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) {
  // Of kj-http only bodies in chunks come so, whose heads nobody has kept back.
  TROUPE_EXPECTS(!joins_);
  TROUPE_EXPECTS(kept_.empty());
  if (raw_) return write_raw([this, pieces] { return stream_->write(pieces); });
  return stream_->write(pieces);
}

kj::Promise<std::size_t> RequestStream::fill(Wanted wanted) {
  for (;;) {
    take_output(wanted);
    take_body(wanted);
    // What kj-http has not asked for stays here: of one request it never gets the next one's bytes.
    if (wanted.filled > 0 && wanted.filled >= wanted.min) {
      begun_ = true;
      place_.stop_waiting();
      return wanted.filled;
    }
    if (wanted.max == 0) return std::size_t{0};
    if (framing_.passing() > 0 && input_.empty()) return read_body(wanted);
    if (ended_ && (framing_.awaits_head() || framing_.refusal())) return linger();
    if (const auto& refused = framing_.refusal()) {
      return KJ_EXCEPTION(FAILED, "the peer's body is malformed", refused->why.c_str());
    }
    if (input_.empty()) return read_input(wanted);
    framing_.consume(input_, output_);
  }
}

void RequestStream::take_output(Wanted& wanted) {
  const auto size = std::min(output_.size() - written_, wanted.max - wanted.filled);
  std::memcpy(wanted.buffer + wanted.filled, output_.data() + written_, size);
  wanted.filled += size;
  written_ += size;
  if (written_ < output_.size()) return;
  output_.clear();
  written_ = 0;
}

void RequestStream::take_body(Wanted& wanted) {
  if (!output_.empty()) return;
  const auto room = std::min(input_.size(), wanted.max - wanted.filled);
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(framing_.passing(), room));
  if (size == 0) return;
  std::memcpy(wanted.buffer + wanted.filled, input_.data(), size);
  wanted.filled += size;
  input_.remove_prefix(size);
  framing_.pass(size);
}

// Large bodies go past our buffer.
kj::Promise<std::size_t> RequestStream::read_body(Wanted wanted) {
  const auto room = wanted.max - wanted.filled;
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(framing_.passing(), room));
  wait_for_peer();
  return stream_->tryRead(wanted.buffer + wanted.filled, 1, size)
      .then([this, wanted](std::size_t n) mutable -> kj::Promise<std::size_t> {
        if (n == 0) return wanted.filled;
        framing_.pass(n);
        wanted.filled += n;
        return fill(wanted);
      });
}

kj::Promise<std::size_t> RequestStream::read_input(Wanted wanted) {
  wait_for_peer();
  kj::Promise<std::size_t> reading = nullptr;
  KJ_IF_MAYBE (early, early_read_) {
    reading = kj::mv(*early);
    early_read_ = nullptr;
  } else {
    reading = stream_->tryRead(buffer_.begin(), 1, buffer_.size());
  }
  if (framing_.in_head()) {
    // kj-http times the head of the first request; of later ones it gets to see the whole.
    if (!head_deadline_) head_deadline_ = timer_.now() + head_time_max_;
    auto late = timer_.atTime(*head_deadline_).then([] { return std::size_t{0}; });
    reading = reading.exclusiveJoin(kj::mv(late));
  } else {
    head_deadline_.reset();
  }
  return reading.then([this, wanted](std::size_t n) -> kj::Promise<std::size_t> {
    if (n == 0) return wanted.filled;
    input_ = {buffer_.begin(), n};
    return fill(wanted);
  });
}

kj::Promise<std::size_t> RequestStream::linger() {
  if (framing_.refusal() == std::nullopt) return std::size_t{0};
  stream_->shutdownWrite();
  auto late = timer_.afterDelay(linger_time_max).then([] { return std::size_t{0}; });
  return discard(linger_bytes_max).exclusiveJoin(kj::mv(late));
}

kj::Promise<std::size_t> RequestStream::discard(std::size_t left) {
  return stream_->tryRead(buffer_.begin(), 1, buffer_.size())
      .then(
          [this, left](std::size_t n) -> kj::Promise<std::size_t> {
            if (n == 0 || n >= left) return std::size_t{0};
            return discard(left - n);
          },
          [](kj::Exception&&) { return std::size_t{0}; });
}

}  // namespace troupe::http
