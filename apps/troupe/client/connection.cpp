// Dialling and the handshake: `hello`, the proof of the token, the session's capabilities.
#include "apps/troupe/client/client.h"
#include "apps/troupe/client/obstacle.h"
#include "apps/troupe/client/trust.h"
#include "runtime/base/hash.h"
#include "runtime/hawk/ext.h"
#include "runtime/rpc/errors.h"
#include "runtime/tls/tls.h"

#include <capnp/message.h>
#include <capnp/rpc-twoparty.h>
#include <kj/timer.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace troupe::client {
namespace {

constexpr std::uint64_t message_bytes_max = 64 << 20;
constexpr kj::uint default_port = 7421;  // where an address names none

kj::Exception failure(kj::Exception::Type type, Errc code, const std::string& detail) {
  const std::string text = std::string(to_string(code)) + ": " + detail;
  return kj::Exception(type, __FILE__, __LINE__, kj::heapString(text.data(), text.size()));
}

kj::Exception unreachable(const std::string& detail) {
  return failure(kj::Exception::Type::DISCONNECTED, Errc::unavailable, detail);
}

capnp::ReaderOptions reader_options() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = message_bytes_max / sizeof(capnp::word);
  return options;
}

/// A stream that looks at the first bytes which come from the other side.
class WatchedStream final : public kj::AsyncIoStream {
 public:
  explicit WatchedStream(kj::Own<kj::AsyncIoStream> stream) : stream_(kj::mv(stream)) {}

  /// Whether they are those of an HTTP response.
  bool speaks_http() const { return first_ == http_start; }

  kj::Promise<std::size_t> tryRead(void* buffer, std::size_t min, std::size_t max) override {
    if (first_.size() == http_start.size()) return stream_->tryRead(buffer, min, max);
    return stream_->tryRead(buffer, min, max).then([this, buffer](std::size_t size) {
      const auto more = std::min(size, http_start.size() - first_.size());
      first_.append(static_cast<const char*>(buffer), more);
      return size;
    });
  }
  kj::Promise<void> write(const void* buffer, std::size_t size) override {
    return stream_->write(buffer, size);
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    return stream_->write(pieces);
  }
  kj::Promise<void> whenWriteDisconnected() override { return stream_->whenWriteDisconnected(); }
  void shutdownWrite() override { stream_->shutdownWrite(); }
  void abortRead() override { stream_->abortRead(); }
  void getsockopt(int level, int option, void* value, kj::uint* length) override {
    stream_->getsockopt(level, option, value, length);
  }
  void setsockopt(int level, int option, const void* value, kj::uint length) override {
    stream_->setsockopt(level, option, value, length);
  }

 private:
  static constexpr std::string_view http_start = "HTTP/";

  kj::Own<kj::AsyncIoStream> stream_;
  std::string first_;  // as many as an HTTP response would show itself by
};

class RpcConnection final : public Connection {
 public:
  RpcConnection(kj::Own<kj::AsyncIoStream> stream, std::string address)
      : stream_(kj::heap<WatchedStream>(kj::mv(stream))),
        address_(std::move(address)),
        network_(*stream_, capnp::rpc::twoparty::Side::CLIENT, reader_options()),
        rpc_(capnp::makeRpcClient(network_)),
        queue_(nullptr),
        troupe_(nullptr),
        workers_(nullptr),
        auth_(nullptr),
        object_(nullptr) {}
  ~RpcConnection() noexcept override {}  // those of kj may throw, our interface's may not

  schema::Queue::Client queue() override { return queue_; }
  schema::Troupe::Client troupe() override { return troupe_; }
  schema::WorkerService::Client workers() override { return workers_; }
  schema::Auth::Client auth() override { return auth_; }
  schema::Object::Client object() override { return object_; }
  kj::Promise<void> on_disconnect() override { return network_.onDisconnect(); }

  const std::string& address() const { return address_; }
  bool speaks_http() const { return stream_->speaks_http(); }

  /// The whole handshake; `target` must live until it has ended.
  kj::Promise<void> open(const Target& target) {
    capnp::MallocMessageBuilder message(4);
    auto vat = message.initRoot<capnp::rpc::twoparty::VatId>();
    vat.setSide(capnp::rpc::twoparty::Side::SERVER);
    auto gateway = rpc_.bootstrap(vat).castAs<schema::Gateway>();
    return gateway.helloRequest().send().then(
        [this, gateway, &target](capnp::Response<schema::Gateway::HelloResults>&& hello) mutable {
          return authenticate(gateway, hello, target);
        });
  }

