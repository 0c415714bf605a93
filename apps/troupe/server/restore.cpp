#include "apps/troupe/server/restore.h"

#include "actors/void_claims.h"
#include "apps/troupe/server/data_check.h"
#include "apps/troupe/server/file_system.h"
#include "apps/troupe/server/files.h"
#include "apps/troupe/server/store_paths.h"
#include "runtime/blob/file.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

namespace troupe::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = 256 * 1024;
constexpr mode_t private_mode = 0600;
constexpr mode_t open_mode = 0644;
// Claims and sessions that were numbered after the backup was made must not come up again.
constexpr std::uint64_t numbers_skipped = 1ULL << 32;

Result<BackupManifest> read_manifest(const std::string& out) {
  const std::string path = out + "/manifest.json";
  const auto text = read_file(path);
  if (!text.ok() && text.error().code == Errc::not_found) {
    return Error{Errc::not_found, out +
                                      " holds no whole backup (it has no manifest.json): name "
                                      "another, or make a new one"};
  }
  if (!text.ok()) return text.error();
  auto manifest = decode_manifest(text.value());
  if (!manifest.ok()) return Error{manifest.error().code, path + ": " + manifest.error().detail};
  return manifest;
}

Status check_target(const std::string& dir) {
  std::error_code error;
  if (fs::exists(dir, error) && !fs::is_empty(dir, error)) {
    return Error{Errc::conflict, dir + " is not empty: name a new or empty folder with --data"};
  }
  const auto network = network_file_system(dir);
  if (!network) return Done{};
  return Error{Errc::invalid, dir + " is on a network file system (" + *network +
                                  "), which cannot hold a store: name a folder on a local disk"};
}

Status copy_file(const std::string& from, const std::string& to) {
  const auto source = open_file(from, O_RDONLY);
  if (!source.ok()) return source.error();
  const auto target = open_file(to, O_WRONLY | O_CREAT | O_EXCL);
  if (!target.ok()) return target.error();
  std::vector<std::uint8_t> piece(piece_bytes);
  for (std::uint64_t offset = 0;;) {
    const auto got = read_at(source.value(), offset, piece);
    if (!got.ok()) return got.error();
    if (got.value() == 0) break;
    const auto written = write_at(target.value(), offset, {piece.data(), got.value()});
    if (!written.status.ok()) return written.status;
    offset += got.value();
  }
  return sync_file(target.value());
}

// Files and folders below; LMDB's lock file is of the process that had it.
Status copy_tree(const std::string& from, const std::string& to) {
  const auto made = make_folder(to);
  if (!made.ok()) return made.error();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(from, error)) {
    const std::string name = entry.path().filename().string();
    if (name == "lock.mdb") continue;
    const std::string target = to + "/" + name;
    auto copied = entry.is_directory() ? copy_tree(entry.path().string(), target)
                                       : copy_file(entry.path().string(), target);
    if (!copied.ok()) return copied;
  }
  if (error) return Error{Errc::unavailable, "read " + from + ": " + error.message()};
  return sync_folder(to);
}

/// One directory while it is filled.
class Restore {
 public:
  Restore(std::string out, std::string dir, Instant now, Findings& findings)
      : out_(std::move(out)), dir_(std::move(dir)), now_(now), findings_(findings) {}

  Result<RestoreOutcome> run() {
    auto manifest = read_manifest(out_);
    if (!manifest.ok()) return manifest.error();
    outcome_.manifest = std::move(manifest).value();
    data_ = out_ + "/" + outcome_.manifest.data;
    const std::array steps = {&Restore::copy_files, &Restore::copy_blobs, &Restore::check,
                              &Restore::begin_new_life, &Restore::open_for_use};
    if (auto fits = check_target(dir_); !fits.ok()) return fits.error();
    for (const auto step : steps) {
      if (auto done = (this->*step)(); !done.ok()) return done.error();
    }
    return outcome_;
  }

 private:
  Status copy_files();
  Status copy_blobs();
  Status check();
  Status begin_new_life();
  Status open_for_use();

