#include "apps/troupe/server/data_dir.h"

#include "apps/troupe/server/file_system.h"
#include "apps/troupe/server/files.h"
#include "runtime/base/hash.h"
#include "tests/apps/server/temp_dir.h"

#include <catch2/catch.hpp>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace troupe::server {
namespace {

using test::TempDir;

const Addresses addresses{
    .http = "127.0.0.1:7420", .rpc = {"127.0.0.1:7421"}, .root_url = {}, .exposure = {}};

std::unique_ptr<DataDir> must_open(const std::string& path) {
  auto opened = DataDir::open(path);
  if (!opened) FAIL(opened.error().detail);
  return std::move(opened).value();
}

Error refusal_of(const std::string& path) {
  const auto opened = DataDir::open(path);
  REQUIRE_FALSE(opened);
  return opened.error();
}

unsigned mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("a new data directory is private and has keys and a root token", "[data_dir]") {
  const TempDir temp;
  const std::string path = temp / "a/b";
  const auto data = must_open(path);
  REQUIRE(data->publish("http://127.0.0.1:7420", {"unix:" + path + "/rpc.sock"}, addresses).ok());

  CHECK(mode_of(path) == 0700);
  CHECK(mode_of(path + "/credentials.json") == 0600);
  CHECK(mode_of(path + "/keys.json") == 0600);
  CHECK(temp.read("a/b/.gitignore") == "*\n");
  CHECK(KeyRing::parse(temp.read("a/b/keys.json")).ok());
  CHECK(data->credentials().client_id == "static/troupe/root");
  CHECK(data->credentials().access_token.size() == 44);
  CHECK(temp.read("a/b/version").rfind("1 ", 0) == 0);
}

TEST_CASE("a data directory that is opened again keeps its token, key and addresses",
          "[data_dir]") {
  const TempDir temp;
  const std::string path = temp / "data";
  std::string token;
  std::string box;
  {
    const auto data = must_open(path);
    token = data->credentials().access_token;
    box = data->keys().seal("secret", "row");
    CHECK_FALSE(data->last_addresses());
    REQUIRE(data->publish("http://127.0.0.1:7420", {"unix:/a", "127.0.0.1:7421"}, addresses).ok());
  }
  const auto data = must_open(path);
  CHECK(data->credentials().access_token == token);
  CHECK(data->credentials().rpc == std::vector<std::string>{"unix:/a", "127.0.0.1:7421"});
  CHECK(data->keys().open(box, "row").ok());
  CHECK(data->last_addresses() == addresses);

  SECTION("and rewrites the credentials when the addresses change") {
    REQUIRE(data->publish("http://127.0.0.1:9", {"unix:/b"}, addresses).ok());
    const auto credentials = decode_credentials(temp.read("data/credentials.json"));
    REQUIRE(credentials.ok());
    CHECK(credentials.value() == Credentials{.root_url = "http://127.0.0.1:9",
                                             .rpc = {"unix:/b"},
                                             .client_id = "static/troupe/root",
                                             .access_token = token});
  }
}

TEST_CASE("one process holds a data directory at a time", "[data_dir]") {
  const TempDir temp;
  const auto data = must_open(temp / "data");
  const auto holder = holder_of(temp / "data");
  REQUIRE(holder.ok());
  CHECK(holder.value() == identify(getpid()));

  // A second open in this process meets the same lock as one in another would.
  const Error error = refusal_of(temp / "data");
  CHECK(error.code == Errc::conflict);
  CHECK(contains(error.detail, "in use by process " + std::to_string(getpid())));

  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto opened = DataDir::open(temp / "data");
    _exit(!opened.ok() && opened.error().code == Errc::conflict ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("a data directory is free when its holder has been killed", "[data_dir]") {
  const TempDir temp;
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto opened = DataDir::open(temp / "data");
    const char outcome = opened.ok() ? 'y' : 'n';
    if (write(ready[1], &outcome, 1) != 1) _exit(1);
    while (true) pause();
  }
  char outcome = 0;
  REQUIRE(read(ready[0], &outcome, 1) == 1);
  CHECK(outcome == 'y');
  const auto held = holder_of(temp / "data");
  REQUIRE(held.ok());
  REQUIRE(held.value());
  CHECK(held.value()->pid == child);

  REQUIRE(kill(child, SIGKILL) == 0);
  REQUIRE(waitpid(child, nullptr, 0) == child);
  close(ready[0]);
  close(ready[1]);
  const auto freed = holder_of(temp / "data");
  REQUIRE(freed.ok());
  CHECK_FALSE(freed.value());
  CHECK(must_open(temp / "data") != nullptr);
}

TEST_CASE("a data directory of another format is refused, naming both versions", "[data_dir]") {
  const TempDir temp;
  must_open(temp / "data");
  temp.write("data/version", "2 9.8.7\n");
  const Error error = refusal_of(temp / "data");
  CHECK(error.code == Errc::corrupt);
  CHECK(contains(error.detail, "data format 2 (made by troupe 9.8.7)"));
  CHECK(contains(error.detail, "this is troupe " TROUPE_VERSION ", which reads format 1"));

  temp.write("data/version", "2\n");
  CHECK(contains(refusal_of(temp / "data").detail,
                 "has data format 2; this is troupe " TROUPE_VERSION));

  temp.write("data/version", "nonsense");
  CHECK(contains(refusal_of(temp / "data").detail, "holds no format number"));
}

TEST_CASE("files that are broken are named, with a way out", "[data_dir]") {
  const TempDir temp;
  {
    const auto data = must_open(temp / "data");
    REQUIRE(data->publish("http://h", {"unix:/a"}, addresses).ok());
  }
  SECTION("credentials") {
    temp.write("data/credentials.json", "{\"clientId\":");
    const Error error = refusal_of(temp / "data");
    CHECK(error.code == Errc::corrupt);
    CHECK(contains(error.detail, "credentials.json: no JSON, at byte 12"));
    CHECK(contains(error.detail, "delete it to get a new root token"));
  }
  SECTION("credentials without a token") {
    temp.write("data/credentials.json", "{\"clientId\":\"c\"}");
    CHECK(contains(refusal_of(temp / "data").detail, "\"accessToken\" is missing"));
  }
  SECTION("keys") {
    temp.write("data/keys.json", R"({"keys":[{"id":"a","key":"c2hvcnQ="}]})");
    const Error error = refusal_of(temp / "data");
    CHECK(contains(error.detail, "keys.json: \"key\" is not 32 bytes in base64"));
    CHECK(contains(error.detail, "; correct it, or restore it from a backup"));
  }
  SECTION("lost keys are not replaced by others") {
    std::filesystem::remove(temp / "data/keys.json");
    CHECK(contains(refusal_of(temp / "data").detail, "keys.json"));
    CHECK(contains(refusal_of(temp / "data").detail, "or give the keys in TROUPE_KEYS"));
    CHECK_FALSE(std::filesystem::exists(temp / "data/keys.json"));
  }
  SECTION("addresses") {
    temp.write("data/addresses.json", "[]");
    CHECK(contains(refusal_of(temp / "data").detail, "addresses.json: holds no JSON object"));
  }
  SECTION("a lost root token is replaced") {
    std::filesystem::remove(temp / "data/credentials.json");
    CHECK(must_open(temp / "data")->credentials().access_token.size() == 44);
  }
}

TEST_CASE("a key is added to a directory's keys, and both open", "[data_dir]") {
  const TempDir temp;
  std::string old_box;
  std::string old_entry;
  {
    const auto data = must_open(temp / "data");
    old_box = data->keys().seal("secret", "row");
    const std::string file = temp.read("data/keys.json");
    old_entry = file.substr(file.find("{\"id\""));
  }
  temp.write("data/keys.json", R"({"current": "next", "keys": [{"id": "next", "key": ")" +
                                   to_base64(as_bytes(std::string(32, 'k'))) + "\"}, " + old_entry);
  const auto data = must_open(temp / "data");
  CHECK(data->keys().current_id() == "next");
  CHECK(data->keys().open(old_box, "row").ok());
  CHECK(data->keys().needs_reseal(old_box));
}

TEST_CASE("keys of the environment are used instead of a file", "[data_dir]") {
  const TempDir temp;
  const std::string keys = KeyRing::make().json();
  std::string box;
  {
    const auto opened = DataDir::open(temp / "data", keys);
    REQUIRE(opened.ok());
    box = opened.value()->keys().seal("secret", "row");
    CHECK_FALSE(std::filesystem::exists(temp / "data/keys.json"));
  }
  CHECK(DataDir::open(temp / "data", keys).value()->keys().open(box, "row").ok());

  SECTION("and have to be there again, or in the file") {
    CHECK(contains(refusal_of(temp / "data").detail, "or give the keys in TROUPE_KEYS"));
    temp.write("data/keys.json", keys);
    CHECK(must_open(temp / "data")->keys().open(box, "row").ok());
  }
  SECTION("and are named when they are wrong, without being shown") {
    const auto opened =
        DataDir::open(temp / "data", "{\"keys\":[{\"id\":\"a\",\"key\":\"c2hvcnQ=\"}]}");
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().code == Errc::corrupt);
    CHECK(contains(opened.error().detail,
                   "environment TROUPE_KEYS: \"key\" is not 32 bytes in base64; correct it"));
    CHECK_FALSE(contains(opened.error().detail, "c2hvcnQ="));
  }
}

