#include "apps/troupe/worker/archive.h"

#include "apps/troupe/worker/files.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

namespace troupe::worker {
namespace {

constexpr std::size_t block_bytes = 256 * 1024;
// Of what an archive asks for, this much is given: no set-user-id, no set-group-id, no sticky bit.
constexpr mode_t mode_mask = 0777;

struct FreeArchive {
  void operator()(::archive* a) const { archive_read_free(a); }
};
using ArchivePtr = std::unique_ptr<::archive, FreeArchive>;

Error archive_error(::archive* a, const std::string& what) {
  const char* text = archive_error_string(a);
  return Error{Errc::invalid, what + ": " + (text == nullptr ? "cannot be read" : text)};
}

Result<ArchivePtr> open_source(const UnpackJob& job) {
  ArchivePtr a(archive_read_new());
  if (!a) return Error{Errc::unavailable, "no memory"};
  using enum Packing;
  switch (job.packing) {
    case none: break;
    case tar: archive_read_support_format_tar(a.get()); break;
    case zip: archive_read_support_format_zip(a.get()); break;
    case tar_gz: archive_read_support_format_tar(a.get()); [[fallthrough]];
    case gz: archive_read_support_filter_gzip(a.get()); break;
    case tar_bz2: archive_read_support_format_tar(a.get()); [[fallthrough]];
    case bz2: archive_read_support_filter_bzip2(a.get()); break;
    case tar_xz: archive_read_support_format_tar(a.get()); [[fallthrough]];
    case xz: archive_read_support_filter_xz(a.get()); break;
    case tar_zst: archive_read_support_format_tar(a.get()); [[fallthrough]];
    case zst: archive_read_support_filter_zstd(a.get()); break;
  }
  const bool one_file = job.packing == gz || job.packing == bz2 || job.packing == xz ||
                        job.packing == zst || job.packing == none;
  if (one_file) archive_read_support_format_raw(a.get());
  archive_read_support_format_empty(a.get());
  if (archive_read_open_filename(a.get(), job.source.c_str(), block_bytes) != ARCHIVE_OK) {
    return archive_error(a.get(), "the archive");
  }
  return a;
}

// Opens a new file for writing; whatever file or link has the name is replaced.
Result<Fd> create_file(int directory, const std::string& name, mode_t mode) {
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  if (unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT) {
    if (errno == EISDIR || errno == EPERM) return Error{Errc::invalid, name + ": is a directory"};
    return errno_error(name);
  }
  Fd fd(openat(directory, name.c_str(), flags, mode));
  if (!fd.valid()) return errno_error(name);
  return fd;
}

Status write_data(::archive* a, int fd, const std::atomic<bool>& cancelled) {
  const void* data = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  for (;;) {
    if (cancelled) return Error{Errc::unavailable, "cancelled"};
    const int answer = archive_read_data_block(a, &data, &size, &offset);
    if (answer == ARCHIVE_EOF) return Done{};
    if (answer != ARCHIVE_OK && answer != ARCHIVE_WARN) return archive_error(a, "the archive");
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    auto written = write_at(fd, static_cast<std::uint64_t>(offset), {bytes, size});
    if (!written.ok()) return written;
  }
}

class Extraction {
 public:
  Extraction(::archive* a, int base, const std::atomic<bool>& cancelled)
      : archive_(a), base_(base), cancelled_(cancelled) {}

  Status run() {
    for (;;) {
      if (cancelled_) return Error{Errc::unavailable, "cancelled"};
      archive_entry* entry = nullptr;
      const int answer = archive_read_next_header(archive_, &entry);
      if (answer == ARCHIVE_EOF) return finish_directories();
      if (answer != ARCHIVE_OK && answer != ARCHIVE_WARN) {
        return archive_error(archive_, "the archive");
      }
      auto done = extract(entry);
      if (!done.ok()) return done;
    }
  }

 private:
  struct DirectoryMode {
    std::string path;
    mode_t mode;
  };

  // The local encoding may not have every name; its UTF-8 form has.
  static const char* path_of(archive_entry* entry) {
    const char* path = archive_entry_pathname(entry);
    return path != nullptr ? path : archive_entry_pathname_utf8(entry);
  }

  Status extract(archive_entry* entry) {
    const char* raw = path_of(entry);
    if (raw == nullptr) return Error{Errc::invalid, "an entry has no name"};
    const auto where = split_path(raw);
    const bool is_directory = archive_entry_filetype(entry) == AE_IFDIR;
    const std::string directory_path = is_directory ? raw : where.parent;
    if (*raw == '/') return Error{Errc::invalid, std::string(raw) + ": an absolute path"};
    auto directory = open_directory_below(base_, directory_path);
    if (!directory.ok()) return directory.error();
    const mode_t mode = archive_entry_perm(entry) & mode_mask;
    if (is_directory) {
      // Applied at the end: a read-only directory could not be filled.
      directories_.push_back({directory_path, mode});
      return Done{};
    }
    if (where.name.empty() || where.name == "." || where.name == "..") {
      return Error{Errc::invalid, std::string(raw) + ": not the name of a file"};
    }
    auto done = create(entry, directory.value().get(), where.name, mode);
    if (!done.ok()) return Error{done.error().code, std::string(raw) + ": " + done.error().detail};
    return done;
  }

