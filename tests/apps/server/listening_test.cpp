#include "apps/troupe/server/listening.h"

#include "apps/troupe/server/addresses.h"
#include "tests/apps/server/temp_dir.h"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <tuple>

namespace troupe::server {
namespace {

using test::TempDir;

ListenPlan must_plan(const ListenRequest& request, const std::optional<Addresses>& last = {}) {
  auto plan = plan_listening(request, last, "/data");
  if (!plan) FAIL(plan.error().detail);
  return std::move(plan).value();
}

std::string refusal_of(const ListenRequest& request) {
  const auto plan = plan_listening(request, std::nullopt, "/data");
  REQUIRE_FALSE(plan.ok());
  CHECK(plan.error().code == Errc::invalid);
  return plan.error().detail;
}

// A socket that listens, and where.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(bind(fd_, generic, size) == 0);
    REQUIRE(listen(fd_, 1) == 0);
    REQUIRE(getsockname(fd_, generic, &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  explicit Listener(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(listen(fd_, 1) == 0);
  }
  ~Listener() { close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

TEST_CASE("addresses are read in every form", "[listening]") {
  std::string text;
  std::optional<HostPort> expected;
  std::tie(text, expected) = GENERATE(table<std::string, std::optional<HostPort>>({
      {"127.0.0.1:7420", HostPort{"127.0.0.1", 7420}},
      {"localhost:0", HostPort{"localhost", 0}},
      {"[::1]:65535", HostPort{"::1", 65535}},
      {"", std::nullopt},
      {"7420", std::nullopt},
      {":7420", std::nullopt},
      {"127.0.0.1:", std::nullopt},
      {"127.0.0.1:65536", std::nullopt},
      {"127.0.0.1:-1", std::nullopt},
      {"127.0.0.1:80x", std::nullopt},
      {"::1:80", std::nullopt},
      {"[]:80", std::nullopt},
      {"http://h:80", std::nullopt},
  }));
  const auto parsed = parse_host_port(text);
  CHECK(parsed.ok() == expected.has_value());
  if (parsed) CHECK(parsed.value() == *expected);
}

TEST_CASE("loopback is told from what others can reach", "[listening]") {
  CHECK(is_loopback({"127.0.0.1", 1}));
  CHECK(is_loopback({"127.8.9.1", 1}));
  CHECK(is_loopback({"::1", 1}));
  CHECK(is_loopback({"localhost", 1}));
  CHECK_FALSE(is_loopback({"0.0.0.0", 1}));
  CHECK_FALSE(is_loopback({"::", 1}));
  CHECK_FALSE(is_loopback({"10.0.0.1", 1}));
  CHECK_FALSE(is_loopback({"*", 1}));
  CHECK_FALSE(is_loopback({"127.0.0.1.example.com", 1}));
}

TEST_CASE("the first start listens on the defaults", "[listening]") {
  const auto plan = must_plan({});
  CHECK(plan.addresses.http == "127.0.0.1:7420");
  CHECK(plan.rpc() == std::vector<std::string>{"unix:/data/rpc.sock", "127.0.0.1:7421"});
}

TEST_CASE("a start takes over what the last one had, but for what it is told", "[listening]") {
  const Addresses last{.http = "127.0.0.1:1",
                       .rpc = {"127.0.0.1:2"},
                       .root_url = "https://ci.example",
                       .exposure = {}};
  CHECK(must_plan({}, last).addresses == last);

  ListenRequest request;
  request.http = "127.0.0.1:0";
  request.rpc = {"[::1]:5", "unix:/elsewhere"};
  const auto plan = must_plan(request, last);
  CHECK(plan.addresses.http == "127.0.0.1:0");
  CHECK(plan.rpc() ==
        std::vector<std::string>{"unix:/data/rpc.sock", "[::1]:5", "unix:/elsewhere"});
  CHECK(plan.addresses.root_url == "https://ci.example");
}

TEST_CASE("the network is served only where that was asked for", "[listening]") {
  ListenRequest request;
  request.http = "0.0.0.0:80";
  CHECK(refusal_of(request).find("--public") != std::string::npos);
  request.exposure = "private";
  CHECK(must_plan(request).addresses.exposure == "private");
  CHECK(must_plan({}, must_plan(request).addresses).addresses.http == "0.0.0.0:80");

  request.rpc = {"0.0.0.0:81"};
  CHECK(refusal_of(request).find("needs TLS") != std::string::npos);
}

TEST_CASE("requests that cannot be met are refused", "[listening]") {
  ListenRequest request;
  SECTION("a malformed address") {
    request.http = "7420";
    CHECK(refusal_of(request).find("HOST:PORT") != std::string::npos);
  }
  SECTION("one port for both") {
    request.http = "127.0.0.1:5";
    request.rpc = {"127.0.0.1:5"};
    CHECK(refusal_of(request).find("twice") != std::string::npos);
  }
  SECTION("a root URL that is none") {
    request.root_url = "ci.example";
    CHECK(refusal_of(request).find("https://HOST") != std::string::npos);
  }
}

TEST_CASE("a root URL loses its last slash", "[listening]") {
  ListenRequest request;
  request.root_url = "https://ci.example/";
  CHECK(must_plan(request).addresses.root_url == "https://ci.example");
}

TEST_CASE("a taken port is named, with the process that has it", "[listening]") {
  const Listener taken;
  CHECK(listener_of(taken.port()) == getpid());
  const auto refused = check_free({"127.0.0.1", taken.port()});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::conflict);
  CHECK(refused.error().detail.find("port " + std::to_string(taken.port())) != std::string::npos);
  CHECK(refused.error().detail.find("by process " + std::to_string(getpid())) != std::string::npos);
  CHECK(check_free({"127.0.0.1", 0}).ok());
}

TEST_CASE("an address that this machine does not have is refused", "[listening]") {
  const auto refused = check_free({"192.0.2.1", 4711});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::unavailable);
}

TEST_CASE("a socket file is removed only if nobody listens on it", "[listening]") {
  const TempDir temp;
  const std::string path = temp / "s";
  CHECK(clear_stale_socket(path).ok());
  {
    const Listener living(path);
    const auto refused = clear_stale_socket(path);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::conflict);
    CHECK(std::filesystem::exists(path));
  }
  CHECK(std::filesystem::exists(path));
  CHECK(clear_stale_socket(path).ok());
  CHECK_FALSE(std::filesystem::exists(path));

  temp.write("s", "a file");
  CHECK(clear_stale_socket(path).error().code == Errc::conflict);
  CHECK(temp.read("s") == "a file");
}

TEST_CASE("a data directory with a long path has its socket elsewhere", "[listening]") {
  CHECK(socket_address("/data").value() == "unix:/data/rpc.sock");
  const TempDir runtime;
  const char* before = std::getenv("XDG_RUNTIME_DIR");
  const std::string restore = before == nullptr ? "" : before;
  setenv("XDG_RUNTIME_DIR", runtime.path().c_str(), 1);
  const std::string deep = "/" + std::string(120, 'd');
  const auto first = socket_address(deep);
  const auto second = socket_address(deep + "2");
  const auto again = socket_address(deep);
  if (restore.empty()) {
    unsetenv("XDG_RUNTIME_DIR");
  } else {
    setenv("XDG_RUNTIME_DIR", restore.c_str(), 1);
  }
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  CHECK(unix_path(first.value())->rfind(runtime / "troupe/", 0) == 0);
  CHECK(unix_path(first.value())->size() <= 107);
  CHECK(first.value() == again.value());
  CHECK(first.value() != second.value());
  const auto mode = std::filesystem::status(runtime / "troupe").permissions();
  CHECK(mode == std::filesystem::perms::owner_all);
}

}  // namespace
}  // namespace troupe::server