TEST_CASE("a folder of something else is left as it is", "[data_dir]") {
  const TempDir temp;
  std::filesystem::create_directory(temp / "home");
  temp.write("home/diary.txt", "dear diary");
  const Error error = refusal_of(temp / "home");
  CHECK(error.code == Errc::conflict);
  CHECK(contains(error.detail, "diary.txt"));
  CHECK_FALSE(std::filesystem::exists(temp / "home/lock"));

  temp.write("file", "x");
  CHECK(refusal_of(temp / "file").code == Errc::invalid);
}

TEST_CASE("a folder that cannot be made is named, with what to do", "[data_dir]") {
  const TempDir dir;
  const std::string below_file = dir.write("file", "") + "/below";
  for (const std::string& path : {std::string("/proc/x"), std::string("/proc/x/y"), below_file}) {
    INFO(path);
    const auto opened = DataDir::open(path);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Errc::invalid);
    CHECK(opened.error().detail.find("cannot create the folder") == 0);
    CHECK(opened.error().detail.find("name a folder on a local disk") != std::string::npos);
  }
}

TEST_CASE("a first start that was cut short is completed by the next", "[data_dir]") {
  const TempDir temp;
  std::string box;
  {
    const auto data = must_open(temp / "data");
    box = data->keys().seal("secret", "row");
  }
  std::filesystem::remove(temp / "data/version");
  temp.write("data/version.tmp", "1");
  CHECK(must_open(temp / "data")->keys().open(box, "row").ok());
  CHECK(std::filesystem::exists(temp / "data/version"));
}