  const std::string out_;
  const std::string dir_;
  const Instant now_;
  Findings& findings_;
  std::string data_;  // the folder of the copy
  RestoreOutcome outcome_;
};

Status Restore::copy_files() {
  if (auto made = make_private_dir(dir_); !made.ok()) return made;
  for (const char* folder : {"/store", "/logs"}) {
    if (auto copied = copy_tree(data_ + folder, dir_ + folder); !copied.ok()) return copied;
  }
  for (const char* name : {"keys.json", "credentials.json", "troupe.toml"}) {
    const auto text = read_file(data_ + "/" + name);
    if (!text.ok() && text.error().code == Errc::not_found) continue;
    if (!text.ok()) return text.error();
    auto written = write_file(dir_ + "/" + name, text.value(), private_mode);
    if (!written.ok()) return written;
    outcome_.totals.files += 1;
  }
  return write_file(dir_ + "/.gitignore", "*\n", open_mode);
}

Status Restore::copy_blobs() {
  const auto made = make_folder(dir_ + "/blobs");
  if (!made.ok()) return made.error();
  if (!outcome_.manifest.blobs) return Done{};
  const auto from = BlobStore::open({.dir = out_ + "/blobs"}, now_);
  if (!from.ok()) return from.error();
  const auto to = BlobStore::open({.dir = dir_ + "/blobs"}, now_);
  if (!to.ok()) return to.error();
  const auto shards = open_shards(dir_, UpgradeMode::yes);
  if (!shards.ok()) return shards.error();
  BackupPace pace(0, [] { return false; });
  for (const Snapshot* shard : shards.value().views()) {
    auto copied = copy_named_blobs(*shard, *from.value(), *to.value(), pace);
    if (!copied.ok()) return copied;
  }
  outcome_.totals.blobs = pace.totals().blobs;
  outcome_.totals.blobs_copied = pace.totals().blobs_copied;
  outcome_.totals.bytes_copied = pace.totals().bytes_copied;
  return Done{};
}

Status Restore::check() {
  const auto shards = open_shards(dir_, UpgradeMode::yes);
  if (!shards.ok()) return shards.error();
  const auto how = outcome_.manifest.blobs ? BlobCheck::size : BlobCheck::none;
  auto checked = check_data(shards.value(), dir_, how, now_, findings_);
  if (!checked.ok()) return checked;
  if (findings_.total() == 0) return Done{};
  return Error{Errc::conflict,
               "the backup in " + out_ + " does not hold together (" +
                   std::to_string(findings_.total()) + " problems): " + dir_ +
                   " cannot be started, and can be deleted; restore an older backup"};
}

// Old claims are void, and what was numbered after the backup is not numbered again.
Status Restore::begin_new_life() {
  auto shards = open_shards(dir_, UpgradeMode::yes);
  if (!shards.ok()) return shards.error();
  const auto count = static_cast<std::uint32_t>(shards.value().stores.size());
  for (std::uint32_t shard = 0; shard < count; ++shard) {
    const Snapshot& snapshot = *shards.value().snapshots[shard];
    StoreState state = snapshot.state();
    const auto rows = void_claims(snapshot, {shard, count}, state.numbers_reserved + 1);
    state.batch += 1;
    state.numbers_reserved += rows.size() + numbers_skipped;
    state.last_event += events_skipped;
    auto written = shards.value().stores[shard]->apply(encode_batch(rows, state, shard));
    if (!written.ok()) return written;
    outcome_.voided += rows.size();
    outcome_.next_position = std::max(outcome_.next_position, state.last_event + 1);
  }
  return Done{};
}

// Last: what has a version is complete.
Status Restore::open_for_use() {
  const auto version = read_file(data_ + "/version");
  if (!version.ok()) return version.error();
  return write_file(dir_ + "/version", version.value(), open_mode);
}

}  // namespace

Result<RestoreOutcome> run_restore(const std::string& out,
                                   const std::string& data_dir,
                                   Instant now,
                                   Findings& findings) {
  return Restore(out, data_dir, now, findings).run();
}

}  // namespace troupe::server
