#include "apps/troupe/server/config.h"

#include "apps/troupe/server/config_value.h"
#include "tests/apps/server/temp_dir.h"

#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace troupe::server {
namespace {

using namespace std::chrono_literals;
using test::TempDir;

LoadedConfig must_load(const ConfigSources& sources) {
  auto loaded = load_config(sources);
  if (!loaded) FAIL(loaded.error().detail);
  return std::move(loaded).value();
}

// The lines of the error, without the file's path.
std::string faults_of(const std::string& toml) {
  const TempDir dir;
  const std::string path = dir.write("t.toml", toml);
  const auto loaded = load_config({.file = path, .environment = {}, .flags = {}});
  if (loaded) return {};
  CHECK(loaded.error().code == Errc::invalid);
  std::string text = loaded.error().detail;
  for (auto at = text.find(path); at != std::string::npos; at = text.find(path)) {
    text.replace(at, path.size(), "F");
  }
  return text;
}

std::string origin_of(const LoadedConfig& config, const std::string& name) {
  for (const ShownValue& shown : config.shown) {
    if (shown.name == name) return shown.value + " from " + shown.origin;
  }
  return "missing";
}

TEST_CASE("a key is there once", "[config]") {
  std::set<std::string> names;
  for (const Key& key : config_keys()) CHECK(names.emplace(key.name).second);
  CHECK(names.size() > 20);
}

TEST_CASE("without sources every key has its default", "[config]") {
  const auto config = must_load({});
  CHECK(config.settings.queue_claim_timeout == 20min);
  CHECK(config.settings.queue_max_task_deadline == 5 * 24h);
  CHECK(config.settings.queue_max_dependencies == 10'000);
  CHECK(config.settings.worker_lease == 15s);
  CHECK(config.settings.worker_max_log_bytes == std::uint64_t{1} << 30);
  CHECK(config.settings.store_sync);
  CHECK(config.settings.store_map_size_bytes == std::uint64_t{64} << 30);
  CHECK(config.settings.log_format == "auto");
  CHECK(config.shown.size() == config_keys().size());
  for (const ShownValue& shown : config.shown) {
    INFO(shown.name);
    CHECK(shown.origin == "default");
    CHECK(shown.value == find_key(shown.name)->default_text);
  }
}

TEST_CASE("every type of value is read from a file", "[config]") {
  const TempDir dir;
  const std::string path = dir.write("t.toml",
                                     "log.level = \"debug\"\n"
                                     "[queue]\n"
                                     "claim_timeout = \"1h30m\"\n"
                                     "max_dependencies = 7\n"
                                     "[worker]\n"
                                     "max_log = \"64MiB\"\n"
                                     "min_free_disk = 4096\n"
                                     "[store]\n"
                                     "sync = false\n");
  const auto config = must_load({.file = path, .environment = {}, .flags = {}});
  CHECK(config.settings.log_level == "debug");
  CHECK(config.settings.queue_claim_timeout == 90min);
  CHECK(config.settings.queue_max_dependencies == 7);
  CHECK(config.settings.worker_max_log_bytes == 64 << 20);
  CHECK(config.settings.worker_min_free_disk_bytes == 4096);
  CHECK_FALSE(config.settings.store_sync);
  CHECK(origin_of(config, "queue.claim_timeout") == "1h30m from " + path + ":3");
  CHECK(origin_of(config, "worker.min_free_disk") == "4KiB from " + path + ":7");
}

TEST_CASE("a flag beats the environment, which beats the file", "[config]") {
  const TempDir dir;
  const std::string path = dir.write("t.toml", "[log]\nlevel = \"debug\"\n");
  ConfigSources sources{.file = path, .environment = {}, .flags = {}};
  CHECK(origin_of(must_load(sources), "log.level") == "debug from " + path + ":2");
  sources.environment["TROUPE_LOG_LEVEL"] = "warning";
  CHECK(origin_of(must_load(sources), "log.level") == "warning from environment TROUPE_LOG_LEVEL");
  sources.flags["log.level"] = "error";
  const auto config = must_load(sources);
  CHECK(origin_of(config, "log.level") == "error from flag");
  CHECK(config.settings.log_level == "error");
}

TEST_CASE("a path in the file counts from the folder of the file", "[config]") {
  const TempDir dir;
  std::filesystem::create_directory(dir / "conf");
  const std::string path = dir.write("conf/t.toml",
                                     "[http]\n"
                                     "tls_cert = \"../tls/server.pem\"\n"
                                     "tls_key = \"/etc/server.key\"\n"
                                     "[rpc]\n"
                                     "tls_cert = \"server.pem\"\n"
                                     "tls_key = \"\"\n"
                                     "[log]\n"
                                     "level = \"debug\"\n");
  const auto settings =
      must_load(
          {.file = path, .environment = {{"TROUPE_RPC_TLS_CLIENT_CA", "clients.pem"}}, .flags = {}})
          .settings;
  CHECK(settings.http_tls_cert == dir / "tls/server.pem");
  CHECK(settings.http_tls_key == "/etc/server.key");
  CHECK(settings.rpc_tls_cert == dir / "conf/server.pem");
  CHECK(settings.rpc_tls_key.empty());
  CHECK(settings.rpc_tls_client_ca == "clients.pem");
  CHECK(settings.log_level == "debug");
}

TEST_CASE("a broker's address is no path, and holds no password", "[config]") {
  const TempDir dir;
  const std::string path =
      dir.write("t.toml", "[amqp]\nurl = \"amqp://u@h\"\npassword_file = \"p\"\n");
  const auto config = must_load({.file = path, .environment = {}, .flags = {}});
  CHECK(config.settings.amqp_url == "amqp://u@h");
  CHECK(config.settings.amqp_password_file.ends_with("/p"));
  CHECK(faults_of("[amqp]\nurl = \"amqp://u:x@h\"\n") ==
        "F:2:7: amqp.url: a password does not belong here, but into the file of "
        "amqp.password_file");
}

TEST_CASE("a fault in a file is named with its place", "[config]") {
  std::string toml;
  std::string fault;
  std::tie(toml, fault) = GENERATE(table<std::string, std::string>({
      {"[queue]\nclaim_timeot = \"5m\"\n",
       "F:2:1: unknown key queue.claim_timeot; did you mean queue.claim_timeout?"},
      {"[queue]\n\n  claim_timeout = 5\n",
       "F:3:19: queue.claim_timeout expects a duration such as 20m, from 1s to 7d, not a value of "
       "type integer"},
      {"[queue]\nclaim_timeout = \"5 minutes\"\n",
       "F:2:17: queue.claim_timeout expects a duration such as 20m, from 1s to 7d, not \"5 "
       "minutes\""},
      {"[queue]\nclaim_timeout = \"8d\"\n",
       "F:2:17: queue.claim_timeout expects a duration such as 20m, from 1s to 7d, not \"8d\""},
      {"[queue]\nmax_dependencies = -1\n",
       "F:2:20: queue.max_dependencies expects a whole number, from 0 to 10000, not \"-1\""},
      {"[queue]\nmax_dependencies = \"5\"\n",
       "F:2:20: queue.max_dependencies expects a whole number, from 0 to 10000, not a value of "
       "type string"},
      {"[store]\nsync = \"yes\"\n",
       "F:2:8: store.sync expects true or false, not a value of type string"},
      {"[store]\nshards = 0\n",
       "F:2:10: store.shards expects a whole number, from 1 to 64, not \"0\""},
      {"[worker]\nmax_log = \"64 apples\"\n",
       "F:2:11: worker.max_log expects a size such as 64MiB, from 64KiB to 1TiB, not \"64 "
       "apples\""},
      {"[artifacts]\ndir = \"x\"\n",
       "F:2:1: artifacts.dir is not built yet in this version: leave it out"},
      {"[log]\nformat = \"xml\"\n",
       "F:2:10: log.format expects one of auto|text|json, not \"xml\""},
      {"[log.level]\nx = 1\n",
       "F:1:1: log.level expects one of debug|info|warning|error, not a value of type table"},
      {"queue = 5\n", "F:1:1: queue is a section: write [queue]"},
      {"[nothing]\n", "F:1:2: unknown key nothing"},
  }));
  CHECK(faults_of(toml) == fault);
}

TEST_CASE("all faults are reported at once, from the top of the file", "[config]") {
  CHECK(faults_of(
            "[worker]\nleas = \"1s\"\n[queue]\ndeadline_delay = true\nclaim_timeout = \"x\"\n") ==
        "F:2:1: unknown key worker.leas; did you mean worker.lease?\n"
        "F:4:18: queue.deadline_delay expects a duration such as 20m, from 0s to 1d, not a value "
        "of type boolean\n"
        "F:5:17: queue.claim_timeout expects a duration such as 20m, from 1s to 7d, not \"x\"");
}

TEST_CASE("a file that is no TOML is named with its place", "[config]") {
  CHECK(faults_of("[queue\n").rfind("F:1:", 0) == 0);
  CHECK(faults_of("[queue]\nclaim_timeout = 20m\n").rfind("F:2:", 0) == 0);
}

TEST_CASE("a file that cannot be read is named", "[config]") {
  const TempDir dir;
  const auto missing = load_config({.file = dir / "no.toml", .environment = {}, .flags = {}});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::invalid);
  CHECK(missing.error().detail.find(dir / "no.toml") != std::string::npos);
  const auto folder = load_config({.file = dir.path(), .environment = {}, .flags = {}});
  REQUIRE_FALSE(folder);
  CHECK(folder.error().code == Errc::invalid);
}

TEST_CASE("faults of the environment and of flags say where they are from", "[config]") {
  const auto loaded = load_config({.file = {},
                                   .environment = {{"TROUPE_STORE_SYNC", "maybe"}},
                                   .flags = {{"log.format", "xml"}}});
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().detail ==
        "environment TROUPE_STORE_SYNC: store.sync expects true or false, not \"maybe\"\n"
        "--log-format: log.format expects one of auto|text|json, not \"xml\"");
}

