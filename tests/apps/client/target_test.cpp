#include "apps/troupe/client/address.h"
#include "apps/troupe/client/client.h"
#include "runtime/base/random.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace troupe::client {
namespace {

namespace fs = std::filesystem;

// A small world of folders: work/inner is where the program stands.
class World {
 public:
  World() : root_(fs::temp_directory_path() / ("troupe-target-" + new_slugid())) {
    fs::create_directories(root_ / "work" / "inner");
    environment.working_dir = (root_ / "work" / "inner").string();
    environment.config_dir = (root_ / "home").string();
    environment.system_dir = (root_ / "system").string();
  }
  ~World() { fs::remove_all(root_); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Makes `DIR/credentials.json` that names `rpc`; its client and token are named after the
  /// folder.
  std::string add(const std::string& dir, const std::string& rpc) {
    const fs::path folder = root_ / dir;
    fs::create_directories(folder);
    std::ofstream(folder / "credentials.json")
        << R"({"rootUrl":"http://)" << dir << R"(","rpc":")" << rpc << R"(","clientId":")" << dir
        << R"(","accessToken":"token of )" << dir << R"("})";
    return folder.string();
  }

  void write(const std::string& file, const std::string& text) {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }

  std::string path(const std::string& file) const { return (root_ / file).string(); }

  void set_credentials() {
    environment.variables["TASKCLUSTER_CLIENT_ID"] = "from-environment";
    environment.variables["TASKCLUSTER_ACCESS_TOKEN"] = "token of the environment";
  }

  Environment environment;

 private:
  fs::path root_;
};

std::string client_of(const Result<Target>& target) {
  return target.ok() ? target.value().client_id : "error: " + target.error().detail;
}

}  // namespace

TEST_CASE("the platform is found in the documented order", "[client]") {
  World world;
  world.add("system", "system:1");
  CHECK(client_of(find_target({}, world.environment)) == "system");

  world.add("home", "home:1");
  CHECK(client_of(find_target({}, world.environment)) == "home");

  world.add("work/troupe-data", "parent:1");
  CHECK(client_of(find_target({}, world.environment)) == "work/troupe-data");

  world.add("work/inner/troupe-data", "here:1");
  CHECK(client_of(find_target({}, world.environment)) == "work/inner/troupe-data");

  world.environment.variables["TROUPE_DATA"] = world.add("variable", "variable:1");
  CHECK(client_of(find_target({}, world.environment)) == "variable");

  const std::string flag = world.add("flag", "flag:1");
  const auto target = find_target({.data_dir = flag, .rpc = {}, .root_url = {}}, world.environment);
  CHECK(client_of(target) == "flag");
  CHECK(target.value().rpc == "flag:1");
  CHECK(target.value().access_token == "token of flag");
  CHECK(target.value().found_in == flag + "/credentials.json");
}

TEST_CASE("a platform keeps its name whatever way leads to it", "[client]") {
  World world;
  const std::string dir = world.add("flag", "unix:/d/rpc.sock,127.0.0.1:7");
  const FindOptions by_dir{.data_dir = dir, .rpc = {}, .root_url = {}};
  CHECK(find_target(by_dir, world.environment).value().platform == "/d");
  const FindOptions by_address{.data_dir = dir, .rpc = "127.0.0.1:7", .root_url = {}};
  CHECK(find_target(by_address, world.environment).value().platform == "/d");
  world.add("home", "ci:1");
  CHECK(find_target({}, world.environment).value().platform == "http://home");
  world.set_credentials();
  const FindOptions bare{.data_dir = {}, .rpc = "ci:2", .root_url = {}};
  CHECK(find_target(bare, world.environment).value().platform == "ci:2");
}

TEST_CASE("a data folder of a relative name is relative to where the program stands", "[client]") {
  World world;
  world.add("work/inner/mine", "mine:1");
  CHECK(client_of(find_target({.data_dir = "mine", .rpc = {}, .root_url = {}},
                              world.environment)) == "work/inner/mine");
}

