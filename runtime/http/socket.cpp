#include "runtime/http/socket.h"

#include <kj/debug.h>

#include <utility>

namespace troupe::http {
namespace {

// What a peer says is dropped: but not everything is read to do so.
constexpr std::size_t message_bytes_max = std::size_t{64} << 10;
constexpr std::size_t reason_bytes_max = 123;
constexpr kj::Duration close_time_max = 2 * kj::SECONDS;
constexpr unsigned unanswered_max = 2;

class KjSocket final : public Socket {
 public:
  KjSocket(kj::Own<kj::WebSocket> socket, RequestStream& connection, kj::Timer& timer)
      : connection_(connection),
        timer_(timer),
        socket_(kj::mv(socket)),
        ended_(receive().catch_([](kj::Exception&&) {}).fork()) {}

  kj::Promise<void> send(std::string text) override {
    if (closed_) return kj::NEVER_DONE;
    text_ = std::move(text);
    sending_ = true;
    return socket_->send(kj::ArrayPtr<const char>(text_.data(), text_.size())).then([this] {
      sending_ = false;
    });
  }

  kj::Promise<void> ping() override {
    if (connection_.socket_bytes() != heard_) unanswered_ = 0;
    heard_ = connection_.socket_bytes();
    if (unanswered_++ >= unanswered_max) {
      return KJ_EXCEPTION(DISCONNECTED, "the peer does not answer pings");
    }
    return connection_.ping();
  }

  kj::Promise<void> close(std::uint16_t code, std::string reason) override {
    if (closed_) return ended();
    closed_ = true;
    text_ = std::move(reason);
    text_.resize(std::min(text_.size(), reason_bytes_max));
    return socket_->close(code, kj::StringPtr(text_.c_str(), text_.size()))
        .then([this] { return ended(); })
        .exclusiveJoin(timer_.afterDelay(close_time_max));
  }

  kj::Promise<void> ended() override { return ended_.addBranch(); }

 private:
  kj::Promise<void> receive() {
    return socket_->receive(message_bytes_max)
        .then([this](kj::WebSocket::Message&& message) -> kj::Promise<void> {
          if (!message.is<kj::WebSocket::Close>()) return receive();
          // In the middle of a message there is no place for an answer.
          if (std::exchange(closed_, true) || sending_) return kj::READY_NOW;
          constexpr std::uint16_t normal = 1000;
          return socket_->close(normal, nullptr).exclusiveJoin(timer_.afterDelay(close_time_max));
        });
  }

  RequestStream& connection_;
  kj::Timer& timer_;
  std::string text_;  // what is being sent
  bool sending_ = false;
  bool closed_ = false;  // by either side
  std::uint64_t heard_ = 0;
  unsigned unanswered_ = 0;  // pings
  kj::Own<kj::WebSocket> socket_;
  kj::ForkedPromise<void> ended_;  // first to go
};

}  // namespace

kj::Own<Socket> make_socket(kj::Own<kj::WebSocket> socket,
                            RequestStream& connection,
                            kj::Timer& timer) {
  return kj::heap<KjSocket>(kj::mv(socket), connection, timer);
}

}  // namespace troupe::http