TEST_CASE("a variable that looks like a key, but is none, is remarked upon", "[config]") {
  const auto config = must_load({.file = {},
                                 .environment = {{"TROUPE_QUEUE_CLAIM_TIMEOT", "5m"},
                                                 {"TROUPE_DATA", "/d"},
                                                 {"PATH", "/bin"}},
                                 .flags = {}});
  REQUIRE(config.warnings.size() == 1);
  CHECK(config.warnings[0] ==
        "environment TROUPE_QUEUE_CLAIM_TIMEOT: names no configuration key; did you mean "
        "TROUPE_QUEUE_CLAIM_TIMEOUT?");
}

TEST_CASE("a variable with a slip in its section is remarked upon too", "[config]") {
  const auto config = must_load({.file = {},
                                 .environment = {{"TROUPE_WORKR_LEASE", "5s"},
                                                 {"TROUPE_RPC", "127.0.0.1:7421"},
                                                 {"TROUPE_BINARY", "/bin/troupe"},
                                                 {"TROUPE_SOURCE", "/src"}},
                                 .flags = {}});
  REQUIRE(config.warnings.size() == 1);
  CHECK(config.warnings[0] ==
        "environment TROUPE_WORKR_LEASE: names no configuration key; did you mean "
        "TROUPE_WORKER_LEASE?");
}

