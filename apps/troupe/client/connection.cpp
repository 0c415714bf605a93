// Dialling and the handshake: `hello`, the proof of the token, the session's capabilities.
#include "apps/troupe/client/client.h"
#include "runtime/base/hash.h"
#include "runtime/rpc/errors.h"

#include <capnp/message.h>
#include <capnp/rpc-twoparty.h>
#include <kj/timer.h>

#include <utility>

namespace troupe::client {
namespace {

constexpr auto answer_max = 5 * kj::SECONDS;  // to connect, and to shake hands
constexpr std::uint64_t message_bytes_max = 64 << 20;
constexpr kj::uint default_port = 7421;  // where an address names none

kj::Exception failure(kj::Exception::Type type, Errc code, const std::string& detail) {
  const std::string text = std::string(to_string(code)) + ": " + detail;
  return kj::Exception(type, __FILE__, __LINE__, kj::heapString(text.data(), text.size()));
}

kj::Exception unreachable(const std::string& detail) {
  return failure(kj::Exception::Type::DISCONNECTED, Errc::unavailable, detail);
}

std::string text_of(const kj::Exception& exception) {
  return {exception.getDescription().begin(), exception.getDescription().size()};
}

capnp::ReaderOptions reader_options() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = message_bytes_max / sizeof(capnp::word);
  return options;
}

class RpcConnection final : public Connection {
 public:
  RpcConnection(kj::Own<kj::AsyncIoStream> stream, std::string address)
      : stream_(kj::mv(stream)),
        address_(std::move(address)),
        network_(*stream_, capnp::rpc::twoparty::Side::CLIENT, reader_options()),
        rpc_(capnp::makeRpcClient(network_)),
        queue_(nullptr),
        troupe_(nullptr),
        workers_(nullptr) {}
  ~RpcConnection() noexcept override {}  // those of kj may throw, our interface's may not

  schema::Queue::Client queue() override { return queue_; }
  schema::Troupe::Client troupe() override { return troupe_; }
  schema::WorkerService::Client workers() override { return workers_; }
  kj::Promise<void> on_disconnect() override { return network_.onDisconnect(); }

  const std::string& address() const { return address_; }

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
    const std::string mac = authentication_mac(
        target.access_token,
        std::string_view(reinterpret_cast<const char*>(nonce.begin()), nonce.size()),
        target.client_id);
    auto request = gateway.authenticateRequest();
    request.setClientId(target.client_id);
    request.setMac({reinterpret_cast<const kj::byte*>(mac.data()), mac.size()});
    auto answer = request.send();
    // The capabilities are asked for before the answer is here: one round trip less.
    auto session = answer.getSession();
    queue_ = session.queueRequest().send().getQueue();
    troupe_ = session.troupeRequest().send().getTroupe();
    workers_ = session.workersRequest().send().getWorkers();
    return answer.ignoreResult();
  }

  kj::Own<kj::AsyncIoStream> stream_;
  std::string address_;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc_;
  schema::Queue::Client queue_;
  schema::Troupe::Client troupe_;
  schema::WorkerService::Client workers_;
};

kj::Promise<kj::Own<kj::AsyncIoStream>> dial_one(kj::AsyncIoProvider& io,
                                                 const std::string& address) {
  auto promise = io.getNetwork()
                     .parseAddress(kj::StringPtr(address.c_str(), address.size()), default_port)
                     .then([](kj::Own<kj::NetworkAddress>&& parsed) {
                       auto connected = parsed->connect();
                       return connected.attach(kj::mv(parsed));
                     });
  return io.getTimer().timeoutAfter(answer_max, kj::mv(promise));
}

struct Dialled {
  kj::Own<kj::AsyncIoStream> stream;
  std::string address;
};

std::string unanswered(const kj::Exception& exception) {
  // kj gives the failed system call and then its reason; people need the reason.
  if (exception.getType() == kj::Exception::Type::OVERLOADED) return "no answer in 5 s";
  const std::string text = text_of(exception);
  constexpr std::string_view lookup = "gai_strerror(status) = ";
  if (const auto found = text.rfind(lookup); found != std::string::npos) {
    return "host not found: " + text.substr(found + lookup.size());
  }
  const std::size_t colon = text.rfind(": ");
  return colon == std::string::npos ? text : text.substr(colon + 2);
}

// The first of `addresses` from `index` on that accepts; `failures` tells of those before it.
kj::Promise<Dialled> dial(kj::AsyncIoProvider& io,
                          std::vector<std::string> addresses,
                          std::size_t index,
                          std::string failures,
                          std::string source) {
  if (index == addresses.size()) {
    return unreachable("no server answers at " + failures + " (address from " + source +
                       "): start it with `troupe up`, or check the address");
  }
  const std::string address = addresses[index];
  return dial_one(io, address)
      .then(
          [address](kj::Own<kj::AsyncIoStream>&& stream) -> kj::Promise<Dialled> {
            return Dialled{kj::mv(stream), address};
          },
          [&io, addresses = std::move(addresses), index, failures = std::move(failures),
           source = std::move(source)](kj::Exception&& exception) mutable -> kj::Promise<Dialled> {
            failures += (failures.empty() ? "" : ", ") + addresses[index] + " (" +
                        unanswered(exception) + ")";
            return dial(io, std::move(addresses), index + 1, std::move(failures),
                        std::move(source));
          });
}

// Says whom and what the failed handshake was about.
kj::Exception handshake_failure(kj::Exception&& exception,
                                const std::string& address,
                                const Target& target) {
  const Error error = error_from(exception);
  if (error.code == Errc::unauthenticated) {
    return failure(kj::Exception::Type::FAILED, Errc::unauthenticated,
                   "the server at " + address + " refuses client " + target.client_id + " (" +
                       target.found_in + "): " + error.detail);
  }
  if (error.code == Errc::conflict) return kj::mv(exception);
  if (exception.getType() == kj::Exception::Type::OVERLOADED && error.code == Errc::busy) {
    return unreachable("the server at " + address + " did not finish the handshake in 5 s");
  }
  if (exception.getType() == kj::Exception::Type::DISCONNECTED) {
    return unreachable("the server at " + address + " hung up during the handshake");
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
      .timeoutAfter(answer_max, borrowed.connection->open(borrowed.target))
      .then([&borrowed]() -> std::unique_ptr<Connection> { return std::move(borrowed.connection); },
            [&borrowed](kj::Exception&& exception) -> std::unique_ptr<Connection> {
              kj::throwFatalException(handshake_failure(
                  kj::mv(exception), borrowed.connection->address(), borrowed.target));
            })
      .attach(kj::mv(state));
}

}  // namespace

std::string authentication_mac(std::string_view access_token,
                               std::string_view nonce,
                               std::string_view client_id) {
  std::string text = "troupe rpc 1\n";
  text.append(nonce).append("\n").append(client_id);
  const Sha256 mac = hmac_sha256(access_token, text);
  return {reinterpret_cast<const char*>(mac.data()), mac.size()};
}

kj::Promise<std::unique_ptr<Connection>> connect(kj::AsyncIoProvider& io, const Target& target) {
  std::vector<std::string> addresses = addresses_of(target.rpc);
  if (addresses.empty()) {
    return failure(kj::Exception::Type::FAILED, Errc::invalid,
                   target.found_in + ": no RPC address is given");
  }
  const std::string& source = target.address_from.empty() ? target.found_in : target.address_from;
  return dial(io, std::move(addresses), 0, {}, source)
      .then([&io, target](Dialled&& dialled) mutable {
        return shake_hands(io, kj::mv(dialled), std::move(target));
      });
}

}  // namespace troupe::client
