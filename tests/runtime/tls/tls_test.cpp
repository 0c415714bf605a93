#include "runtime/tls/tls.h"

#include "tests/apps/server/temp_dir.h"

#include <catch2/catch.hpp>
#include <kj/async-io.h>

#include <cstdlib>
#include <string>

using namespace troupe;
using Catch::Matchers::Contains;
using test::TempDir;

namespace {

constexpr Instant now{4'100'000'000'000};  // in 2099; certificates are good for 100 years

/// Runs openssl in the folder.
void openssl(const TempDir& dir, const std::string& arguments) {
  const std::string command =
      "cd " + dir.path() + " && openssl " + arguments + " >openssl.log 2>&1";
  INFO(dir.read("openssl.log"));
  REQUIRE(std::system(command.c_str()) == 0);
}

/// `NAME.key`, and `NAME.pem` that has signed itself.
void make_certificate(const TempDir& dir, const std::string& name, const std::string& more = "") {
  openssl(dir,
          "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=" +
              name + " -addext subjectAltName=DNS:localhost -keyout " + name + ".key -out " + name +
              ".pem " + more);
}

Result<TlsMaterial> read(const TempDir& dir,
                         const std::string& certificate,
                         const std::string& key,
                         const std::string& authority = "") {
  const auto path = [&dir](const std::string& name) { return name.empty() ? name : dir / name; };
  return read_tls_files({.certificate = path(certificate),
                         .key = path(key),
                         .client_authority = path(authority),
                         .certificate_name = "x.tls_cert",
                         .key_name = "x.tls_key",
                         .client_authority_name = "x.tls_client_ca"},
                        now);
}

std::string refusal(const Result<TlsMaterial>& read_material) {
  REQUIRE_FALSE(read_material.ok());
  CHECK(read_material.error().code == Errc::invalid);
  return read_material.error().detail;
}

/// Whether the two shake hands and understand each other.
bool talk(const TlsMaterial& server, const TlsMaterial& client, const std::string& name) {
  auto io = kj::setupAsyncIo();
  auto pipe = io.provider->newTwoWayPipe();
  auto server_tls = make_tls_server(server, io.provider->getTimer(), std::chrono::seconds{10});
  auto client_tls = make_tls_client(client);
  bool understood = false;
  auto serving = server_tls->wrapServer(kj::mv(pipe.ends[0]))
                     .then([](kj::Own<kj::AsyncIoStream> stream) {
                       auto& borrowed = *stream;
                       return borrowed.write("hello", 5).attach(kj::mv(stream));
                     })
                     .eagerlyEvaluate([](kj::Exception&&) {});
  auto asking =
      client_tls->wrapClient(kj::mv(pipe.ends[1]), name.c_str())
          .then([&understood](kj::Own<kj::AsyncIoStream> stream) {
            auto buffer = kj::heapArray<char>(5);
            auto reading = stream->tryRead(buffer.begin(), 5, 5);
            return reading.then([&understood](std::size_t size) { understood = size == 5; })
                .attach(kj::mv(buffer), kj::mv(stream));
          });
  try {
    asking.wait(io.waitScope);
  } catch (const kj::Exception&) {
    return false;
  }
  return understood;
}

}  // namespace

TEST_CASE("files of TLS are read and checked", "[tls]") {
  const TempDir dir;
  make_certificate(dir, "server");
  make_certificate(dir, "other");

  SECTION("good ones") {
    CHECK(read(dir, "", "").value().empty());
    const auto material = read(dir, "server.pem", "server.key", "other.pem");
    REQUIRE(material.ok());
    CHECK(material.value().certificate == dir.read("server.pem"));
    CHECK_THAT(own_authority(material.value()), Contains("BEGIN CERTIFICATE"));
  }
  SECTION("not one without the other") {
    CHECK_THAT(refusal(read(dir, "server.pem", "")), Contains("x.tls_key: is missing"));
    CHECK_THAT(refusal(read(dir, "", "server.key")), Contains("x.tls_cert: is missing"));
    CHECK_THAT(refusal(read(dir, "", "", "other.pem")), Contains("x.tls_cert: is missing"));
  }
  SECTION("not what does not belong together") {
    CHECK_THAT(refusal(read(dir, "server.pem", "other.key")),
               Contains("x.tls_key " + (dir / "other.key") + ": is not the key of x.tls_cert " +
                        (dir / "server.pem")));
  }
  SECTION("not other files") {
    dir.write("noise", "noise");
    dir.write("damaged.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    CHECK_THAT(refusal(read(dir, "absent.pem", "server.key")),
               Contains("x.tls_cert " + (dir / "absent.pem") + ": cannot be read: No such file"));
    CHECK_THAT(refusal(read(dir, "noise", "server.key")), Contains("no certificate in PEM"));
    CHECK_THAT(refusal(read(dir, "damaged.pem", "server.key")), Contains("damaged"));
    CHECK_THAT(refusal(read(dir, "server.pem", "noise")), Contains("no private key in PEM"));
    CHECK_THAT(refusal(read(dir, "server.pem", "server.key", "noise")),
               Contains("x.tls_client_ca " + (dir / "noise")));
    openssl(dir, "pkey -in server.key -aes128 -passout pass:secret -out locked.key");
    CHECK_THAT(refusal(read(dir, "server.pem", "locked.key")), Contains("password"));
  }
  SECTION("not what has expired") {
    make_certificate(dir, "old", "-days 1");
    CHECK_THAT(refusal(read(dir, "old.pem", "old.key")), Contains("expired"));
  }
}

TEST_CASE("a client trusts whom it is told to trust", "[tls]") {
  const TempDir dir;
  make_certificate(dir, "server");
  make_certificate(dir, "other");
  const auto server = read(dir, "server.pem", "server.key").value();
  TlsMaterial client{.certificate = {}, .key = {}, .authority = dir.read("server.pem")};
  CHECK(talk(server, client, "localhost"));
  CHECK_FALSE(talk(server, client, "elsewhere"));
  client.authority = dir.read("other.pem");
  CHECK_FALSE(talk(server, client, "localhost"));
  client.authority += dir.read("server.pem");
  CHECK(talk(server, client, "localhost"));
  client.authority = {};
  CHECK_FALSE(talk(server, client, "localhost"));
}

TEST_CASE("a server may want certificates of its clients", "[tls]") {
  const TempDir dir;
  make_certificate(dir, "server");
  make_certificate(dir, "client");
  make_certificate(dir, "other");
  const auto server = read(dir, "server.pem", "server.key", "client.pem").value();
  const std::string authority = dir.read("server.pem");
  const auto client = [&](const std::string& name) {
    return TlsMaterial{dir.read(name + ".pem"), dir.read(name + ".key"), authority};
  };
  CHECK(talk(server, client("client"), "localhost"));
  CHECK_FALSE(talk(server, client("other"), "localhost"));
  CHECK_FALSE(talk(server, {.certificate = {}, .key = {}, .authority = authority}, "localhost"));

  CHECK(check_tls_client(client("client"), "f.json").ok());
  auto mixed = client("client");
  mixed.key = dir.read("other.key");
  CHECK_THAT(check_tls_client(mixed, "f.json").error().detail, Contains("`clientKey`"));
  CHECK_THAT(
      check_tls_client({.certificate = {}, .key = {}, .authority = "x"}, "f.json").error().detail,
      Contains("f.json: `ca`"));
}
