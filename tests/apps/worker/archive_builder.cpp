#include "tests/apps/worker/archive_builder.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <stdexcept>

namespace troupe::worker::test {
namespace {

void set_format(archive* a, Packing packing) {
  using enum Packing;
  switch (packing) {
    case zip: archive_write_set_format_zip(a); return;
    case none:
    case gz:
    case bz2:
    case xz:
    case zst: archive_write_set_format_raw(a); break;
    default: archive_write_set_format_pax_restricted(a); break;
  }
  if (packing == gz || packing == tar_gz) archive_write_add_filter_gzip(a);
  if (packing == bz2 || packing == tar_bz2) archive_write_add_filter_bzip2(a);
  if (packing == xz || packing == tar_xz) archive_write_add_filter_xz(a);
  if (packing == zst || packing == tar_zst) archive_write_add_filter_zstd(a);
}

void write_entry(archive* a, const ArchiveEntry& from) {
  using Kind = ArchiveEntry::Kind;
  archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, from.path.c_str());
  archive_entry_set_perm(entry, from.mode);
  archive_entry_set_mtime(entry, 1'700'000'000, 0);
  archive_entry_set_size(entry, 0);
  switch (from.kind) {
    case Kind::file:
      archive_entry_set_filetype(entry, AE_IFREG);
      archive_entry_set_size(entry, static_cast<la_int64_t>(from.content.size()));
      break;
    case Kind::directory: archive_entry_set_filetype(entry, AE_IFDIR); break;
    case Kind::symbolic_link:
      archive_entry_set_filetype(entry, AE_IFLNK);
      archive_entry_set_symlink(entry, from.content.c_str());
      break;
    case Kind::hard_link:
      archive_entry_set_filetype(entry, AE_IFREG);
      archive_entry_set_hardlink(entry, from.content.c_str());
      break;
    case Kind::fifo: archive_entry_set_filetype(entry, AE_IFIFO); break;
  }
  const bool written = archive_write_header(a, entry) == ARCHIVE_OK;
  archive_entry_free(entry);
  if (!written) throw std::runtime_error(archive_error_string(a));
  if (from.kind == Kind::file) archive_write_data(a, from.content.data(), from.content.size());
}

}  // namespace

void make_archive(const std::string& path,
                  Packing packing,
                  const std::vector<ArchiveEntry>& entries) {
  archive* a = archive_write_new();
  set_format(a, packing);
  if (archive_write_open_filename(a, path.c_str()) != ARCHIVE_OK) {
    throw std::runtime_error(archive_error_string(a));
  }
  for (const auto& entry : entries) write_entry(a, entry);
  archive_write_close(a);
  archive_write_free(a);
}

}  // namespace troupe::worker::test