TEST_CASE("nothing found says what was looked for", "[client]") {
  World world;
  const auto target = find_target({}, world.environment);
  REQUIRE_FALSE(target.ok());
  CHECK(target.error().code == Errc::not_found);
  CHECK(target.error().detail.find("troupe up") != std::string::npos);
  CHECK(target.error().detail.find("work/inner/troupe-data") != std::string::npos);
  CHECK(target.error().detail.find("system/credentials.json") != std::string::npos);

  const auto flag =
      find_target({.data_dir = world.path("no"), .rpc = {}, .root_url = {}}, world.environment);
  REQUIRE_FALSE(flag.ok());
  CHECK(flag.error().code == Errc::not_found);
  CHECK(flag.error().detail.find("--data") != std::string::npos);
}

TEST_CASE("credentials of a file go only to the addresses it names", "[client]") {
  World world;
  const std::string data = world.add("work/troupe-data", "unix:/run/rpc.sock,127.0.0.1:7421");
  FindOptions options{.data_dir = {}, .rpc = "127.0.0.1:7421", .root_url = {}};

  SECTION("one of several is enough, and the only one used") {
    const auto target = find_target(options, world.environment);
    REQUIRE(client_of(target) == "work/troupe-data");
    CHECK(target.value().rpc == "127.0.0.1:7421");
    CHECK(target.value().address_from == "--rpc");
  }
  SECTION("the flag that gave it is named as it was written") {
    options.rpc_flag = "--join";
    CHECK(find_target(options, world.environment).value().address_from == "--join");
  }
  SECTION("the first file that names the address, not the first file") {
    world.add("home", "elsewhere:1");
    options.rpc = "elsewhere:1";
    CHECK(client_of(find_target(options, world.environment)) == "home");
  }
  SECTION("another address is refused") {
    options.rpc = GENERATE(as<std::string>(), "evil.example:7421", "127.0.0.1:7422",
                           "127.0.0.1:7421,evil.example:1");
    options.data_dir = GENERATE_COPY(std::string(), data);
    const auto target = find_target(options, world.environment);
    REQUIRE_FALSE(target.ok());
    CHECK(target.error().code == Errc::unauthenticated);
    CHECK(target.error().detail.find("token of") == std::string::npos);
  }
  SECTION("but for credentials of the environment, which name none") {
    world.set_credentials();
    options.rpc = "elsewhere.example:7421";
    options.data_dir = GENERATE_COPY(std::string(), data);
    const auto target = find_target(options, world.environment);
    REQUIRE(client_of(target) == "from-environment");
    CHECK(target.value().rpc == "elsewhere.example:7421");
  }
  SECTION("the same rule for TROUPE_RPC") {
    world.environment.variables["TROUPE_RPC"] = "evil.example:7421";
    CHECK_FALSE(find_target({}, world.environment).ok());
    world.environment.variables["TROUPE_RPC"] = "unix:/run/rpc.sock";
    CHECK(client_of(find_target({}, world.environment)) == "work/troupe-data");
  }
  SECTION("a relative socket is made absolute before it is compared") {
    world.add("work/inner/troupe-data", "unix:" + world.path("work/inner/troupe-data/rpc.sock"));
    options.rpc = "unix:troupe-data/rpc.sock";
    CHECK(client_of(find_target(options, world.environment)) == "work/inner/troupe-data");
  }
}

TEST_CASE("a root URL finds the file of its deployment", "[client]") {
  World world;
  world.add("work/troupe-data", "here:1");
  world.add("home", "home:1");
  world.environment.variables["TASKCLUSTER_ROOT_URL"] = "http://home";
  CHECK(client_of(find_target({}, world.environment)) == "home");

  SECTION("with the environment's credentials, if it has some") {
    world.set_credentials();
    const auto target = find_target({}, world.environment);
    REQUIRE(client_of(target) == "from-environment");
    CHECK(target.value().rpc == "home:1");
  }
  SECTION("an unknown one is an error, not another deployment") {
    world.environment.variables["TASKCLUSTER_ROOT_URL"] = "https://other.example";
    const auto target = find_target({}, world.environment);
    REQUIRE_FALSE(target.ok());
    CHECK(target.error().detail.find("TASKCLUSTER_ROOT_URL") != std::string::npos);
  }
  SECTION("our own variables are more exact") {
    world.environment.variables["TROUPE_DATA"] = world.path("work/troupe-data");
    CHECK(client_of(find_target({}, world.environment)) == "work/troupe-data");
  }
}