TEST_CASE("a key of a later version is no slip of the pen", "[config]") {
  const auto loaded = load_config(
      {.file = {},
       .environment = {{"TROUPE_ARTIFACTS_DIR", "/x"}, {"TROUPE_ARTIFACTS_MAX_AGE", "20s"}},
       .flags = {}});
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().detail ==
        "environment TROUPE_ARTIFACTS_DIR: artifacts.dir is not built yet in this version: unset "
        "it\n"
        "environment TROUPE_ARTIFACTS_MAX_AGE: artifacts.max_age is not built yet in this version: "
        "unset it");
  for (const Key& key : config_keys()) CHECK_FALSE(is_planned_key(key.name));
}

TEST_CASE("a part of a disk is a share or a size", "[config]") {
  const std::uint64_t gib = std::uint64_t{1} << 30;
  const auto text_of = [](const std::string& written) {
    Settings settings{};
    const Key& key = *find_key("disk.reserve");
    const auto set = set_value(key, written, settings);
    return set.ok() ? value_text(key, settings) : set.error().detail;
  };
  CHECK(text_of("5%") == "5%");
  CHECK(text_of("50%") == "50%");
  CHECK(text_of("10GiB") == "10GiB");
  CHECK(text_of("0") == "0B");
  for (const char* wrong : {"0%", "51%", "%", "-5%", "5 %", "5.5%", "much"}) {
    CHECK(text_of(wrong) ==
          "disk.reserve expects a share of the disk such as 5%, at most 50%, or a size such as "
          "10GiB, not \"" +
              std::string(wrong) + "\"");
  }
  CHECK(bytes_of(*parse_disk_share("5%"), 100 * gib) == 100 * gib / 100 * 5);
  CHECK(bytes_of(*parse_disk_share("5%"), 10 * gib) == 2 * gib);
  CHECK(bytes_of(*parse_disk_share("64MiB"), 10 * gib) == 64 << 20);
  CHECK(bytes_of(*parse_disk_share("0"), 10 * gib) == 0);
}

TEST_CASE("sizes are read with their units", "[config]") {
  std::string text;
  std::optional<std::uint64_t> bytes;
  std::tie(text, bytes) = GENERATE(table<std::string, std::optional<std::uint64_t>>({
      {"0", 0},
      {"512", 512},
      {"512B", 512},
      {"1KiB", 1024},
      {"64MiB", std::uint64_t{64} << 20},
      {"2GiB", std::uint64_t{2} << 30},
      {"1TiB", std::uint64_t{1} << 40},
      {"10KB", 10'000},
      {"", std::nullopt},
      {"MiB", std::nullopt},
      {"1 MiB", std::nullopt},
      {"-1", std::nullopt},
      {"1mib", std::nullopt},
      {"1.5GiB", std::nullopt},
      {"9223372036854775807", 9'223'372'036'854'775'807},
      {"9223372036854775808", std::nullopt},
      {"9000000TiB", std::nullopt},
  }));
  CHECK(parse_size(text) == bytes);
  if (bytes) CHECK(parse_size(size_text(*bytes)) == bytes);
}

TEST_CASE("durations are shown as they are written", "[config]") {
  const auto text = GENERATE(as<std::string>{}, "0s", "1ms", "15s", "20m", "1h30m", "5d", "1d1ms");
  CHECK(duration_text(*parse_duration(text)) == text);
}

TEST_CASE("every key is in the help with its default", "[config]") {
  const std::string help = config_help();
  for (const Key& key : config_keys()) {
    INFO(key.name);
    CHECK(help.find(key.name) != std::string::npos);
    CHECK(help.find("[" + std::string(key.default_text) + "]") != std::string::npos);
  }
}

}  // namespace
}  // namespace troupe::server