TEST_CASE("where nothing is, nobody holds it", "[data_dir]") {
  const TempDir temp;
  const auto holder = holder_of(temp / "none");
  REQUIRE_FALSE(holder.ok());
  CHECK(holder.error().code == Errc::not_found);
}

TEST_CASE("network file systems are told from local ones", "[data_dir]") {
  CHECK(network_file_system(0x6969, "nfs4") == "NFS");
  CHECK(network_file_system(0xFF534D42, "cifs") == "CIFS");
  CHECK(network_file_system(0x01021997, "9p") == "9P");
  CHECK(network_file_system(0x65735546, "fuse.sshfs") == "fuse.sshfs");
  CHECK_FALSE(network_file_system(0x65735546, "fuseblk"));
  CHECK_FALSE(network_file_system(0x65735546, "fuse.fuse-overlayfs"));
  CHECK_FALSE(network_file_system(0xEF53, "ext4"));
  CHECK_FALSE(network_file_system(std::filesystem::temp_directory_path() / "not/yet/there"));
}

TEST_CASE("addresses read back as they were written", "[data_dir]") {
  const Addresses all{.http = "[::1]:1",
                      .rpc = {"127.0.0.1:2", "unix:/x y"},
                      .root_url = "https://h",
                      .exposure = "private"};
  const auto read_addresses = decode_addresses(encode_addresses(all));
  REQUIRE(read_addresses.ok());
  CHECK(read_addresses.value() == all);
}

TEST_CASE("a file is replaced as a whole, or left as it was", "[data_dir]") {
  const TempDir temp;
  const std::string path = temp.write("f", "old");
  REQUIRE(write_file(path, "new", 0640).ok());
  CHECK(temp.read("f") == "new");
  CHECK(mode_of(path) == 0640);
  CHECK_FALSE(std::filesystem::exists(path + ".tmp"));

  std::filesystem::create_directory(temp / "folder");
  const auto refused = write_file(temp / "folder", "x", 0600);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::unavailable);
  CHECK_FALSE(std::filesystem::exists(temp / "folder.tmp"));
}

}  // namespace
}  // namespace troupe::server