 private:
  kj::Promise<void> authenticate(schema::Gateway::Client& gateway,
                                 schema::Gateway::HelloResults::Reader hello,
                                 const Target& target) {
    if (hello.getProtocol() != schema::PROTOCOL_VERSION) {
      return failure(kj::Exception::Type::FAILED, Errc::conflict,
                     "the server at " + address_ + " (troupe " + hello.getVersion().cStr() +
                         ") speaks protocol " + std::to_string(hello.getProtocol()) +
                         ", this program (troupe " TROUPE_VERSION ") speaks protocol " +
                         std::to_string(schema::PROTOCOL_VERSION) +
                         ": use the same release on both sides");
    }
    const auto nonce = hello.getNonce();
    const std::string ext = hawk::make_ext(target.certificate, std::nullopt);
    const std::string mac = authentication_mac(
        target.access_token,
        std::string_view(reinterpret_cast<const char*>(nonce.begin()), nonce.size()),
        target.client_id, ext);
    auto request = gateway.authenticateRequest();
    request.setExt(ext);
    request.setClientId(target.client_id);
    request.setMac({reinterpret_cast<const kj::byte*>(mac.data()), mac.size()});
    auto answer = request.send();
    // The capabilities are asked for before the answer is here: one round trip less.
    auto session = answer.getSession();
    queue_ = session.queueRequest().send().getQueue();
    troupe_ = session.troupeRequest().send().getTroupe();
    workers_ = session.workersRequest().send().getWorkers();
    auth_ = session.authRequest().send().getAuth();
    object_ = session.objectRequest().send().getObject();
    return answer.ignoreResult();
  }

  kj::Own<WatchedStream> stream_;
  std::string address_;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc_;
  schema::Queue::Client queue_;
  schema::Troupe::Client troupe_;
  schema::WorkerService::Client workers_;
  schema::Auth::Client auth_;
  schema::Object::Client object_;
};

// How connections over TCP are encrypted.
struct Security {
  kj::Own<kj::TlsContext> context;
  std::string server_name;
};
using SecurityPtr = std::shared_ptr<Security>;  // null: not at all

// Errors: `invalid` what the target says of TLS cannot be used.
Result<SecurityPtr> security_of(const Target& target) {
  if (target.ca.empty()) return SecurityPtr();
  const TlsMaterial material{.certificate = target.client_cert,
                             .key = target.client_key,
                             .authority = target.ca == system_authorities ? "" : target.ca};
  const bool own = target.found_in == environment_credentials;
  auto good = check_tls_client(material, own ? trust_place(target) : target.found_in);
  if (!good) return good.error();
  return SecurityPtr(
      std::make_shared<Security>(Security{make_tls_client(material), target.server_name}));
}

kj::Promise<kj::Own<kj::AsyncIoStream>> secure(kj::Own<kj::AsyncIoStream> stream,
                                               const std::string& address,
                                               const SecurityPtr& security) {
  if (!security || address.starts_with("unix:")) return kj::mv(stream);
  const auto& given = security->server_name;
  const std::string name = given.empty() ? host_of(address) : given;
  return security->context->wrapClient(kj::mv(stream), name.c_str())
      .attach(kj::heap<SecurityPtr>(security));
}

kj::Promise<kj::Own<kj::AsyncIoStream>> dial_one(kj::AsyncIoProvider& io,
                                                 const std::string& address,
                                                 const SecurityPtr& security) {
  auto promise = io.getNetwork()
                     .parseAddress(kj::StringPtr(address.c_str(), address.size()), default_port)
                     .then([](kj::Own<kj::NetworkAddress>&& parsed) {
                       auto connected = parsed->connect();
                       return connected.attach(kj::mv(parsed));
                     })
                     .then([address, security](kj::Own<kj::AsyncIoStream>&& stream) {
                       return secure(kj::mv(stream), address, security);
                     });
  return io.getTimer().timeoutAfter(connect_seconds_max * kj::SECONDS, kj::mv(promise));
}

struct Dialled {
  kj::Own<kj::AsyncIoStream> stream;
  std::string address;
};

// One look for somebody who answers.
struct Search {
  kj::AsyncIoProvider& io;
  const std::vector<std::string> addresses;
  const Target target;
  const SecurityPtr security;
  std::string failures = {};  // of those that did not answer
  std::string help = {};      // what would help with the last of them that can be helped
};

kj::Exception nobody_answered(const Search& search) {
  const Target& target = search.target;
  const std::string& source = target.address_from.empty() ? target.found_in : target.address_from;
  return unreachable("no server answers at " + search.failures + " (address from " + source +
                     "): " +
                     (search.help.empty() ? "start it with `troupe up`, or check the "
                                            "address"
                                          : search.help));
}

