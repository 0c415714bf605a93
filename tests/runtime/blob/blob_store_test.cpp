#include "runtime/blob/blob_store.h"

#include "runtime/clock/clock.h"
#include "tests/runtime/blob/blob_support.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <chrono>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;

namespace {

const Instant now{1'767'225'600'000};

std::unique_ptr<BlobStore> open_store(const TempFolder& folder, Instant at = Instant{0}) {
  auto store = BlobStore::open({.dir = folder.path("blobs")}, at);
  REQUIRE(store.ok());
  return std::move(store).value();
}

void put(BlobStore& store, const std::string& text) {
  auto upload = store.begin_upload(sha256(text), text.size());
  REQUIRE(upload.ok());
  const auto offset = upload.value()->offset();
  REQUIRE(upload.value()->append(as_bytes(text).subspan(offset)).ok());
  REQUIRE(upload.value()->finish().ok());
}

std::string blob_path(const TempFolder& folder, const std::string& text) {
  const auto hex = to_hex(sha256(text));
  return folder.path("blobs/sha256/" + hex.substr(0, 2) + "/" + hex.substr(2));
}

std::string stage_path(const TempFolder& folder, const std::string& text, int number = 0) {
  return folder.path("blobs/tmp/" + to_hex(sha256(text)) + "." + std::to_string(text.size()) + "." +
                     std::to_string(number));
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

TEST_CASE("an upload becomes a blob", "[blob]") {
  const TempFolder folder;
  const auto store = open_store(folder);
  const std::string text = pattern(100'000);
  const auto hash = sha256(text);

  CHECK_FALSE(store->contains(hash));
  CHECK(store->size(hash).error().code == Errc::not_found);
  CHECK(store->open_reader(hash).error().code == Errc::not_found);
  put(*store, text);
  CHECK(store->contains(hash));
  CHECK(store->size(hash).value() == text.size());

  SECTION("that can be read") {
    const auto reader = store->open_reader(hash);
    REQUIRE(reader.ok());
    CHECK(reader.value()->size() == text.size());
    CHECK(read_blob(*reader.value()) == text);
    std::vector<std::uint8_t> end(10);
    CHECK(reader.value()->read(text.size() - 4, end).value() == 4);
    CHECK(reader.value()->read(text.size() + 4, end).value() == 0);
  }
  SECTION("that only we may read, and no stage file is left") {
    struct stat info {};
    REQUIRE(stat(blob_path(folder, text).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600U);
    CHECK(files_below(folder.path("blobs/tmp")) == 0);
  }
  SECTION("that is there after a restart") {
    CHECK(open_store(folder)->contains(hash));
  }
  SECTION("that can be removed, also while it is read") {
    const auto reader = store->open_reader(hash);
    CHECK(store->remove(hash).ok());
    CHECK(store->remove(hash).ok());
    CHECK_FALSE(store->contains(hash));
    CHECK(read_blob(*reader.value()) == text);
  }
  SECTION("that may be uploaded again") {
    put(*store, text);
    CHECK(read_blob(*store->open_reader(hash).value()) == text);
    CHECK(files_below(folder.path("blobs/tmp")) == 0);
  }
  SECTION("that is listed") {
    put(*store, "");
    std::uint64_t bytes = 0;
    int count = 0;
    REQUIRE(store
                ->list([&](const Sha256&, std::uint64_t size) {
                  bytes += size;
                  ++count;
                })
                .ok());
    CHECK(count == 2);
    CHECK(bytes == text.size());
  }
}

TEST_CASE("an upload that is not what was announced", "[blob]") {
  const TempFolder folder;
  const auto store = open_store(folder);
  const std::string text = pattern(1000);
  const auto hash = sha256(text);
  auto upload = std::move(store->begin_upload(hash, text.size()).value());

  SECTION("is refused where it is too long") {
    CHECK(upload->append(as_bytes(text + "x")).error().code == Errc::too_large);
    CHECK(upload->offset() == 0);
    CHECK(upload->append(as_bytes(text)).ok());
    CHECK(upload->append(as_bytes("x")).error().code == Errc::too_large);
    CHECK(upload->finish().ok());
  }
  SECTION("can go on where it is too short") {
    CHECK(upload->append(as_bytes(text).first(400)).ok());
    CHECK(upload->finish().error().code == Errc::conflict);
    CHECK(upload->append(as_bytes(text).subspan(400)).ok());
    CHECK(upload->finish().ok());
  }
  SECTION("is dropped where the hash differs") {
    std::string wrong = text;
    wrong[500] = '!';
    CHECK(upload->append(as_bytes(wrong)).ok());
    CHECK(upload->finish().error().code == Errc::invalid);
    upload.reset();
    CHECK_FALSE(store->contains(hash));
    CHECK(files_below(folder.path("blobs")) == 0);
    CHECK(store->begin_upload(hash, text.size()).value()->offset() == 0);
  }
}

TEST_CASE("an unfinished upload goes on from its offset", "[blob]") {
  const TempFolder folder;
  const std::string text = pattern(300'000);
  const auto hash = sha256(text);
  {
    const auto store = open_store(folder);
    auto upload = std::move(store->begin_upload(hash, text.size()).value());
    REQUIRE(upload->append(as_bytes(text).first(200'000)).ok());
  }

  SECTION("after a restart") {
    const auto store = open_store(folder);
    CHECK(store->begin_upload(hash, text.size()).value()->offset() == 200'000);
    put(*store, text);
    CHECK(read_blob(*store->open_reader(hash).value()) == text);
  }
  SECTION("when the last bytes were lost") {
    std::filesystem::resize_file(stage_path(folder, text), 123'456);
    const auto store = open_store(folder);
    CHECK(store->begin_upload(hash, text.size()).value()->offset() == 123'456);
    put(*store, text);
    CHECK(read_blob(*store->open_reader(hash).value()) == text);
  }
  SECTION("and starts again when bytes were damaged") {
    std::string damaged = text.substr(0, 200'000);
    damaged[77'777] = '\0';
    write_file(stage_path(folder, text), damaged);
    const auto store = open_store(folder);
    auto upload = std::move(store->begin_upload(hash, text.size()).value());
    REQUIRE(upload->append(as_bytes(text).subspan(200'000)).ok());
    CHECK(upload->finish().error().code == Errc::invalid);
    CHECK_FALSE(store->contains(hash));
    put(*store, text);
    CHECK(store->contains(hash));
  }
  SECTION("also when the stage file is longer than the blob") {
    write_file(stage_path(folder, text), text + "more");
    const auto store = open_store(folder);
    put(*store, text);
    CHECK(store->size(hash).value() == text.size());
  }
  SECTION("not of another size") {
    const auto store = open_store(folder);
    CHECK(store->begin_upload(hash, text.size() + 1).value()->offset() == 0);
  }
}

TEST_CASE("two uploads of one blob do not meet", "[blob]") {
  const TempFolder folder;
  const auto store = open_store(folder);
  const std::string text = pattern(1000);
  const auto hash = sha256(text);
  auto first = std::move(store->begin_upload(hash, text.size()).value());
  auto second = std::move(store->begin_upload(hash, text.size()).value());
  CHECK(first->append(as_bytes(text).first(10)).ok());
  CHECK(second->append(as_bytes(text)).ok());
  CHECK(second->finish().ok());
  CHECK(store->contains(hash));
  CHECK(first->append(as_bytes(text).subspan(10)).ok());
  CHECK(first->finish().ok());
  CHECK(read_blob(*store->open_reader(hash).value()) == text);
  first.reset();
  second.reset();
  CHECK(files_below(folder.path("blobs/tmp")) == 0);
}

TEST_CASE("more uploads of one blob than the limit are refused", "[blob]") {
  const TempFolder folder;
  const auto store = open_store(folder);
  std::vector<std::unique_ptr<BlobUpload>> uploads;
  for (int i = 0; i < BlobStore::uploads_per_blob_max; ++i) {
    uploads.push_back(std::move(store->begin_upload(sha256("x"), 1).value()));
  }
  CHECK(store->begin_upload(sha256("x"), 1).error().code == Errc::busy);
  uploads.pop_back();
  CHECK(store->begin_upload(sha256("x"), 1).ok());
}

TEST_CASE("the same blobs come from several threads", "[blob]") {
  const TempFolder folder;
  const auto store = open_store(folder);
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&store, &failures] {
      for (int n = 0; n < 20; ++n) {
        const std::string text = "blob number " + std::to_string(n);
        auto upload = store->begin_upload(sha256(text), text.size());
        if (!upload) {
          ++failures;
          continue;
        }
        const auto offset = upload.value()->offset();
        if (!upload.value()->append(as_bytes(text).subspan(offset))) ++failures;
        if (!upload.value()->finish()) ++failures;
        if (!store->contains(sha256(text))) ++failures;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failures == 0);
  CHECK(files_below(folder.path("blobs/sha256")) == 20);
  CHECK(files_below(folder.path("blobs/tmp")) == 0);
}

TEST_CASE("a full disk is an error that can be tried again", "[blob]") {
  const TempFolder folder;
  const auto store = open_store(folder);
  const std::string text = pattern(50'000);
  auto upload = std::move(store->begin_upload(sha256(text), text.size()).value());
  {
    const FullDisk full(20'000);
    const auto status = upload->append(as_bytes(text));
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().code == Errc::unavailable);
    CHECK_THAT(status.error().detail, Catch::Matchers::Contains("free some disk space"));
    CHECK(upload->offset() == 20'000);
  }
  CHECK(upload->append(as_bytes(text).subspan(20'000)).ok());
  CHECK(upload->finish().ok());
}

TEST_CASE("opening a store tidies it", "[blob]") {
  const TempFolder folder;
  const std::string text = pattern(1000);
  { open_store(folder); }
  write_file(stage_path(folder, text), text.substr(0, 10));
  const auto written = std::filesystem::last_write_time(stage_path(folder, text));
  const auto age = std::chrono::file_clock::to_sys(written).time_since_epoch();
  const Instant then{std::chrono::duration_cast<std::chrono::milliseconds>(age).count()};

  SECTION("young stage files stay") {
    open_store(folder, then + std::chrono::hours{23});
    CHECK(files_below(folder.path("blobs/tmp")) == 1);
  }
  SECTION("old ones go") {
    open_store(folder, then + std::chrono::hours{25});
    CHECK(files_below(folder.path("blobs/tmp")) == 0);
  }
  SECTION("old ones that somebody writes stay") {
    const auto store = open_store(folder, then);
    const auto upload = store->begin_upload(sha256(text), text.size());
    open_store(folder, then + std::chrono::hours{25});
    CHECK(files_below(folder.path("blobs/tmp")) == 1);
  }
  SECTION("a landing that was interrupted is completed") {
    write_file(stage_path(folder, text), text);
    std::filesystem::create_directory(std::filesystem::path(blob_path(folder, text)).parent_path());
    std::filesystem::create_hard_link(stage_path(folder, text), blob_path(folder, text));
    const auto store = open_store(folder, then);
    CHECK(files_below(folder.path("blobs/tmp")) == 0);
    CHECK(store->contains(sha256(text)));
  }
  SECTION("files of others are left alone") {
    write_file(folder.path("blobs/tmp/README"), "mine");
    open_store(folder, then + std::chrono::hours{25});
    CHECK(files_below(folder.path("blobs/tmp")) == 1);
  }
}

TEST_CASE("a landed stage file is never written again", "[blob]") {
  const TempFolder folder;
  const std::string text = pattern(1000);
  const auto store = open_store(folder);
  put(*store, text);
  std::filesystem::create_hard_link(blob_path(folder, text), stage_path(folder, text));
  auto upload = std::move(store->begin_upload(sha256(text), text.size()).value());
  CHECK(upload->offset() == 0);
  CHECK(upload->append(as_bytes(std::string(1000, '!'))).ok());
  CHECK_FALSE(upload->finish().ok());
  CHECK(read_blob(*store->open_reader(sha256(text)).value()) == text);
}

TEST_CASE("a blob that was cut is repaired by an upload", "[blob]") {
  const TempFolder folder;
  const std::string text = pattern(1000);
  const auto store = open_store(folder);
  put(*store, text);
  std::filesystem::resize_file(blob_path(folder, text), 10);
  put(*store, text);
  CHECK(read_blob(*store->open_reader(sha256(text)).value()) == text);
}

TEST_CASE("a finished file is adopted", "[blob]") {
  const TempFolder folder;
  const auto store = open_store(folder);
  const std::string text = pattern(1000);
  write_file(folder.path("log"), text);
  CHECK(store->adopt(folder.path("log"), sha256(text), text.size()).ok());
  CHECK(store->adopt(folder.path("log"), sha256(text), text.size()).ok());
  std::filesystem::remove(folder.path("log"));
  CHECK(read_blob(*store->open_reader(sha256(text)).value()) == text);
  CHECK(store->adopt(folder.path("log"), sha256(text), text.size()).error().code ==
        Errc::not_found);
}

TEST_CASE("a store that cannot be opened says why", "[blob]") {
  const TempFolder folder;
  write_file(folder.path("file"), "");
  CHECK_THAT(BlobStore::open({.dir = folder.path("file")}, now).error().detail,
             Catch::Matchers::Contains("file"));
  CHECK_FALSE(BlobStore::open({.dir = folder.path("no/such")}, now).ok());
}

namespace {

// As if nobody had asked for it for a day.
void make_old(const TempFolder& folder, const std::string& text) {
  using namespace std::chrono_literals;
  const std::string path = blob_path(folder, text);
  std::filesystem::last_write_time(path, std::filesystem::last_write_time(path) - 24h);
}

Instant hour_ago() {
  return wall_now() - std::chrono::hours{1};
}

}  // namespace

TEST_CASE("what was touched lately is not removed as unused", "[blob]") {
  const TempFolder folder;
  const auto store = open_store(folder);
  const std::string text = "bytes";
  const auto hash = sha256(text);
  CHECK(store->remove_unused(hash, hour_ago()).value());  // there is none
  put(*store, text);
  CHECK_FALSE(store->remove_unused(hash, hour_ago()).value());
  make_old(folder, text);
  SECTION("by who asked for it") {
    CHECK(store->contains(hash));
    CHECK_FALSE(store->remove_unused(hash, hour_ago()).value());
  }
  SECTION("by who sent it again") {
    put(*store, text);
    CHECK_FALSE(store->remove_unused(hash, hour_ago()).value());
  }
  SECTION("but what nobody has touched is") {
    CHECK(store->remove_unused(hash, hour_ago()).value());
    CHECK_FALSE(store->contains(hash));
  }
}

TEST_CASE("who asks while a blob is removed is told the truth", "[blob]") {
  const TempFolder folder;
  const auto store = open_store(folder);
  const std::string text = "bytes";
  const auto hash = sha256(text);
  for (int round = 0; round < 200; ++round) {
    put(*store, text);
    make_old(folder, text);
    bool here = false;
    std::thread asker([&] { here = store->contains(hash); });
    const bool removed = store->remove_unused(hash, hour_ago()).value();
    asker.join();
    CHECK(here != removed);
    CHECK(store->open_reader(hash).ok() == here);
  }
}
