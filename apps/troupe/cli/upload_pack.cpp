#include "apps/troupe/cli/upload_pack.h"

#include "apps/troupe/cli/run_git.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t copy_bytes = 256U << 10U;

std::string reason(int code) {
  return std::generic_category().message(code);
}

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

// Where the archive's bytes go: the file, and its hash on the way.
struct Sink {
  int descriptor = -1;
  Sha256Stream hash;
  std::uint64_t size_bytes = 0;
};

la_ssize_t take_bytes(struct archive* archive, void* context, const void* bytes, size_t size) {
  auto& sink = *static_cast<Sink*>(context);
  std::string_view rest(static_cast<const char*>(bytes), size);
  sink.hash.update(as_bytes(rest));
  while (!rest.empty()) {
    const ssize_t written = ::write(sink.descriptor, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      archive_set_error(archive, errno, "cannot write a temporary file");
      return -1;
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  sink.size_bytes += size;
  return static_cast<la_ssize_t>(size);
}

struct ArchiveRelease {
  void operator()(struct archive* archive) const { archive_write_free(archive); }
  void operator()(struct archive_entry* entry) const { archive_entry_free(entry); }
};
using Archive = std::unique_ptr<struct archive, ArchiveRelease>;
using Entry = std::unique_ptr<struct archive_entry, ArchiveRelease>;

Error archive_failure(struct archive* archive, const std::string& path) {
  const char* text = archive_error_string(archive);
  return Error{Errc::invalid,
               "upload: cannot pack " + path + ": " + (text == nullptr ? "unknown error" : text)};
}

// A file in the temporary folder that has no name any more.
int temporary_file() {
  const char* folder = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): no other thread
  const std::string base = folder == nullptr || *folder == '\0' ? "/tmp" : folder;
  const int anonymous = ::open(base.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (anonymous >= 0) return anonymous;
  std::string name = base + "/troupe-upload-XXXXXX";
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

Status copy_contents(struct archive* archive, const std::string& path, std::int64_t size) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) {
    return Error{Errc::invalid, "upload: cannot read " + path + ": " + reason(errno)};
  }
  auto buffer = std::make_unique<std::array<char, copy_bytes>>();
  while (size > 0) {
    const ssize_t got = ::read(file.get(), buffer->data(), buffer->size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return Error{
          Errc::invalid,
          "upload: " + path + (got == 0 ? " shrank while it was read" : ": " + reason(errno))};
    }
    // A file that grows meanwhile is cut to the size it had: the archive has said it already.
    const auto take = std::min<std::int64_t>(got, size);
    if (archive_write_data(archive, buffer->data(), static_cast<std::size_t>(take)) < 0) {
      return archive_failure(archive, path);
    }
    size -= take;
  }
  return Done{};
}

Status add_file(struct archive* archive, const std::string& root, const std::string& relative) {
  const std::string path = root + "/" + relative;
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) {
    return Error{Errc::invalid, "upload: cannot read " + path + ": " + reason(errno)};
  }
  const Entry entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), relative.c_str());
  archive_entry_set_mtime(entry.get(), facts.st_mtim.tv_sec, 0);
  std::int64_t size = 0;
  if (S_ISLNK(facts.st_mode)) {
    std::error_code failure;
    const std::string target = fs::read_symlink(path, failure).string();
    archive_entry_set_filetype(entry.get(), AE_IFLNK);
    archive_entry_set_symlink(entry.get(), target.c_str());
    archive_entry_set_perm(entry.get(), 0777);
  } else {
    size = facts.st_size;
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    // Git knows of no other permission than `executable`.
    archive_entry_set_perm(entry.get(), (facts.st_mode & S_IXUSR) != 0 ? 0755 : 0644);
  }
  archive_entry_set_size(entry.get(), size);
  if (archive_write_header(archive, entry.get()) < ARCHIVE_WARN) {
    return archive_failure(archive, path);
  }
  return size > 0 ? copy_contents(archive, path, size) : Status{Done{}};
}

bool is_packable(const std::string& path) {
  struct stat facts {};
  return ::lstat(path.c_str(), &facts) == 0 && (S_ISREG(facts.st_mode) || S_ISLNK(facts.st_mode));
}

// `directory` as a prefix of the paths that Git uses: empty, or ending in `/`.
Result<std::string> prefix_in(git_repository* repository, const std::string& directory) {
  const char* work_tree = git_repository_workdir(repository);
  std::error_code failure;
  const fs::path root = work_tree == nullptr ? fs::path() : fs::canonical(work_tree, failure);
  const fs::path folder = fs::canonical(directory, failure);
  const fs::path relative = folder.lexically_relative(root);
  if (failure || root.empty() || relative.empty() || *relative.begin() == "..") {
    return Error{Errc::invalid, "upload: " + directory + " is not in a Git working tree"};
  }
  return relative == "." ? std::string() : relative.string() + "/";
}

