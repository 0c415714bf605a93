#include "apps/troupe/client/client.h"
#include "runtime/base/hash.h"
#include "runtime/base/random.h"
#include "runtime/rpc/errors.h"
#include "runtime/tls/tls.h"
#include "tests/apps/server/temp_dir.h"

#include <capnp/rpc-twoparty.h>
#include <catch2/catch.hpp>

#include <cstdlib>
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

/// A server that speaks TLS on a port of this machine.
struct EncryptedFixture : Fixture {
  explicit EncryptedFixture(bool mutual = false, bool expired = false) {
    make_certificate("server", "server.test");
    if (expired) expire("server");
    make_certificate("client", "client.test");
    const TlsMaterial material{.certificate = dir.read("server.pem"),
                               .key = dir.read("server.key"),
                               .authority = mutual ? dir.read("client.pem") : ""};
    tls = make_tls_server(material, io.provider->getTimer(), std::chrono::seconds{10});
    plain = listen("127.0.0.1");
    const auto port = plain->getPort();
    target.rpc = "127.0.0.1:" + std::to_string(port);
    target.ca = dir.read("server.pem");
    target.server_name = "server.test";
    receiver = tls->wrapPort(kj::mv(plain));
    server = kj::heap<capnp::TwoPartyServer>(kj::heap<FakeGateway>(Behaviour{}));
    serving = server->listen(*receiver).eagerlyEvaluate([](kj::Exception&&) {});
  }
  ~EncryptedFixture() {
    serving = nullptr;
    receiver = nullptr;
  }

  void make_certificate(const std::string& file, const std::string& name) const {
    const std::string command =
        "cd " + dir.path() +
        " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650" +
        " -subj /CN=" + name + " -addext subjectAltName=DNS:" + name + " -keyout " + file +
        ".key -out " + file + ".pem 2>openssl.log";
    REQUIRE(std::system(command.c_str()) == 0);
  }

  /// The same certificate, as of yesterday.
  void expire(const std::string& file) const {
    const std::string command = "cd " + dir.path() + " && openssl x509 -x509toreq -in " + file +
                                ".pem -signkey " + file +
                                ".key -copy_extensions copy -out csr 2>openssl.log"
                                " && openssl x509 -req -days -1 -copy_extensions copy -in csr"
                                " -signkey " +
                                file + ".key -out " + file + ".pem 2>openssl.log";
    REQUIRE(std::system(command.c_str()) == 0);
  }

  bool connects() {
    auto connection = connect(*io.provider, target).wait(io.waitScope);
    return connection->queue().pingRequest().send().wait(io.waitScope).getAlive();
  }

  test::TempDir dir;
  kj::Own<kj::TlsContext> tls;
  kj::Own<kj::ConnectionReceiver> plain;
};

}  // namespace

TEST_CASE("a connection over TCP is encrypted if the credentials say so", "[client]") {
  EncryptedFixture f;
  SECTION("with the certificate that they trust") {
    CHECK(f.connects());
  }
  SECTION("not with another one") {
    f.target.ca = f.dir.read("client.pem");
    const Error error = f.failure();
    CHECK(error.code == Errc::unavailable);
    CHECK(has(error, "its certificate is not trusted: nobody that `ca` in the test names has "));
    CHECK(has(error, "put the last certificate of its rpc.tls_cert there"));
  }
  SECTION("not with one of another name") {
    f.target.server_name.clear();
    Error error = f.failure();
    CHECK(has(error, "its certificate is not trusted: it does not hold the name 127.0.0.1"));
    CHECK(has(error, "or set `serverName` in the test"));
    f.target.found_in = "TASKCLUSTER_CLIENT_ID and TASKCLUSTER_ACCESS_TOKEN";
    error = f.failure();
    CHECK_FALSE(has(error, "serverName"));
    CHECK_FALSE(has(error, "troupe up"));
  }
  SECTION("not with one that the system does not know") {
    f.target.ca = "system";
    CHECK(has(f.failure(), "its certificate is not trusted"));
  }
  SECTION("not with what is no certificate") {
    f.target.ca = "noise";
    const Error error = f.failure();
    CHECK(error.code == Errc::invalid);
    CHECK(has(error, "the test: `ca`"));
  }
  SECTION("and a plain one gets nowhere") {
    f.target.ca.clear();
    const Error error = f.failure();
    CHECK(has(error, "does it speak TLS?"));
    CHECK(has(error, "TROUPE_CA"));
  }
  SECTION("while a socket needs none of it") {
    f.serve({});
    f.target.rpc = "unix:" + f.socket;
    CHECK(f.connects());
  }
}

TEST_CASE("a certificate that has expired is called so", "[client]") {
  EncryptedFixture f(false, true);
  const Error error = f.failure();
  CHECK(error.code == Errc::unavailable);
  CHECK(has(error, "its certificate is not trusted: it has expired"));
  CHECK(has(error, "SIGHUP"));
}

TEST_CASE("encryption where there is none says so", "[client]") {
  EncryptedFixture f;
  auto plain = f.listen("127.0.0.1");
  f.target.rpc = "127.0.0.1:" + std::to_string(plain->getPort());
  const auto talking = plain->accept()
                           .then([](kj::Own<kj::AsyncIoStream>&& stream) {
                             auto written = stream->write("HTTP/1.1 400\r\n", 14);
                             return written.attach(kj::mv(stream));
                           })
                           .eagerlyEvaluate(nullptr);
  const Error error = f.failure();
  CHECK(has(error, "no TLS there, or none that fits"));
  CHECK(has(error, "if that one is plain, leave out `ca` in the test"));
}

TEST_CASE("a client may prove itself by a certificate", "[client]") {
  EncryptedFixture f(true);
  SECTION("of the authority") {
    f.target.client_cert = f.dir.read("client.pem");
    f.target.client_key = f.dir.read("client.key");
    CHECK(f.connects());
  }
  SECTION("not of another") {
    f.target.client_cert = f.dir.read("server.pem");
    f.target.client_key = f.dir.read("server.key");
    CHECK(f.failure().code == Errc::unavailable);
  }
  SECTION("not without one") {
    CHECK(f.failure().code == Errc::unavailable);
  }
}

TEST_CASE("an address that speaks HTTP is told to do so", "[client]") {
  Fixture f;
  f.receiver = f.listen("unix:" + f.socket);
  kj::Own<kj::AsyncIoStream> peer;
  static constexpr std::string_view answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
  f.serving = f.receiver->accept()
                  .then([&peer](kj::Own<kj::AsyncIoStream> accepted) {
                    peer = kj::mv(accepted);
                    return peer->write(answer.data(), answer.size());
                  })
                  .eagerlyEvaluate(nullptr);
  const Error error = f.failure();
  CHECK(error.code == Errc::invalid);
  CHECK(has(error, f.socket));
  CHECK(has(error, "speaks HTTP: give the RPC address, usually port 7421"));
  CHECK(f.type == kj::Exception::Type::FAILED);
}

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
  CHECK(has(error, "speaks protocol " + std::to_string(schema::PROTOCOL_VERSION)));
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