  Status create(archive_entry* entry, int directory, const std::string& name, mode_t mode) {
    if (const char* target = archive_entry_hardlink(entry)) {
      return create_hard_link(target, directory, name);
    }
    switch (archive_entry_filetype(entry)) {
      case AE_IFREG: return create_regular(entry, directory, name, mode);
      case AE_IFLNK: return create_symbolic_link(entry, directory, name);
      default: return Error{Errc::invalid, "is neither a file, a directory nor a link"};
    }
  }

  Status create_regular(archive_entry* entry, int directory, const std::string& name, mode_t mode) {
    auto fd = create_file(directory, name, 0600);
    if (!fd.ok()) return fd.error();
    auto written = write_data(archive_, fd.value().get(), cancelled_);
    if (!written.ok()) return written;
    // A hole at the end of a sparse file has no data block.
    if (archive_entry_size_is_set(entry) &&
        ftruncate(fd.value().get(), archive_entry_size(entry)) != 0) {
      return errno_error(name);
    }
    const timespec times[2] = {{0, UTIME_OMIT},
                               {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)}};
    if (archive_entry_mtime_is_set(entry)) futimens(fd.value().get(), times);
    if (fchmod(fd.value().get(), mode) != 0) return errno_error(name);
    return Done{};
  }

  // Where a link points is its own affair: nothing of ours ever follows it.
  Status create_symbolic_link(archive_entry* entry, int directory, const std::string& name) {
    const char* target = archive_entry_symlink(entry);
    if (target == nullptr) return Error{Errc::invalid, "a symbolic link without a target"};
    if (unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT) return errno_error(name);
    if (symlinkat(target, directory, name.c_str()) != 0) return errno_error(name);
    return Done{};
  }

  Status create_hard_link(const char* target, int directory, const std::string& name) {
    if (*target == '/') return Error{Errc::invalid, "a hard link to an absolute path"};
    const auto where = split_path(target);
    auto source = open_directory_below(base_, where.parent);
    if (!source.ok()) return source.error();
    struct stat info {};
    if (fstatat(source.value().get(), where.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return errno_error(std::string("hard link to ") + target, Errc::invalid);
    }
    if (!S_ISREG(info.st_mode)) return Error{Errc::invalid, "a hard link to what is not a file"};
    if (unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT) return errno_error(name);
    if (linkat(source.value().get(), where.name.c_str(), directory, name.c_str(), 0) != 0) {
      return errno_error(name);
    }
    return Done{};
  }

  Status finish_directories() {
    // Inner directories, whose paths are longer, first: an outer one may close the way to them.
    std::stable_sort(directories_.begin(), directories_.end(),
                     [](const auto& a, const auto& b) { return a.path.size() > b.path.size(); });
    for (const auto& [path, mode] : directories_) {
      const auto directory = open_directory_below(base_, path);
      if (!directory.ok()) return directory.error();
      if (fchmod(directory.value().get(), mode) != 0) return errno_error(path);
    }
    return Done{};
  }

  ::archive* archive_;  // borrowed
  const int base_;      // borrowed
  const std::atomic<bool>& cancelled_;
  std::vector<DirectoryMode> directories_;
};

// A new file at `path` below `root`, with the directories above it.
Result<Fd> create_file_below(int root, const std::string& path) {
  const auto where = split_path(path);
  if (path.starts_with('/')) return Error{Errc::invalid, path + ": an absolute path"};
  if (path.ends_with('/') || where.name.empty() || where.name == "." || where.name == "..") {
    return Error{Errc::invalid, path + ": not the name of a file"};
  }
  auto directory = open_directory_below(root, where.parent);
  if (!directory.ok()) return directory.error();
  return create_file(directory.value().get(), where.name, 0666);
}

Status unpack_file(::archive* a, const UnpackJob& job, const std::atomic<bool>& cancelled) {
  auto fd = create_file_below(job.root, job.destination);
  if (!fd.ok()) return fd.error();
  archive_entry* entry = nullptr;
  const int answer = archive_read_next_header(a, &entry);
  if (answer == ARCHIVE_EOF) return Done{};  // an empty file
  if (answer != ARCHIVE_OK && answer != ARCHIVE_WARN) return archive_error(a, "the file");
  // `raw` takes anything: without its filter, the bytes were not packed as they should be.
  if (job.packing != Packing::none && archive_filter_count(a) < 2) {
    return Error{Errc::invalid, "the file is not compressed in the given format"};
  }
  return write_data(a, fd.value().get(), cancelled);
}

}  // namespace

Status unpack(const UnpackJob& job, const std::atomic<bool>& cancelled) {
  auto source = open_source(job);
  if (!source.ok()) return source.error();
  using enum Packing;
  const bool archive = job.packing == tar || job.packing == tar_gz || job.packing == tar_bz2 ||
                       job.packing == tar_xz || job.packing == tar_zst || job.packing == zip;
  if (!archive) return unpack_file(source.value().get(), job, cancelled);
  const auto base = open_directory_below(job.root, job.destination);
  if (!base.ok()) return base.error();
  return Extraction(source.value().get(), base.value().get(), cancelled).run();
}

Status write_file_below(int root, const std::string& path, std::string_view bytes) {
  auto fd = create_file_below(root, path);
  if (!fd.ok()) return fd.error();
  return append(fd.value().get(), bytes);
}

}  // namespace troupe::worker
