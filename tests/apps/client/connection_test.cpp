#include "apps/troupe/client/client.h"
#include "runtime/base/hash.h"
#include "runtime/base/random.h"
#include "runtime/rpc/errors.h"

#include <capnp/rpc-twoparty.h>
#include <catch2/catch.hpp>

#include <filesystem>

namespace troupe::client {
namespace {

constexpr const char* client_id = "static/troupe/root";
constexpr const char* token = "good-token";

// The server's answers, as the test wants them.
struct Behaviour {
  std::uint32_t protocol = schema::PROTOCOL_VERSION;
  std::string nonce = std::string(32, 'n');
};

class FakeQueue final : public schema::Queue::Server {
 protected:
  kj::Promise<void> ping(PingContext context) override {
    context.getResults().setAlive(true);
    return kj::READY_NOW;
  }
};

class FakeSession final : public schema::Session::Server {
 protected:
  kj::Promise<void> queue(QueueContext context) override {
    context.getResults().setQueue(kj::heap<FakeQueue>());
    return kj::READY_NOW;
  }
};

class FakeGateway final : public schema::Gateway::Server {
 public:
  explicit FakeGateway(Behaviour behaviour) : behaviour_(std::move(behaviour)) {}

 protected:
  kj::Promise<void> hello(HelloContext context) override {
    auto results = context.getResults();
    results.setProtocol(behaviour_.protocol);
    results.setVersion("9.9.9");
    results.setNonce(
        {reinterpret_cast<const kj::byte*>(behaviour_.nonce.data()), behaviour_.nonce.size()});
    return kj::READY_NOW;
  }

  kj::Promise<void> authenticate(AuthenticateContext context) override {
    const auto params = context.getParams();
    const std::string expected = authentication_mac(token, behaviour_.nonce, client_id);
    const std::string given(reinterpret_cast<const char*>(params.getMac().begin()),
                            params.getMac().size());
    if (params.getClientId() != client_id || given != expected) {
      return exception_from({Errc::unauthenticated, "wrong credentials"});
    }
    context.getResults().setSession(kj::heap<FakeSession>());
    return kj::READY_NOW;
  }

 private:
  const Behaviour behaviour_;
};

struct Fixture {
  Fixture() : socket((std::filesystem::temp_directory_path() / new_slugid()).string()) {
    target.rpc = "unix:" + socket;
    target.client_id = client_id;
    target.access_token = token;
    target.found_in = "the test";
  }
  ~Fixture() { std::filesystem::remove(socket); }

  kj::Own<kj::ConnectionReceiver> listen(const std::string& address) {
    return io.provider->getNetwork()
        .parseAddress(kj::StringPtr(address.c_str()))
        .wait(io.waitScope)
        ->listen();
  }

  void serve(Behaviour behaviour) {
    receiver = listen("unix:" + socket);
    server = kj::heap<capnp::TwoPartyServer>(kj::heap<FakeGateway>(std::move(behaviour)));
    serving = server->listen(*receiver).eagerlyEvaluate(nullptr);
  }

  /// What connecting fails with.
  Error failure() {
    kj::Maybe<kj::Exception> thrown =
        kj::runCatchingExceptions([&] { connect(*io.provider, target).wait(io.waitScope); });
    KJ_IF_MAYBE (exception, thrown) {
      type = exception->getType();
      return error_from(*exception);
    }
    FAIL("connected");
    return {};
  }