// The first address from `index` on that accepts.
kj::Promise<Dialled> dial(std::shared_ptr<Search> search, std::size_t index) {
  if (index == search->addresses.size()) return nobody_answered(*search);
  const std::string& address = search->addresses[index];
  return dial_one(search->io, address, search->security)
      .then(
          [search, &address](kj::Own<kj::AsyncIoStream>&& stream) -> kj::Promise<Dialled> {
            return Dialled{kj::mv(stream), address};
          },
          [search, &address, index](kj::Exception&& exception) -> kj::Promise<Dialled> {
            Obstacle obstacle = dialling_obstacle(exception, address, search->target);
            search->failures += (search->failures.empty() ? "" : ", ") + address + " (" +
                                std::move(obstacle.what) + ")";
            if (!obstacle.help.empty()) search->help = std::move(obstacle.help);
            return dial(search, index + 1);
          });
}

// Those of the environment may be temporary, which nothing but a certificate shows.
const char* certificate_hint(const Target& target) {
  if (target.found_in != environment_credentials || !target.certificate.empty()) return "";
  return "; temporary credentials, such as those of a claim, need TASKCLUSTER_CERTIFICATE as well";
}

// Says whom and what the failed handshake was about.
kj::Exception handshake_failure(kj::Exception&& exception,
                                const RpcConnection& connection,
                                const Target& target) {
  const std::string& address = connection.address();
  if (connection.speaks_http()) {
    const std::string& source = target.address_from.empty() ? target.found_in : target.address_from;
    return failure(kj::Exception::Type::FAILED, Errc::invalid,
                   address + " (address from " + source +
                       ") speaks HTTP: give the RPC address, usually port " +
                       std::to_string(default_port));
  }
  const Error error = error_from(exception);
  if (error.code == Errc::unauthenticated) {
    return failure(kj::Exception::Type::FAILED, Errc::unauthenticated,
                   "the server at " + address + " refuses client " + target.client_id + " (" +
                       target.found_in + "): " + error.detail + certificate_hint(target));
  }
  if (error.code == Errc::conflict) return kj::mv(exception);
  if (exception.getType() == kj::Exception::Type::OVERLOADED && error.code == Errc::busy) {
    return unreachable("the server at " + address + " did not finish the handshake in " +
                       std::to_string(handshake_seconds_max) +
                       " s: " + silence_help(target, false));
  }
  if (exception.getType() == kj::Exception::Type::DISCONNECTED) {
    return unreachable("the server at " + address +
                       " hung up during the handshake: " + silence_help(target, true));
  }
  return failure(exception.getType(), error.code,
                 "handshake with " + address + " failed: " + error.detail);
}

kj::Promise<std::unique_ptr<Connection>> shake_hands(kj::AsyncIoProvider& io,
                                                     Dialled dialled,
                                                     Target target) {
  struct State {
    std::unique_ptr<RpcConnection> connection;
    Target target;
  };
  auto state = kj::heap<State>();
  state->connection = std::make_unique<RpcConnection>(kj::mv(dialled.stream), dialled.address);
  state->target = std::move(target);
  State& borrowed = *state;
  return io.getTimer()
      .timeoutAfter(handshake_seconds_max * kj::SECONDS, borrowed.connection->open(borrowed.target))
      .then([&borrowed]() -> std::unique_ptr<Connection> { return std::move(borrowed.connection); },
            [&borrowed](kj::Exception&& exception) -> std::unique_ptr<Connection> {
              kj::throwFatalException(
                  handshake_failure(kj::mv(exception), *borrowed.connection, borrowed.target));
            })
      .attach(kj::mv(state));
}

}  // namespace

std::string authentication_mac(std::string_view access_token,
                               std::string_view nonce,
                               std::string_view client_id,
                               std::string_view ext) {
  std::string text = "troupe rpc 1\n";
  text.append(nonce).append("\n").append(client_id);
  if (!ext.empty()) text.append("\n").append(ext);
  const Sha256 mac = hmac_sha256(access_token, text);
  return {reinterpret_cast<const char*>(mac.data()), mac.size()};
}

kj::Promise<std::unique_ptr<Connection>> connect(kj::AsyncIoProvider& io, const Target& target) {
  std::vector<std::string> addresses = addresses_of(target.rpc);
  if (addresses.empty()) {
    return failure(kj::Exception::Type::FAILED, Errc::invalid,
                   target.found_in + ": no RPC address is given");
  }
  auto security = security_of(target);
  if (!security) {
    return failure(kj::Exception::Type::FAILED, security.error().code, security.error().detail);
  }
  return dial(std::make_shared<Search>(
                  Search{io, std::move(addresses), target, std::move(security).value()}),
              0)
      .then([&io, target](Dialled&& dialled) mutable {
        return shake_hands(io, kj::mv(dialled), std::move(target));
      });
}

}  // namespace troupe::client
