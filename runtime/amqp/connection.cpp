#include "runtime/amqp/connection.h"

#include <openssl/ssl.h>

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <utility>

namespace troupe::amqp {
namespace {

constexpr amqp_channel_t channel = 1;
constexpr int frame_bytes_max = 128 * 1024;
constexpr int one_channel = 1;
constexpr std::uint8_t persistent = 2;

amqp_bytes_t bytes_of(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}

std::string text_of(amqp_bytes_t bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}

timeval timeval_of(Duration d) {
  const auto ms = d.count();
  return {ms / 1'000, static_cast<suseconds_t>(ms % 1'000 * 1'000)};
}

Error failure(const std::string& what, int status) {
  return {Errc::unavailable, what + ": " + amqp_error_string2(status)};
}

// What the broker says as it ends a channel or the connection.
Error farewell(const std::string& what, const amqp_method_t& method) {
  if (method.id == AMQP_CONNECTION_CLOSE_METHOD) {
    const auto* close = static_cast<const amqp_connection_close_t*>(method.decoded);
    return {Errc::unavailable, what + ": " + text_of(close->reply_text)};
  }
  if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
    const auto* close = static_cast<const amqp_channel_close_t*>(method.decoded);
    return {Errc::unavailable, what + ": " + text_of(close->reply_text)};
  }
  return {Errc::unavailable, what + ": the broker has said something unexpected"};
}

Status check(const std::string& what, const amqp_rpc_reply_t& reply) {
  switch (reply.reply_type) {
    case AMQP_RESPONSE_NORMAL: return Done{};
    case AMQP_RESPONSE_LIBRARY_EXCEPTION: return failure(what, reply.library_error);
    case AMQP_RESPONSE_SERVER_EXCEPTION: return farewell(what, reply.reply);
    case AMQP_RESPONSE_NONE: break;
  }
  return Error{Errc::unavailable, what + ": no answer"};
}

struct Destroy {
  void operator()(amqp_connection_state_t state) const { amqp_destroy_connection(state); }
};
using State = std::unique_ptr<amqp_connection_state_t_, Destroy>;

class RabbitConnection final : public Connection {
 public:
  explicit RabbitConnection(State state) : state_(std::move(state)) {}

  Status declare_topic_exchange(const std::string& name) override {
    amqp_exchange_declare(state_.get(), channel, bytes_of(name), bytes_of("topic"), false, true,
                          false, false, amqp_empty_table);
    return check("exchange " + name, amqp_get_rpc_reply(state_.get()));
  }

  Status publish(const Outgoing& message) override {
    std::vector<amqp_field_value_t> keys(message.cc.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      keys[i].kind = AMQP_FIELD_KIND_UTF8;
      keys[i].value.bytes = bytes_of(message.cc[i]);
    }
    amqp_table_entry_t header{};
    header.key = bytes_of("CC");
    header.value.kind = AMQP_FIELD_KIND_ARRAY;
    header.value.value.array = {static_cast<int>(keys.size()), keys.data()};
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_CONTENT_ENCODING_FLAG |
                        AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_HEADERS_FLAG;
    properties.content_type = bytes_of("application/json");
    properties.content_encoding = bytes_of("utf-8");
    properties.delivery_mode = persistent;
    properties.headers = {1, &header};
    const int status = amqp_basic_publish(state_.get(), channel, bytes_of(message.exchange),
                                          bytes_of(message.routing_key), false, false, &properties,
                                          bytes_of(message.body));
    if (status != AMQP_STATUS_OK) return failure("publishing", status);
    unsettled_.insert(++published_);
    return Done{};
  }

  Result<std::uint64_t> settled(Duration wait) override {
    timeval time = timeval_of(wait);
    for (;;) {
      amqp_maybe_release_buffers(state_.get());
      amqp_frame_t frame;
      const int status = amqp_simple_wait_frame_noblock(state_.get(), &frame, &time);
      if (status == AMQP_STATUS_TIMEOUT) break;
      if (status != AMQP_STATUS_OK) return failure("waiting for the broker", status);
      if (frame.frame_type != AMQP_FRAME_METHOD) continue;
      if (auto taken = take(frame.payload.method); !taken.ok()) return taken.error();
      time = {};  // what else is here
    }
    return unsettled_.empty() ? published_ : *unsettled_.begin() - 1;
  }

  std::set<std::uint64_t> take_refused() override { return std::exchange(refused_, {}); }

  int descriptor() const override { return amqp_get_sockfd(state_.get()); }
  void interrupt() override { ::shutdown(descriptor(), SHUT_RDWR); }

