#include "runtime/blob/stream_store.h"

#include "tests/runtime/blob/blob_support.h"

#include <catch2/catch.hpp>

#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;

namespace {

/// Both stores over one folder; `restart` opens them anew.
class World {
 public:
  explicit World(std::size_t open_streams_max = 8) : open_streams_max_(open_streams_max) {
    restart();
  }
  void restart() {
    streams.reset();
    blobs = std::move(BlobStore::open({.dir = folder.path("blobs")}, Instant{0}).value());
    streams =
        std::move(StreamStore::open(
                      {.dir = folder.path("logs"), .open_streams_max = open_streams_max_}, *blobs)
                      .value());
  }
  std::uint64_t append(const std::string& key, std::uint64_t offset, const std::string& text) {
    const auto kept = streams->append(key, offset, as_bytes(text));
    REQUIRE(kept.ok());
    return kept.value();
  }
  std::string read(const std::string& key, std::uint64_t offset, std::size_t size) {
    std::string out(size, '\0');
    const auto got =
        streams->read(key, offset, {reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
    REQUIRE(got.ok());
    out.resize(got.value());
    return out;
  }

  TempFolder folder;
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<StreamStore> streams;

 private:
  std::size_t open_streams_max_;
};

/// Resident memory of this process.
std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

TEST_CASE("a stream grows", "[stream]") {
  World world;
  CHECK(world.streams->size("a/0").value() == 0);
  CHECK(world.append("a/0", 0, "hello ") == 6);
  CHECK(world.append("a/0", 6, "world") == 11);
  CHECK(world.streams->size("a/0").value() == 11);
  CHECK(world.read("a/0", 0, 100) == "hello world");
  CHECK(world.read("a/0", 6, 3) == "wor");
  CHECK(world.read("a/0", 11, 3).empty());
  CHECK(world.read("a/0", 100, 3).empty());

  SECTION("by what is not kept yet") {
    CHECK(world.append("a/0", 0, "hello") == 11);
    CHECK(world.append("a/0", 6, "world, and more") == 21);
    CHECK(world.read("a/0", 0, 100) == "hello world, and more");
  }
  SECTION("without gaps") {
    const auto refused = world.streams->append("a/0", 12, as_bytes("x"));
    CHECK(refused.error().code == Errc::conflict);
    CHECK_THAT(refused.error().detail, Catch::Matchers::Contains("11 bytes are kept"));
    CHECK(world.streams->append("b/0", 1, as_bytes("x")).error().code == Errc::conflict);
    CHECK(world.streams->list().value().size() == 1);
  }
  SECTION("over a restart") {
    CHECK(world.streams->sync("a/0").value() == 11);
    world.restart();
    CHECK(world.streams->size("a/0").value() == 11);
    CHECK(world.append("a/0", 11, "!") == 12);
    CHECK(world.read("a/0", 0, 100) == "hello world!");
  }
  SECTION("beside others") {
    world.append("a/1", 0, "other");
    CHECK(world.read("a/0", 0, 100) == "hello world");
    CHECK(world.streams->list().value().size() == 2);
  }
}

TEST_CASE("sync tells how much is on disk", "[stream]") {
  World world;
  CHECK(world.streams->sync("a/0").value() == 0);
  world.append("a/0", 0, "12345");
  CHECK(world.streams->sync("a/0").value() == 5);
  CHECK(world.streams->sync("a/0").value() == 5);
  world.append("a/0", 5, "678");
  CHECK(world.streams->sync("a/0").value() == 8);
}

TEST_CASE("a key that could leave the folder is refused", "[stream]") {
  World world;
  const auto key = GENERATE(as<std::string>{}, "", "a", "a/", "/a", "a/b/c", "../a", "a/..", "a/.b",
                            "a b/c", "a/\n", std::string("a/b\0", 4), "a/" + std::string(129, 'x'));
  CHECK_FALSE(is_stream_key(key));
  CHECK(world.streams->append(key, 0, as_bytes("x")).error().code == Errc::invalid);
  CHECK(world.streams->sync(key).error().code == Errc::invalid);
  CHECK(world.streams->size(key).error().code == Errc::invalid);
  CHECK(world.streams->read(key, 0, {}).error().code == Errc::invalid);
  CHECK(world.streams->last_line(key, 10).error().code == Errc::invalid);
  CHECK(world.streams->seal(key).error().code == Errc::invalid);
  CHECK(world.streams->remove(key).error().code == Errc::invalid);
  CHECK(files_below(world.folder.path("logs")) == 0);
}

TEST_CASE("keys may look like ids", "[stream]") {
  CHECK(is_stream_key("VjOhyZ_uRk-2QgN7A8fHQw/0"));
  CHECK(is_stream_key("-a/_b.log"));
}

TEST_CASE("a sealed stream is a blob, and stays until it is removed", "[stream]") {
  World world;
  const std::string text = pattern(300'000);
  const bool restart = GENERATE(false, true);
  world.append("a/0", 0, text.substr(0, 200'000));
  if (restart) world.restart();
  world.append("a/0", 200'000, text.substr(200'000));

  const auto sealed = world.streams->seal("a/0");
  REQUIRE(sealed.ok());
  CHECK(sealed.value() == SealedStream{sha256(text), text.size()});
  CHECK(read_blob(*world.blobs->open_reader(sha256(text)).value()) == text);

  SECTION("it can be read, and sealed again, also after a restart") {
    if (GENERATE(false, true)) world.restart();
    CHECK(world.read("a/0", 0, text.size()) == text);
    CHECK(world.streams->seal("a/0").value() == sealed.value());
  }
  SECTION("but nothing is added, also after a restart") {
    if (GENERATE(false, true)) world.restart();
    CHECK(world.append("a/0", 0, text) == text.size());
    CHECK(world.streams->append("a/0", text.size(), as_bytes("late")).error().code ==
          Errc::conflict);
    CHECK(read_blob(*world.blobs->open_reader(sha256(text)).value()) == text);
  }
  SECTION("removed, it leaves the blob alone") {
    REQUIRE(world.streams->remove("a/0").ok());
    CHECK(world.streams->list().value().empty());
    CHECK_FALSE(std::filesystem::exists(world.folder.path("logs/a")));
    CHECK(world.streams->seal("a/0").error().code == Errc::not_found);
    CHECK(world.streams->read("a/0", 0, {}).error().code == Errc::not_found);
    CHECK(read_blob(*world.blobs->open_reader(sha256(text)).value()) == text);
  }
  SECTION("also where that blob was there already") {
    world.append("b/0", 0, text);
    CHECK(world.streams->seal("b/0").value() == sealed.value());
  }
}

TEST_CASE("an empty stream can be sealed", "[stream]") {
  World world;
  CHECK(world.streams->seal("a/0").error().code == Errc::not_found);
  world.append("a/0", 0, "");
  CHECK(world.streams->seal("a/0").value() == SealedStream{sha256(""), 0});
}

TEST_CASE("a seal that was interrupted is repeated", "[stream]") {
  World world;
  const std::string text = pattern(1000);
  world.append("a/0", 0, text);
  REQUIRE(world.streams->sync("a/0").ok());
  // Killed after the blob got its name.
  REQUIRE(world.blobs->adopt(world.folder.path("logs/a/0"), sha256(text), text.size()).ok());
  world.restart();
  CHECK(world.streams->size("a/0").value() == 1000);
  CHECK(world.append("a/0", 0, text) == 1000);
  CHECK(world.streams->append("a/0", 1000, as_bytes("x")).error().code == Errc::conflict);
  CHECK(world.streams->seal("a/0").value() == SealedStream{sha256(text), 1000});
  CHECK(read_blob(*world.blobs->open_reader(sha256(text)).value()) == text);
}

TEST_CASE("a file that was cut goes on from its end", "[stream]") {
  World world;
  const std::string text = pattern(1000);
  world.append("a/0", 0, text);
  world.streams.reset();
  std::filesystem::resize_file(world.folder.path("logs/a/0"), 400);
  world.restart();
  CHECK(world.streams->size("a/0").value() == 400);
  CHECK(world.append("a/0", 400, text.substr(400)) == 1000);
  CHECK(world.streams->seal("a/0").value() == SealedStream{sha256(text), 1000});
}

TEST_CASE("a removed stream is gone", "[stream]") {
  World world;
  world.append("a/0", 0, "x");
  world.append("a/1", 0, "y");
  CHECK(world.streams->remove("a/0").ok());
  CHECK(world.streams->remove("a/0").ok());
  CHECK(world.streams->size("a/0").value() == 0);
  CHECK(world.read("a/1", 0, 10) == "y");
  CHECK(world.append("a/0", 0, "new") == 3);
  CHECK(world.read("a/0", 0, 10) == "new");
}

TEST_CASE("a full disk keeps what fitted", "[stream]") {
  World world;
  const std::string text = pattern(50'000);
  {
    const FullDisk full(20'000);
    const auto refused = world.streams->append("a/0", 0, as_bytes(text));
    CHECK(refused.error().code == Errc::unavailable);
    CHECK(world.streams->size("a/0").value() == 20'000);
  }
  CHECK(world.append("a/0", 20'000, text.substr(20'000)) == 50'000);
  CHECK(world.streams->seal("a/0").value() == SealedStream{sha256(text), 50'000});
}

TEST_CASE("more streams than may be open", "[stream]") {
  World world(3);
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto before = descriptors();
  std::vector<std::string> texts(20);
  for (int round = 0; round < 5; ++round) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto more = pattern(100 + i) + std::to_string(round);
      world.append("s" + std::to_string(i) + "/0", texts[i].size(), more);
      texts[i] += more;
      CHECK(descriptors() <= before + 3);
    }
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto key = "s" + std::to_string(i) + "/0";
    CHECK(world.streams->sync(key).value() == texts[i].size());
    CHECK(world.streams->seal(key).value() == SealedStream{sha256(texts[i]), texts[i].size()});
  }
}

TEST_CASE("the last line follows the stream", "[stream]") {
  World world;
  CHECK(world.streams->last_line("a/0", 80).value().empty());
  world.append("a/0", 0, "first\nsec");
  CHECK(world.streams->last_line("a/0", 80).value() == "sec");
  world.append("a/0", 9, "ond\n");
  CHECK(world.streams->last_line("a/0", 80).value() == "second");
  CHECK(world.streams->last_line("a/0", 4).value() == "sec\xE2\x80\xA6");
  const std::string much = pattern(100'000) + "\n\x1B[32mdone\x1B[0m\n";
  world.append("a/0", 13, much);
  CHECK(world.streams->last_line("a/0", 80).value() == "done");
  world.restart();
  CHECK(world.streams->last_line("a/0", 80).value() == "done");
}

TEST_CASE("two writers of one stream do not mix", "[stream]") {
  World world;
  const std::string text = pattern(20'000);
  const auto write = [&world, &text] {
    for (std::size_t at = 0; at < text.size(); at += 10) {
      static_cast<void>(world.streams->append("a/0", at, as_bytes(text).subspan(at, 10)));
    }
  };
  std::thread other(write);
  write();
  other.join();
  CHECK(world.streams->seal("a/0").value() == SealedStream{sha256(text), text.size()});
}

TEST_CASE("appends, syncs and reads at once", "[stream]") {
  World world(2);
  const std::string text = pattern(30'000);
  std::atomic<bool> done = false;
  std::atomic<int> failures = 0;
  std::thread syncer([&] {
    std::uint64_t last = 0;
    while (!done) {
      const auto synced = world.streams->sync("a/0");
      if (!synced || synced.value() < last) ++failures;
      if (synced) last = synced.value();
    }
  });
  std::thread reader([&] {
    std::string out(text.size(), '\0');
    while (!done) {
      const auto got =
          world.streams->read("a/0", 0, {reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
      if (got && text.compare(0, got.value(), out, 0, got.value()) != 0) ++failures;
    }
  });
  for (std::size_t at = 0; at < text.size(); at += 30) {
    world.append("a/0", at, text.substr(at, 30));
    world.append("b/" + std::to_string(at % 7), 0, "x");
  }
  done = true;
  syncer.join();
  reader.join();
  CHECK(failures == 0);
  CHECK(world.streams->seal("a/0").value() == SealedStream{sha256(text), text.size()});
}

TEST_CASE("a stream of 200 MB does not grow in memory", "[stream]") {
  World world;
  const std::string piece = pattern(1 << 20);
  world.append("a/0", 0, piece);
  const auto before = resident_bytes();
  constexpr std::uint64_t pieces = 200;
  Sha256Stream hash;
  hash.update(as_bytes(piece));
  for (std::uint64_t i = 1; i < pieces; ++i) {
    world.append("a/0", i * piece.size(), piece);
    hash.update(as_bytes(piece));
  }
  const auto finished = world.streams->seal("a/0");
  REQUIRE(finished.ok());
  CHECK(finished.value() == SealedStream{hash.finish(), pieces * piece.size()});
  CHECK(resident_bytes() < before + 16 * 1024 * 1024);
}
