#include "apps/troupe/cli/input_file.h"
#include "apps/troupe/cli/run_file.h"
#include "apps/troupe/cli/run_git.h"
#include "apps/troupe/cli/upload_task.h"
#include "tests/apps/cli_run/fake_server.h"

#include <catch2/catch.hpp>

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

using namespace troupe;
using namespace troupe::cli;
using namespace troupe::cli::test;

namespace {

namespace fs = std::filesystem;

// A working tree with one of each kind of file.
class TempTree {
 public:
  TempTree() {
    std::string name = fs::temp_directory_path() / "troupe-tree-XXXXXX";
    root = mkdtemp(name.data());
  }
  ~TempTree() { fs::remove_all(root); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }

  void init_git(const std::vector<std::string>& tracked) const {
    const GitLibrary library;
    git_repository* raw = nullptr;
    REQUIRE(git_repository_init(&raw, root.c_str(), 0) == 0);
    const GitRepository repository(raw);
    git_index* raw_index = nullptr;
    REQUIRE(git_repository_index(&raw_index, raw) == 0);
    const GitIndex index(raw_index);
    for (const std::string& path : tracked) {
      REQUIRE(git_index_add_bypath(index.get(), path.c_str()) == 0);
    }
    REQUIRE(git_index_write(index.get()) == 0);
  }

  fs::path root;
};

// What is in the archive: path -> contents, or `-> target`.
std::map<std::string, std::string> unpack(const PackedFiles& files) {
  std::map<std::string, std::string> contents;
  lseek(files.descriptor(), 0, SEEK_SET);
  archive* reader = archive_read_new();
  archive_read_support_filter_zstd(reader);
  archive_read_support_format_tar(reader);
  REQUIRE(archive_read_open_fd(reader, files.descriptor(), 10240) == ARCHIVE_OK);
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
    const std::string path = archive_entry_pathname(entry);
    if (archive_entry_filetype(entry) == AE_IFLNK) {
      contents[path] = std::string("-> ") + archive_entry_symlink(entry);
      continue;
    }
    std::string text(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
    archive_read_data(reader, text.data(), text.size());
    contents[path] = (archive_entry_perm(entry) & 0100) != 0 ? "x:" + text : text;
  }
  archive_read_free(reader);
  return contents;
}

TempTree sample_tree() {
  TempTree tree;
  tree.write(".gitignore", "*.o\nbuild/\n");
  tree.write("tracked.txt", "tracked");
  tree.write("deleted.txt", "gone");
  tree.write("sub/tracked.txt", "below");
  tree.write("ignored.o", "no");
  tree.write("build/out", "no");
  tree.write("sub/new file.txt", "new");
  tree.write("kept.o", "tracked although ignored");
  tree.write("run.sh", "#!/bin/sh\n");
  fs::permissions(tree.root / "run.sh", fs::perms::owner_all);
  fs::create_symlink("tracked.txt", tree.root / "link");
  tree.init_git({".gitignore", "tracked.txt", "deleted.txt", "sub/tracked.txt"});
  fs::remove(tree.root / "deleted.txt");
  return tree;
}

}  // namespace

TEST_CASE("an upload holds what Git would, and nothing else", "[upload]") {
  const TempTree tree = sample_tree();
  const auto files = pack_directory(tree.root);
  REQUIRE(files.ok());
  CHECK(unpack(files.value()) == std::map<std::string, std::string>{{".gitignore", "*.o\nbuild/\n"},
                                                                    {"link", "-> tracked.txt"},
                                                                    {"run.sh", "x:#!/bin/sh\n"},
                                                                    {"sub/new file.txt", "new"},
                                                                    {"sub/tracked.txt", "below"},
                                                                    {"tracked.txt", "tracked"}});
  CHECK(files.value().file_count() == 6);
  const auto below = list_git_files(tree.root / "sub");
  REQUIRE(below.ok());
  CHECK(below.value() == std::vector<std::string>{"new file.txt", "tracked.txt"});
  // The same files are the same blob.
  CHECK(pack_directory(tree.root).value().sha256() == files.value().sha256());
}

TEST_CASE("a folder that Git does not know cannot be uploaded", "[upload]") {
  const TempTree tree;
  CHECK(pack_directory(tree.root).error().code == Errc::invalid);
  CHECK(pack_directory(tree.root / "missing").error().detail ==
        "upload: " + (tree.root / "missing").string() + " is not a directory");
}

namespace {

class FakeStream final : public schema::ByteStream::Server {
 public:
  explicit FakeStream(std::string& bytes) : bytes_(bytes) {}

 protected:
  kj::Promise<void> write(WriteContext context) override {
    const auto bytes = context.getParams().getBytes();
    bytes_.append(reinterpret_cast<const char*>(bytes.begin()), bytes.size());
    return kj::READY_NOW;
  }
  kj::Promise<void> end(EndContext) override { return kj::READY_NOW; }

 private:
  std::string& bytes_;
};

struct Received {
  std::string bytes;
  std::string name;
  std::size_t size = 0;
  bool resolved = false;
};

class FakeClaim final : public schema::Claim::Server {
 public:
  explicit FakeClaim(Received& received) : received_(received) {}