TEST_CASE("a damaged credentials file is an error that names it", "[client]") {
  World world;
  const auto text = GENERATE(as<std::string>(), "", "{", "[]", R"({"rpc":"a:1"})",
                             R"({"rpc":1,"clientId":"c","accessToken":"t"})",
                             R"({"rpc":"","clientId":"c","accessToken":"t"})");
  world.write("work/troupe-data/credentials.json", text);
  const auto target = find_target({}, world.environment);
  REQUIRE_FALSE(target.ok());
  CHECK(target.error().code == Errc::invalid);
  CHECK(target.error().detail.find("work/troupe-data/credentials.json") != std::string::npos);
}

TEST_CASE("addresses are split, unix sockets first", "[client]") {
  using List = std::vector<std::string>;
  CHECK(addresses_of("") == List{});
  CHECK(addresses_of(" , ") == List{});
  CHECK(addresses_of("a:1") == List{"a:1"});
  CHECK(addresses_of("a:1, unix:/x ,b:2") == List{"unix:/x", "a:1", "b:2"});
}

TEST_CASE("the environment says whom its credentials trust", "[client]") {
  World world;
  world.set_credentials();
  world.write("work/inner/ca.pem", "certificates");
  const FindOptions far{.data_dir = {}, .rpc = "ci:2", .root_url = {}};
  CHECK(find_target(far, world.environment).value().ca.empty());

  world.environment.variables["TROUPE_CA"] = "ca.pem";
  auto target = find_target(far, world.environment);
  CHECK(target.value().ca == "certificates");

  world.environment.variables["TROUPE_CA"] = "system";
  CHECK(find_target(far, world.environment).value().ca == "system");

  world.environment.variables["TROUPE_CA"] = "no.pem";
  target = find_target(far, world.environment);
  REQUIRE_FALSE(target.ok());
  CHECK(target.error().code == Errc::invalid);
  CHECK(target.error().detail.starts_with("TROUPE_CA: " + world.path("work/inner/no.pem")));
}

TEST_CASE("whom a file trusts holds for credentials of the environment too", "[client]") {
  World world;
  world.write("work/troupe-data/credentials.json",
              R"({"rpc":"ci:1","clientId":"file","accessToken":"t","ca":"of the file"})");
  world.set_credentials();
  world.environment.variables["TASKCLUSTER_CERTIFICATE"] = "{}";
  auto target = find_target({}, world.environment);
  REQUIRE(client_of(target) == "from-environment");
  CHECK(target.value().ca == "of the file");
  CHECK(target.value().certificate == "{}");
  world.environment.variables["TROUPE_CA"] = "system";
  CHECK(find_target({}, world.environment).value().ca == "system");
}

TEST_CASE("a URL is no address for RPC", "[client]") {
  World world;
  world.set_credentials();
  const auto target =
      find_target({.data_dir = {}, .rpc = "http://ci:1", .root_url = {}}, world.environment);
  REQUIRE_FALSE(target.ok());
  CHECK(target.error().code == Errc::invalid);
  CHECK(target.error().detail.find("write host:port or unix:PATH") != std::string::npos);
}

TEST_CASE("an address that is none is refused before it is looked up", "[target]") {
  const auto refusal = [](const std::string& address) {
    const Status good = check_address(address, "--rpc");
    return good.ok() ? "" : good.error().detail;
  };
  const std::string write =
      "; write host:port or unix:PATH, as of `rpc` in the server's "
      "credentials.json";
  CHECK(refusal("foo") == "--rpc foo: no address for RPC" + write);
  CHECK(refusal(":7421") == "--rpc :7421: no address for RPC" + write);
  CHECK(refusal("foo:") == "--rpc foo:: no port from 1 to 65535 at the end" + write);
  CHECK(refusal("foo:http") == "--rpc foo:http: no port from 1 to 65535 at the end" + write);
  CHECK(!refusal("foo:0").empty());
  CHECK(!refusal("foo:65536").empty());
  CHECK(refusal("unix:") == "--rpc unix:: there is no path" + write);
  CHECK(refusal("foo:7421").empty());
  CHECK(refusal("[::1]:7421").empty());
  CHECK(refusal("unix:/run/rpc.sock").empty());

  World world;
  const auto target =
      find_target({.data_dir = {}, .rpc = "foo", .root_url = {}}, world.environment);
  REQUIRE(!target.ok());
  CHECK(target.error().code == Errc::invalid);
}

}  // namespace troupe::client