 private:
  Status take(const amqp_method_t& method) {
    switch (method.id) {
      case AMQP_BASIC_ACK_METHOD: {
        const auto* ack = static_cast<const amqp_basic_ack_t*>(method.decoded);
        settle(ack->delivery_tag, ack->multiple != 0);
        return Done{};
      }
      case AMQP_BASIC_NACK_METHOD: {
        const auto* nack = static_cast<const amqp_basic_nack_t*>(method.decoded);
        refused_.merge(settle(nack->delivery_tag, nack->multiple != 0));
        return Done{};
      }
      case AMQP_CONNECTION_BLOCKED_METHOD:
      case AMQP_CONNECTION_UNBLOCKED_METHOD: return Done{};
      default: return farewell("the broker has ended the connection", method);
    }
  }

  // Takes out the message of that number; `multiple`: and all before it.
  std::set<std::uint64_t> settle(std::uint64_t number, bool multiple) {
    std::set<std::uint64_t> settled;
    auto at = multiple ? unsettled_.begin() : unsettled_.lower_bound(number);
    while (at != unsettled_.end() && *at <= number) settled.insert(unsettled_.extract(at++));
    return settled;
  }

  State state_;
  std::uint64_t published_ = 0;
  std::set<std::uint64_t> unsettled_;
  std::set<std::uint64_t> refused_;
};

Result<amqp_socket_t*> make_socket(amqp_connection_state_t state, const Options& options) {
  if (!options.address.tls) return amqp_tcp_socket_new(state);
  amqp_socket_t* const socket = amqp_ssl_socket_new(state);
  if (socket == nullptr) return Error{Errc::unavailable, "no TLS"};
  amqp_ssl_socket_set_verify_peer(socket, true);
  amqp_ssl_socket_set_verify_hostname(socket, true);
  amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST);
  if (options.tls_ca.empty()) {
    // The library trusts nobody by itself.
    auto* const context = static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket));
    if (SSL_CTX_set_default_verify_paths(context) != 1) {
      return Error{Errc::unavailable, "the system's certificates cannot be read"};
    }
  } else if (amqp_ssl_socket_set_cacert(socket, options.tls_ca.c_str()) != AMQP_STATUS_OK) {
    return Error{Errc::invalid, "amqp.tls_ca: " + options.tls_ca + " cannot be used"};
  }
  if (!options.tls_cert.empty() &&
      amqp_ssl_socket_set_key(socket, options.tls_cert.c_str(), options.tls_key.c_str()) !=
          AMQP_STATUS_OK) {
    return Error{Errc::invalid, "amqp.tls_cert, amqp.tls_key: " + options.tls_cert + " and " +
                                    options.tls_key + " cannot be used together"};
  }
  return socket;
}

// While something is being sent nobody looks for heartbeats: a peer that takes nothing for so long
// is gone, too.
void bound_silence(int descriptor, Duration time) {
  const auto ms = static_cast<unsigned>(time.count());
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

Status log_in(amqp_connection_state_t state, const Options& options) {
  // A C string: a copy that is wiped at once.
  std::string copy(options.password.reveal());
  copy.push_back('\0');
  const auto ended = Secret::taken_from(copy);
  const auto reply =
      amqp_login(state, options.address.vhost.c_str(), one_channel, frame_bytes_max,
                 static_cast<int>(options.heartbeat.count() / 1'000), AMQP_SASL_METHOD_PLAIN,
                 options.address.user.c_str(), ended.reveal().data());
  return check("user " + options.address.user, reply);
}

}  // namespace

Result<std::unique_ptr<Connection>> connect(const Options& options) {
  State state(amqp_new_connection());
  if (!state) return Error{Errc::unavailable, "no memory for a connection"};
  const auto socket = make_socket(state.get(), options);
  if (!socket.ok()) return socket.error();
  const timeval connect_time = timeval_of(options.connect_time_max);
  const timeval answer_time = timeval_of(options.answer_time_max);
  amqp_set_handshake_timeout(state.get(), &connect_time);
  amqp_set_rpc_timeout(state.get(), &answer_time);
  const int status = amqp_socket_open_noblock(socket.value(), options.address.host.c_str(),
                                              options.address.port, &connect_time);
  if (status != AMQP_STATUS_OK) return failure(to_string(options.address), status);
  bound_silence(amqp_get_sockfd(state.get()), 2 * options.heartbeat);
  if (auto in = log_in(state.get(), options); !in.ok()) return in.error();
  amqp_channel_open(state.get(), channel);
  if (auto open = check("channel", amqp_get_rpc_reply(state.get())); !open.ok()) {
    return open.error();
  }
  amqp_confirm_select(state.get(), channel);
  if (auto select = check("confirmations", amqp_get_rpc_reply(state.get())); !select.ok()) {
    return select.error();
  }
  return std::unique_ptr<Connection>(std::make_unique<RabbitConnection>(std::move(state)));
}

}  // namespace troupe::amqp
