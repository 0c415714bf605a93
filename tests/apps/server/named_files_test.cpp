#include "apps/troupe/server/named_files.h"

#include "runtime/base/key_ring.h"
#include "tests/apps/server/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace troupe::server {
namespace {

using Lines = std::vector<std::string>;
using test::TempDir;

constexpr Instant now{4'100'000'000'000};  // in 2099; certificates are good for 100 years

/// A folder with the configuration, beside the data directory.
struct Place {
  Place() {
    std::filesystem::create_directory(dir / "data");
    for (const char* name : {"a", "b"}) make_certificate(name);
  }

  void make_certificate(const std::string& name) const {
    const std::string command =
        "cd " + dir.path() +
        " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500" +
        " -subj /CN=x -keyout " + name + ".key -out " + name + ".pem 2>openssl.log";
    REQUIRE(std::system(command.c_str()) == 0);
  }

  /// What is found of a configuration with this text. Its path is F, the folder D.
  FileFindings check(const std::string& toml, const std::string& keys = "") const {
    const std::string file = dir.write("t.toml", toml);
    const auto config = load_config({.file = file, .environment = {}, .flags = {}});
    REQUIRE(config.ok());
    auto findings = check_named_files(config.value(), dir / "data", keys, now);
    for (auto* lines : {&findings.errors, &findings.warnings}) {
      for (std::string& line : *lines) {
        shorten(line, file, "F");
        shorten(line, dir.path(), "D");
      }
    }
    return findings;
  }

  static void shorten(std::string& text, const std::string& what, const std::string& by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what)) {
      text.replace(at, what.size(), by);
    }
  }

  TempDir dir;
};

TEST_CASE("files that a start can use are not remarked upon", "[named_files]") {
  const Place place;
  place.dir.write("clients.json", R"({"clients":[]})");
  REQUIRE(chmod((place.dir / "clients.json").c_str(), 0640) == 0);
  place.dir.write("data/keys.json", KeyRing::make().json());
  REQUIRE(chmod((place.dir / "data/keys.json").c_str(), 0600) == 0);
  const auto findings = place.check(
      "[http]\ntls_cert = \"a.pem\"\ntls_key = \"a.key\"\n"
      "[rpc]\ntls_cert = \"b.pem\"\ntls_key = \"b.key\"\ntls_client_ca = \"a.pem\"\n"
      "[auth]\nstatic_clients = \"clients.json\"\n");
  CHECK(findings.errors == Lines{});
  CHECK(findings.warnings == Lines{});
  CHECK(place.check("").errors == Lines{});
}

TEST_CASE("all files that cannot be read are named, with where", "[named_files]") {
  const Place place;
  const auto findings = place.check(
      "[http]\ntls_cert = \"no.pem\"\ntls_key = \"no.key\"\n"
      "[rpc]\ntls_cert = \"b.pem\"\ntls_key = \"b.key\"\ntls_client_ca = \".\"\n"
      "[auth]\nstatic_clients = \"no.json\"\n");
  CHECK(findings.errors ==
        Lines{"F:2: http.tls_cert D/no.pem: cannot be read: No such file or directory",
              "F:3: http.tls_key D/no.key: cannot be read: No such file or directory",
              "F:7: rpc.tls_client_ca D/: cannot be read: it is no file",
              "F:9: auth.static_clients D/no.json: cannot be read: No such file or directory"});
}

TEST_CASE("files that a start would refuse are refused", "[named_files]") {
  const Place place;
  place.dir.write("clients.json", R"({"clients":[{"clientId":"static/a","accessToken":"x"},)"
                                  R"({"clientId":"ci/b"}]})");
  place.dir.write("empty", "\n");
  const auto findings = place.check(
      "[http]\ntls_cert = \"a.pem\"\ntls_key = \"b.key\"\n"
      "[rpc]\ntls_cert = \"t.toml\"\ntls_key = \"b.key\"\n"
      "[auth]\nwebsocktunnel_secret = \"empty\"\nstatic_clients = \"clients.json\"\n");
  REQUIRE(findings.errors.size() >= 5);
  CHECK(findings.errors[0] == "F:3: http.tls_key D/b.key: is not the key of http.tls_cert D/a.pem");
  CHECK(findings.errors[1] == "F:5: rpc.tls_cert F: holds no certificate in PEM");
  for (std::size_t i = 2; i + 1 < findings.errors.size(); ++i) {
    CHECK(findings.errors[i].starts_with("F:9: auth.static_clients D/clients.json: clients["));
  }
  CHECK(findings.errors.back() == "F:8: auth.websocktunnel_secret D/empty: it is empty");
}

TEST_CASE("secrets that others may read are remarked upon", "[named_files]") {
  const Place place;
  for (const char* name : {"a.key", "data/keys.json"}) {
    if (std::string(name) != "a.key") place.dir.write(name, KeyRing::make().json());
    REQUIRE(chmod((place.dir / name).c_str(), 0644) == 0);
  }
  const auto findings = place.check("[http]\ntls_cert = \"a.pem\"\ntls_key = \"a.key\"\n");
  CHECK(findings.errors == Lines{});
  CHECK(findings.warnings ==
        Lines{"F:3: http.tls_key D/a.key: others on this machine may read or change it (mode "
              "0644): chmod 600 D/a.key",
              "D/data/keys.json: others on this machine may read or change it (mode 0644): chmod "
              "600 D/data/keys.json"});
}

TEST_CASE("keys are looked at where they are", "[named_files]") {
  const Place place;
  place.dir.write("data/keys.json", "{}");
  const auto of_file = place.check("");
  REQUIRE(of_file.errors.size() == 1);
  CHECK(of_file.errors[0].starts_with("D/data/keys.json: "));
  CHECK(place.check("", KeyRing::make().json()).errors == Lines{});
  const auto of_variable = place.check("", "{}");
  REQUIRE(of_variable.errors.size() == 1);
  CHECK(of_variable.errors[0].starts_with("environment TROUPE_KEYS: "));
}

}  // namespace
}  // namespace troupe::server
