#include "runtime/blob/blob_store.h"

#include "runtime/base/assert.h"
#include "runtime/base/random.h"
#include "runtime/blob/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace troupe {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t hex_digits = 64;
constexpr std::string_view intake_prefix = "new.";

struct StageName {
  Sha256 sha256;
  std::uint64_t size = 0;
};

/// Reads `HEX.SIZE.N`.
std::optional<StageName> parse_stage_name(const std::string& name) {
  if (name.size() <= hex_digits || name[hex_digits] != '.') return std::nullopt;
  const auto hash = sha256_from_hex(std::string_view(name).substr(0, hex_digits));
  if (!hash) return std::nullopt;
  StageName out{*hash, 0};
  const char* begin = name.data() + hex_digits + 1;
  const auto parsed = std::from_chars(begin, name.data() + name.size(), out.size);
  if (parsed.ec != std::errc{} || *parsed.ptr != '.') return std::nullopt;
  return out;
}

/// Calls `visit` with the path of each entry of a folder.
Status for_each_entry(const std::string& folder,
                      const std::function<Status(const fs::path&)>& visit) {
  std::error_code code;
  fs::directory_iterator entries(folder, code);
  const fs::directory_iterator end;
  while (!code && entries != end) {
    const auto path = entries->path();
    if (auto status = visit(path); !status) return status;
    entries.increment(code);
  }
  if (code) return io_error("list", folder, code.value());
  return Done{};
}

}  // namespace

Result<std::size_t> BlobReader::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  return read_at(file_, offset, out);
}

BlobStore::BlobStore(std::string dir) : dir_(std::move(dir)) {}

Result<std::unique_ptr<BlobStore>> BlobStore::open(BlobStoreOptions options, Instant now) {
  TROUPE_EXPECTS(!options.dir.empty());
  std::unique_ptr<BlobStore> store(new BlobStore(std::move(options.dir)));
  for (const auto* name : {"", "/sha256", "/tmp"}) {
    const auto made = make_folder(store->dir_ + name);
    if (!made) return made.error();
    if (!made.value().created) continue;
    const auto parent = fs::path(store->dir_ + name).parent_path().string();
    if (auto s = sync_folder(parent.empty() ? "." : parent); !s) return s.error();
  }
  const Instant oldest = now - options.stage_age_max;
  auto cleaned = for_each_entry(store->dir_ + "/tmp", [&store, oldest](const fs::path& path) {
    return store->clean_stage_file(path.string(), path.filename().string(), oldest);
  });
  if (!cleaned) return cleaned.error();
  return store;
}

Status BlobStore::clean_stage_file(const std::string& path,
                                   const std::string& name,
                                   Instant oldest) {
  // Of an intake nothing is kept; `remove_stale_stage` leaves one that somebody writes.
  if (name.starts_with(intake_prefix)) return remove_stale_stage(path);
  const auto blob = parse_stage_name(name);
  const auto facts = facts_of(path);
  // Gone already, or not ours: another process may share the folder.
  if (!blob || !facts) return Done{};
  if (facts.value().links > 1) {  // B2: killed between the link and the folder's sync
    if (auto s = sync_folder(folder_of(blob->sha256)); !s) return s;
    if (auto s = sync_folder(dir_ + "/sha256"); !s) return s;
    return remove_file(path);
  }
  if (Instant{facts.value().modified_ms} >= oldest) return Done{};
  return remove_stale_stage(path);
}

Result<std::unique_ptr<BlobUpload>> BlobStore::begin_upload(const Sha256& sha256,
                                                            std::uint64_t size) {
  for (int number = 0; number < uploads_per_blob_max; ++number) {
    auto stage = open_stage(stage_path(sha256, size, number));
    if (!stage) return stage.error();
    if (!stage.value()) continue;  // another upload writes it
    auto upload = std::make_unique<BlobUpload>(*this, std::move(stage).value(), sha256, size);
    if (auto s = upload->resume(); !s) return s.error();
    return upload;
  }
  return Error{Errc::busy, "too many uploads of blob " + to_hex(sha256) +
                               " at once; wait for one of them to end"};
}

Result<std::unique_ptr<BlobIntake>> BlobStore::begin_intake() {
  auto stage = open_stage(dir_ + "/tmp/" + std::string(intake_prefix) + new_slugid());
  if (!stage) return stage.error();
  if (!stage.value()) return Error{Errc::busy, "another upload has the same stage file: try again"};
  return std::make_unique<BlobIntake>(*this, std::move(stage).value());
}