  kj::AsyncIoContext io = kj::setupAsyncIo();
  std::string socket;
  Target target;
  kj::Own<kj::ConnectionReceiver> receiver;
  kj::Own<capnp::TwoPartyServer> server;
  kj::Promise<void> serving = nullptr;
  kj::Exception::Type type = kj::Exception::Type::FAILED;
};

bool has(const Error& error, const std::string& text) {
  return error.detail.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("the right credentials get a session", "[client]") {
  Fixture f;
  f.serve({});
  auto connection = connect(*f.io.provider, f.target).wait(f.io.waitScope);
  CHECK(connection->queue().pingRequest().send().wait(f.io.waitScope).getAlive());
}

TEST_CASE("the proof is the HMAC that the schema defines", "[client]") {
  const std::string mac = authentication_mac("key", "nonce", "client");
  const Sha256 expected = hmac_sha256("key", "troupe rpc 1\nnonce\nclient");
  CHECK(mac == std::string(reinterpret_cast<const char*>(expected.data()), expected.size()));
}

TEST_CASE("wrong credentials are refused, and the token is not told", "[client]") {
  Fixture f;
  f.serve({});
  f.target.access_token = "bad-token";
  const Error error = f.failure();
  CHECK(error.code == Errc::unauthenticated);
  CHECK(has(error, client_id));
  CHECK(has(error, "the test"));
  CHECK_FALSE(has(error, "bad-token"));
}

TEST_CASE("another protocol is refused, with both versions", "[client]") {
  Fixture f;
  f.serve({.protocol = 7});
  const Error error = f.failure();
  CHECK(error.code == Errc::conflict);
  CHECK(has(error, "protocol 7"));
  CHECK(has(error, "9.9.9"));
  CHECK(has(error, "speaks protocol 1"));
  CHECK(f.type == kj::Exception::Type::FAILED);
}

TEST_CASE("a peer that hangs up is a lost connection", "[client]") {
  Fixture f;
  f.receiver = f.listen("unix:" + f.socket);
  f.serving = f.receiver->accept().ignoreResult().eagerlyEvaluate(nullptr);
  const Error error = f.failure();
  CHECK(error.code == Errc::unavailable);
  CHECK(f.type == kj::Exception::Type::DISCONNECTED);
  CHECK(has(error, "hung up"));
}

TEST_CASE("a peer that talks garbage is an error that names it", "[client]") {
  Fixture f;
  f.receiver = f.listen("unix:" + f.socket);
  const std::string garbage(4096, 'x');
  f.serving = f.receiver->accept()
                  .then([&garbage](kj::Own<kj::AsyncIoStream>&& stream) {
                    auto written = stream->write(garbage.data(), garbage.size());
                    return written.attach(kj::mv(stream));
                  })
                  .eagerlyEvaluate(nullptr);
  const Error error = f.failure();
  CHECK(has(error, f.socket));
}

TEST_CASE("nobody there names all addresses and what to do", "[client]") {
  Fixture f;
  f.target.rpc = "unix:" + f.socket + ",127.0.0.1:1";
  const Error error = f.failure();
  CHECK(error.code == Errc::unavailable);
  CHECK(f.type == kj::Exception::Type::DISCONNECTED);
  CHECK(has(error, f.socket));
  CHECK(has(error, "127.0.0.1:1"));
  CHECK(has(error, "troupe up"));
  CHECK(has(error, "address from the test"));
}

TEST_CASE("an address that came from elsewhere than the credentials says so", "[client]") {
  Fixture f;
  f.target.rpc = "no-such-host.invalid";
  f.target.address_from = "--join";
  const Error error = f.failure();
  CHECK(has(error, "no-such-host.invalid (host not found"));
  CHECK(has(error, "address from --join"));
  CHECK_FALSE(has(error, "the test"));
}

TEST_CASE("the first address that answers is used", "[client]") {
  Fixture f;
  f.serve({});
  f.target.rpc = "127.0.0.1:1,unix:" + f.socket + "-absent,unix:" + f.socket;
  auto connection = connect(*f.io.provider, f.target).wait(f.io.waitScope);
  CHECK(connection->queue().pingRequest().send().wait(f.io.waitScope).getAlive());
}

TEST_CASE("the end of a connection is noticed", "[client]") {
  Fixture f;
  f.serve({});
  auto connection = connect(*f.io.provider, f.target).wait(f.io.waitScope);
  f.serving = nullptr;
  f.server = nullptr;
  connection->on_disconnect().wait(f.io.waitScope);
}

}  // namespace troupe::client
