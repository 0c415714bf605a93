// Files that are not what LMDB wrote.
#include "runtime/store/key.h"
#include "runtime/store/lmdb_values.h"
#include "runtime/store/store_file.h"
#include "tests/runtime/store/store_support.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <random>

using namespace troupe;
using namespace troupe::test;

namespace {

std::string key_of(std::uint64_t number) {
  return KeyWriter().u64(number * 7).key();
}

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// A store with branch pages, overflow pages, split values and free pages; its file.
std::string make_data(const TempFolder& folder) {
  auto store = std::move(Store::open(options_in(folder))).value();
  for (std::uint64_t round = 0; round < 4; ++round) {
    std::vector<RowOp> rows;
    for (std::uint64_t n = 0; n < 300; ++n) {
      rows.push_back({things.id, key_of(n), Bytes(std::vector<std::uint64_t>(n % 90, n))});
    }
    rows.push_back({others.id, key_of(1), Bytes(std::vector<std::uint64_t>(1'500, 1))});
    rows.push_back({others.id, key_of(2), Bytes(std::vector<std::uint64_t>(5'000, 2))});
    if (round == 3) rows.push_back({things.id, key_of(4'000), word(1)});
    REQUIRE(write_rows(*store, rows, {.batch = round + 1}).ok());
  }
  store.reset();
  return read(folder.path() + "/data.mdb");
}

// Opens and reads everything; true if what is there decodes and is in order.
bool reads_all(const StoreOptions& options) {
  auto store = Store::open(options);
  if (!store.ok()) return false;
  const auto view = store.value()->snapshot();
  std::uint64_t words = 0;
  for (const TableId table : {things.id, others.id}) {
    view->scan(table, {}, [&words](std::string_view, WordSpan value) {
      for (const auto w : value) words += w;
      return true;
    });
  }
  return words != 1;
}

// How reading in a child ended: 0 well, 1 with an error, else by a signal.
int read_in_child(const StoreOptions& options) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    for (const int number : {SIGSEGV, SIGBUS, SIGABRT}) signal(number, SIG_DFL);
    try {
      _exit(reads_all(options) ? 0 : 1);
    } catch (const std::exception&) {
      _exit(1);
    }
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Where the mapping of the file ends; 0 if there is none.
std::uintptr_t mapping_end(const std::string& path) {
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    if (line.ends_with(" " + path))
      return std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
  }
  return 0;
}

// A page of nothing that nobody may read, at `from` or as soon behind it as there is room.
volatile const char* forbidden_page(std::uintptr_t from) {
  for (auto at = from; at < from + (1ULL << 32); at += 1U << 20) {
    void* const page = mmap(reinterpret_cast<void*>(at), 4096, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (page != MAP_FAILED) return static_cast<volatile const char*>(page);
  }
  _exit(3);
}

}  // namespace

TEST_CASE("a sound file is found sound", "[damage]") {
  const TempFolder folder;
  make_data(folder);
  const auto counts = verify_store_file(folder.path());
  REQUIRE(counts.ok());
  CHECK(counts.value().rows == 301 + 2 + 3 + 1);  // things, others, parts, meta
  CHECK(counts.value().free_pages > 0);
  StoreOptions options = options_in(folder);
  options.verify = true;
  CHECK(Store::open(options).ok());
}

TEST_CASE("a file stays sound through any life", "[damage]") {
  const TempFolder folder;
  auto store = std::move(Store::open(options_in(folder))).value();
  rc::prop("of puts, deletes and readers", [&] {
    const auto reader = *rc::gen::arbitrary<bool>() ? store->snapshot() : nullptr;
    const int batches = *rc::gen::inRange(1, 6);
    for (int b = 0; b < batches; ++b) {
      std::map<std::uint64_t, RowOp> rows;
      const int changes = *rc::gen::inRange(0, 60);
      for (int i = 0; i < changes; ++i) {
        const auto n = *rc::gen::inRange<std::uint64_t>(0, 400);
        RowOp row{things.id, key_of(n), std::nullopt};
        const auto words = *rc::gen::element<std::size_t>(0, 3, 200, 600, 2'500);
        if (words > 0) row.value = Bytes(std::vector<std::uint64_t>(words, n));
        rows.insert_or_assign(n, row);
      }
      std::vector<RowOp> list;
      for (auto& [n, row] : rows) list.push_back(row);
      RC_ASSERT(write_rows(*store, list).ok());
    }
    const auto counts = verify_store_file(folder.path());
    if (!counts.ok()) RC_FAIL(counts.error().detail);
    // Also that nothing leaked: every page is in a tree, free, or a meta page.
    const auto head = read_store_head(folder.path());
    RC_ASSERT(head.ok());
    RC_ASSERT(counts.value().pages + counts.value().free_pages + 2 == head.value()->pages);
    RC_ASSERT(counts.value().pages + 2 == store->use().used_bytes / head.value()->page_bytes);
  });
}

TEST_CASE("what is no store is refused, with the path and what to do", "[damage]") {
  const TempFolder folder;
  const std::string good = make_data(folder);
  const std::string path = folder.path() + "/data.mdb";
  SECTION("text") {
    write(path, std::string(64 * 1024, 'x'));
  }
  SECTION("one byte") {
    write(path, "x");
  }
  SECTION("cut within the meta pages") {
    write(path, good.substr(0, 5'000));
  }
  SECTION("cut in the middle") {
    write(path, good.substr(0, good.size() / 2));
  }
  SECTION("cut by a page in use") {
    write(path, good.substr(0, 4 * 4096));
  }
  SECTION("a meta page of another time") {
    std::string bad = good;
    bad[16 + 24 + 96 + 8 + 4] = 1;  // of its transaction's number
    write(path, bad);
  }
  const auto refused = Store::open(options_in(folder));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::corrupt);
  CHECK_THAT(refused.error().detail, Catch::Contains(folder.path()) &&
                                         Catch::Contains("troupe check") &&
                                         Catch::Contains("restore a backup"));
}

TEST_CASE("a cut file never crashes", "[damage]") {
  const TempFolder folder;
  const std::string good = make_data(folder);
  std::mt19937 random(7);
  for (int i = 0; i < 60; ++i) {
    write(folder.path() + "/data.mdb", good.substr(0, random() % good.size()));
    CHECK(read_in_child(options_in(folder)) <= 1);
  }
}

TEST_CASE("a page that leads out of the file ends the process in words", "[damage]") {
  const TempFolder folder;
  std::string bytes = make_data(folder);
  // LMDB's node of 12,000 bytes elsewhere: its size's halves, its flag, the size of its key.
  const std::string node("\xe0\x2e\0\0\1\0\x08\0", 8);
  const auto first = bytes.find(node);
  REQUIRE(first != bytes.npos);
  for (auto at = first; at != bytes.npos; at = bytes.find(node, at + 8)) bytes[at + 3] = '\x40';
  write(folder.path() + "/data.mdb", bytes);
  const std::string said_path = folder.path() + "/said";
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    for (const int number : {SIGSEGV, SIGBUS}) signal(number, SIG_DFL);
    const int said = open(said_path.c_str(), O_WRONLY | O_CREAT, 0600);
    if (dup2(said, STDERR_FILENO) < 0) _exit(3);
    _exit(reads_all(options_in(folder)) ? 0 : 4);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
  CHECK_THAT(read(said_path), Catch::Contains("the store in " + folder.path() + " is damaged") &&
                                  Catch::Contains("restore a backup"));
}

TEST_CASE("a fault elsewhere is no damage, if only some way behind the store", "[damage]") {
  const TempFolder folder;
  make_data(folder);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    for (const int number : {SIGSEGV, SIGBUS}) signal(number, SIG_DFL);
    const auto store = Store::open(options_in(folder));
    const auto end = mapping_end(folder.path() + "/data.mdb");
    if (!store.ok() || end == 0) _exit(3);
    _exit(*forbidden_page(end + (1U << 20)));
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGSEGV);
}

TEST_CASE("flipped bytes are found, or only change values, once pages are walked", "[damage]") {
  const TempFolder folder;
  const std::string good = make_data(folder);
  StoreOptions options = options_in(folder);
  options.verify = true;
  std::mt19937 random(11);
  int found = 0;
  for (int i = 0; i < 400; ++i) {
    std::string bad = good;
    const int flips = 1 + static_cast<int>(random() % 4);
    for (int f = 0; f < flips; ++f) {
      // Half of them where numbers are: the first bytes of a page.
      const std::size_t page = random() % (good.size() / 4096) * 4096;
      bad[page + random() % (i % 2 == 0 ? 64 : 4096)] ^= static_cast<char>(1 + random() % 255);
    }
    write(folder.path() + "/data.mdb", bad);
    const int end = read_in_child(options);
    CHECK(end <= 1);
    found += end;
  }
  CHECK(found > 20);  // most pages are free or hold values
}

TEST_CASE("a damaged part is an exception that says so", "[damage]") {
  const TempFolder folder;
  std::string bytes = make_data(folder);
  // The row of the split value: its marker, id and size.
  const std::string row("\xff\xff\xff\xff\0\0\0\0", 8);
  for (auto at = bytes.find(row); at != bytes.npos; at = bytes.find(row, at + 8))
    bytes[at + 8] ^= 9;
  write(folder.path() + "/data.mdb", bytes);
  auto store = std::move(Store::open(options_in(folder))).value();
  CHECK_THROWS_AS(store->snapshot()->get(others.id, key_of(2)), StoreDamaged);
  CHECK_THROWS_WITH(store->snapshot()->scan(others.id, {}, [](auto, auto) { return true; }),
                    Catch::Contains(folder.path()) && Catch::Contains("troupe check"));
}