 protected:
  kj::Promise<void> upload(UploadContext context) override {
    // An earlier attempt left the first bytes.
    context.getResults().setOffset(received_.bytes.size());
    context.getResults().setSink(kj::heap<FakeStream>(received_.bytes));
    return kj::READY_NOW;
  }
  kj::Promise<void> createArtifact(CreateArtifactContext context) override {
    const auto artifact = context.getParams().getArtifact();
    received_.name = artifact.getName().cStr();
    received_.size = artifact.getBlob().getSize();
    return kj::READY_NOW;
  }
  kj::Promise<void> resolve(ResolveContext context) override {
    received_.resolved = context.getParams().getOutcome() == schema::Outcome::COMPLETED;
    return kj::READY_NOW;
  }

 private:
  Received& received_;
};

}  // namespace

TEST_CASE("the upload task is claimed, filled and completed", "[upload]") {
  const TempTree tree = sample_tree();
  const auto files = pack_directory(tree.root);
  REQUIRE(files.ok());
  std::string packed(files.value().size_bytes(), '\0');
  REQUIRE(pread(files.value().descriptor(), packed.data(), packed.size(), 0) ==
          static_cast<ssize_t>(packed.size()));

  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  fake.start();
  Received received;
  received.bytes = packed.substr(0, 10);
  bool completed = false;
  int claims = 0;
  fake.script.status = [&completed](auto context) -> kj::Promise<void> {
    context.getResults().initStatus().setState(completed ? schema::TaskState::COMPLETED
                                                         : schema::TaskState::PENDING);
    return kj::READY_NOW;
  };
  fake.script.claim_task = [&](auto context) -> kj::Promise<void> {
    ++claims;
    CHECK(context.getParams().getTaskId() == "T");
    context.getResults().initOffer().setClaim(kj::heap<FakeClaim>(received));
    return kj::READY_NOW;
  };
  Reconnector server(io, fake.target);
  const std::string task_id = "T";
  complete_upload(server, task_id, files.value()).wait(io.waitScope);
  CHECK(received.bytes == packed);
  CHECK(received.name == "private/source.tar.zst");
  CHECK(received.size == packed.size());
  CHECK(received.resolved);

  completed = true;
  complete_upload(server, task_id, files.value()).wait(io.waitScope);
  CHECK(claims == 1);
}

TEST_CASE("an upload goes on with its claim over a new connection", "[upload]") {
  const TempTree tree = sample_tree();
  const auto files = pack_directory(tree.root);
  REQUIRE(files.ok());
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  fake.start();
  Received received;
  bool claimed = false;
  fake.script.status = [&claimed](auto context) -> kj::Promise<void> {
    context.getResults().initStatus().setState(claimed ? schema::TaskState::RUNNING
                                                       : schema::TaskState::PENDING);
    return kj::READY_NOW;
  };
  // The claim is made, its answer lost.
  std::string worker;
  fake.script.claim_task = [&](auto context) -> kj::Promise<void> {
    claimed = true;
    worker = context.getParams().getWorkerId().cStr();
    return exception_from({Errc::unavailable, "restarting"});
  };
  fake.script.register_worker = [&](auto context) -> kj::Promise<void> {
    const auto params = context.getParams();
    CHECK(params.getInfo().getWorkerId().cStr() == worker);
    CHECK(params.getInfo().getTaskQueueId().cStr() == std::string("troupe/upload"));
    CHECK(params.getHeld().size() == 0);
    auto push = params.getSink().pushRequest();
    push.initOffers(1)[0].setClaim(kj::heap<FakeClaim>(received));
    return push.send().ignoreResult();
  };
  Reconnector server(io, fake.target);
  const std::string task_id = "T";
  complete_upload(server, task_id, files.value()).wait(io.waitScope);
  CHECK(received.bytes.size() == files.value().size_bytes());
  CHECK(received.resolved);
}

TEST_CASE("a source is a URL without credentials", "[run_file]") {
  CHECK(public_source("https://user:secret@example.com/r.git") == "https://example.com/r.git");
  CHECK(public_source("https://token@example.com/r@x") == "https://example.com/r@x");
  CHECK(public_source("https://example.com/a@b") == "https://example.com/a@b");
  CHECK(public_source("ssh://git:secret@host/r") == "ssh://git@host/r");
  CHECK(public_source("git@github.com:a/b.git") == "git@github.com:a/b.git");
  CHECK(public_source("/srv/git/r").empty());
  CHECK(public_source("file:///srv/git/r").empty());
}

TEST_CASE("a group file is found in a folder", "[run_file]") {
  const TempTree tree;
  CHECK(find_group_file(tree.root).error().code == Errc::invalid);
  tree.write("troupe.yml", "tasks: {}");
  CHECK(find_group_file(tree.root).value() == (tree.root / "troupe.yml").string());
  CHECK(find_group_file("some/file.json").value() == "some/file.json");
  CHECK(read_input(tree.root / "troupe.yml").value() == "tasks: {}");
  CHECK(read_input(tree.root / "none.yml").error().detail.find("cannot be read") !=
        std::string::npos);
}