Status add_untracked(git_repository* repository,
                     const std::string& prefix,
                     std::set<std::string>& paths) {
  git_status_options options = GIT_STATUS_OPTIONS_INIT;
  options.show = GIT_STATUS_SHOW_WORKDIR_ONLY;
  options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS |
                  GIT_STATUS_OPT_EXCLUDE_SUBMODULES | GIT_STATUS_OPT_DISABLE_PATHSPEC_MATCH;
  std::string pathspec = prefix.empty() ? "" : prefix.substr(0, prefix.size() - 1);
  char* pathspecs[] = {pathspec.data()};
  if (!prefix.empty()) options.pathspec = git_strarray{pathspecs, 1};
  git_status_list* raw = nullptr;
  if (git_status_list_new(&raw, repository, &options) != 0) {
    return Error{Errc::invalid, "upload: Git's status: " + git_failure()};
  }
  const GitStatusList list(raw);
  for (std::size_t i = 0; i < git_status_list_entrycount(list.get()); ++i) {
    const git_status_entry* entry = git_status_byindex(list.get(), i);
    const bool untracked = (entry->status & GIT_STATUS_WT_NEW) != 0;
    if (untracked && entry->index_to_workdir != nullptr) {
      paths.insert(entry->index_to_workdir->new_file.path);
    }
  }
  return Done{};
}

}  // namespace

PackedFiles::~PackedFiles() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

PackedFiles::PackedFiles(PackedFiles&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      sha256_(other.sha256_),
      size_bytes_(other.size_bytes_),
      files_(other.files_) {}

Result<std::vector<std::string>> list_git_files(const std::string& directory) {
  const GitLibrary library;
  if (std::error_code failure; !fs::is_directory(directory, failure)) {
    return Error{Errc::invalid, "upload: " + directory + " is not a directory"};
  }
  const GitRepository repository = open_repository(directory);
  if (!repository) {
    return Error{Errc::invalid, "upload: " + directory + " is not in a Git working tree (" +
                                    git_failure() + "); `git init` makes one"};
  }
  const auto prefix = prefix_in(repository.get(), directory);
  if (!prefix) return prefix.error();
  git_index* raw = nullptr;
  if (git_repository_index(&raw, repository.get()) != 0) {
    return Error{Errc::invalid, "upload: Git's index: " + git_failure()};
  }
  const GitIndex index(raw);
  std::set<std::string> paths;
  for (std::size_t i = 0; i < git_index_entrycount(index.get()); ++i) {
    paths.insert(git_index_get_byindex(index.get(), i)->path);
  }
  const Status untracked = add_untracked(repository.get(), prefix.value(), paths);
  if (!untracked) return untracked.error();

  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (!path.starts_with(prefix.value())) continue;
    std::string relative = path.substr(prefix.value().size());
    // Deleted files, submodules and repositories inside are no files here.
    if (is_packable(directory + "/" + relative)) files.push_back(std::move(relative));
  }
  return files;
}

Result<PackedFiles> pack_directory(const std::string& directory) {
  const auto files = list_git_files(directory);
  if (!files) return files.error();
  Descriptor file(temporary_file());
  if (file.get() < 0) {
    return Error{Errc::invalid, "upload: cannot make a temporary file: " + reason(errno) +
                                    "; set TMPDIR to a folder with room"};
  }
  Sink sink;
  sink.descriptor = file.get();
  const Archive archive(archive_write_new());
  // GNU's form keeps names as the bytes they are, in any locale.
  archive_write_set_format_gnutar(archive.get());
  archive_write_add_filter_zstd(archive.get());
  archive_write_set_bytes_in_last_block(archive.get(), 1);
  if (archive_write_open(archive.get(), &sink, nullptr, take_bytes, nullptr) != ARCHIVE_OK) {
    return archive_failure(archive.get(), directory);
  }
  for (const std::string& path : files.value()) {
    const Status added = add_file(archive.get(), directory, path);
    if (!added) return added.error();
  }
  if (archive_write_close(archive.get()) != ARCHIVE_OK) {
    return archive_failure(archive.get(), directory);
  }
  const Sha256 hash = sink.hash.finish();
  return PackedFiles(file.release(), hash, sink.size_bytes, files.value().size());
}

}  // namespace troupe::cli