Status BlobStore::adopt(const std::string& path, const Sha256& sha256, std::uint64_t size) {
  auto file = open_file(path, O_RDONLY);
  if (!file) return file.error();
  if (auto s = sync_file(file.value()); !s) return s;
  return land(path, sha256, size);
}

Status BlobStore::land(const std::string& from, const Sha256& sha256, std::uint64_t size) {
  {
    const std::lock_guard lock(mutex_);
    ++unsynced_[sha256];
  }
  // On failure the entry stays: the name may be there, its folder not on disk.
  if (auto s = place(from, sha256, size); !s) return s;
  const std::lock_guard lock(mutex_);
  const auto entry = unsynced_.find(sha256);
  if (entry != unsynced_.end() && --entry->second == 0) unsynced_.erase(entry);
  return Done{};
}

Status BlobStore::place(const std::string& from, const Sha256& sha256, std::uint64_t size) {
  const auto folder = folder_of(sha256);
  const auto path = path_of(sha256);
  if (const auto made = make_folder(folder); !made) return made.error();
  if (auto s = give_name(from, path, size); !s) return s;
  // Also where the folder existed: whoever made it may have been killed before its sync.
  if (auto s = sync_folder(folder); !s) return s;
  return sync_folder(dir_ + "/sha256");
}

Status BlobStore::give_name(const std::string& from, const std::string& path, std::uint64_t size) {
  const std::lock_guard lock(names_mutex_);
  auto linked = link_file(from, path);
  if (!linked && linked.error().code == Errc::conflict) {
    const auto present = facts_of(path);
    if (present && present.value().size == size) {
      linked = Done{};
    } else {  // cut or overwritten by somebody else: this upload repairs it
      if (auto s = remove_file(path); !s) return s;
      linked = link_file(from, path);
    }
  }
  if (!linked) return linked;
  return touch_file(path);
}

bool BlobStore::contains(const Sha256& sha256) {
  {
    const std::lock_guard lock(names_mutex_);
    if (!touch_file(path_of(sha256))) return false;
  }
  {
    const std::lock_guard lock(mutex_);
    if (!unsynced_.contains(sha256)) return true;
  }
  // Somebody is landing it, or failed to: what we tell must hold after a power failure as well.
  return sync_folder(folder_of(sha256)).ok() && sync_folder(dir_ + "/sha256").ok();
}

Result<std::uint64_t> BlobStore::size(const Sha256& sha256) const {
  const auto facts = facts_of(path_of(sha256));
  if (!facts) return facts.error();
  return facts.value().size;
}

Result<std::unique_ptr<BlobReader>> BlobStore::open_reader(const Sha256& sha256) const {
  auto file = open_file(path_of(sha256), O_RDONLY);
  if (!file) return file.error();
  const auto facts = facts_of(file.value());
  if (!facts) return facts.error();
  return std::make_unique<BlobReader>(std::move(file).value(), facts.value().size);
}

Status BlobStore::remove(const Sha256& sha256) {
  return remove_file(path_of(sha256));
}

Result<bool> BlobStore::remove_unused(const Sha256& sha256, Instant before) {
  const std::string path = path_of(sha256);
  const std::lock_guard lock(names_mutex_);
  const auto facts = facts_of(path);
  if (!facts && facts.error().code == Errc::not_found) return true;
  if (!facts) return facts.error();
  if (Instant{facts.value().modified_ms} > before) return false;
  if (auto s = remove_file(path); !s) return s.error();
  return true;
}

Status BlobStore::list(const std::function<void(const Sha256&, std::uint64_t)>& visit) const {
  return for_each_entry(dir_ + "/sha256", [&visit](const fs::path& folder) {
    return for_each_entry(folder.string(), [&visit, &folder](const fs::path& path) -> Status {
      const auto hash = sha256_from_hex(folder.filename().string() + path.filename().string());
      const auto facts = facts_of(path.string());
      if (hash && facts) visit(*hash, facts.value().size);
      return Done{};
    });
  });
}

std::string BlobStore::folder_of(const Sha256& sha256) const {
  return dir_ + "/sha256/" + to_hex(sha256).substr(0, 2);
}

std::string BlobStore::path_of(const Sha256& sha256) const {
  return folder_of(sha256) + "/" + to_hex(sha256).substr(2);
}

std::string BlobStore::stage_path(const Sha256& sha256, std::uint64_t size, int number) const {
  return dir_ + "/tmp/" + to_hex(sha256) + "." + std::to_string(size) + "." +
         std::to_string(number);
}

std::string BlobStore::unique_stage_path(const BlobName& name) const {
  return dir_ + "/tmp/" + to_hex(name.sha256) + "." + std::to_string(name.size) + "." +
         new_slugid();
}

}  // namespace troupe
