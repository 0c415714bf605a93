// Bytes whose hash nobody has said.
#include "runtime/blob/blob_store.h"
#include "tests/runtime/blob/blob_support.h"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace troupe;
using namespace troupe::test;

namespace {

std::unique_ptr<BlobStore> open_store(const TempFolder& folder) {
  auto store = BlobStore::open({.dir = folder.path("blobs")}, Instant{0});
  REQUIRE(store.ok());
  return std::move(store).value();
}

std::size_t stage_files(const TempFolder& folder) {
  const std::filesystem::directory_iterator entries(folder.path("blobs/tmp"));
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

std::unique_ptr<BlobIntake> begin_intake(BlobStore& store) {
  auto begun = store.begin_intake();
  REQUIRE(begun.ok());
  return std::move(begun).value();
}

}  // namespace

TEST_CASE("an intake becomes the blob that its bytes are", "[blob]") {
  const TempFolder folder;
  const auto store = open_store(folder);
  const std::string text = pattern(100'000);
  for (int round = 0; round < 2; ++round) {  // the second finds it there
    const auto intake = begin_intake(*store);
    REQUIRE(intake->append(as_bytes(text).first(40'000)).ok());
    REQUIRE(intake->append(as_bytes(text).subspan(40'000)).ok());
    CHECK(intake->size() == text.size());
    const auto name = intake->finish();
    REQUIRE(name.ok());
    CHECK(name.value().sha256 == sha256(text));
    CHECK(name.value().size == text.size());
    CHECK(store->contains(sha256(text)));
    CHECK(stage_files(folder) == 0);
  }
  const auto empty = begin_intake(*store)->finish();
  REQUIRE(empty.ok());
  CHECK(store->size(sha256("")).value() == 0);
}

TEST_CASE("an intake that is given up leaves nothing", "[blob]") {
  const TempFolder folder;
  const auto store = open_store(folder);
  REQUIRE(begin_intake(*store)->append(as_bytes("some")).ok());
  CHECK(stage_files(folder) == 0);
  CHECK_FALSE(store->contains(sha256("some")));
}

TEST_CASE("intakes that a kill left behind go at the next start", "[blob]") {
  const TempFolder folder;
  const auto store = open_store(folder);
  const auto living = begin_intake(*store);
  std::filesystem::copy_file(std::filesystem::directory_iterator(folder.path("blobs/tmp"))->path(),
                             folder.path("blobs/tmp/new.dead"));
  REQUIRE(stage_files(folder) == 2);
  const auto again = open_store(folder);
  CHECK(stage_files(folder) == 1);  // one that is locked is somebody's
  REQUIRE(living->append(as_bytes("x")).ok());
  CHECK(living->finish().ok());
}
