#include "apps/troupe/server/backup.h"

#include "actors/check.h"
#include "actors/kinds.h"
#include "actors/object/state.h"
#include "apps/troupe/server/files.h"
#include "apps/troupe/server/store_paths.h"
#include "runtime/base/data.h"
#include "runtime/base/random.h"
#include "runtime/blob/file.h"
#include "runtime/clock/clock.h"
#include "runtime/store/copy.h"
#include "runtime/store/message.h"
#include "schema/store/objects.capnp.h"
#include "schema/store/rows.capnp.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <map>
#include <utility>

namespace troupe::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = 256 * 1024;
constexpr mode_t private_mode = 0600;
// What a data directory cannot do without, and the configuration if it is there.
constexpr std::array small_files = {"version", "keys.json", "credentials.json", "troupe.toml"};

/// One backup being made.
class Backup {
 public:
  Backup(const BackupSource& source, const BackupOptions& options, BackupPace& pace)
      : source_(source), options_(options), pace_(pace), out_(options.out) {}

  Status run() {
    const std::array steps = {&Backup::prepare,       &Backup::copy_logs_first,
                              &Backup::copy_stores,   &Backup::copy_logs_again,
                              &Backup::copy_blobs,    &Backup::copy_small_files,
                              &Backup::write_manifest};
    for (const auto step : steps) {
      if (auto done = (this->*step)(); !done.ok()) {
        undo();
        return done;
      }
    }
    remove_old();
    return Done{};
  }

 private:
  Status prepare();
  Status check_folder() const;
  Status lock();
  Status copy_logs_first() { return copy_logs(nullptr); }
  Status copy_logs_again();
  Status copy_logs(const CheckView* known);
  Status copy_log(const std::string& key);
  Status copy_stores();
  Status copy_blobs();
  Status copy_small_files();
  Status write_manifest();
  void remove_old() const;
  void undo();

  std::vector<const Snapshot*> views() const {
    std::vector<const Snapshot*> views;
    for (const auto& snapshot : snapshots_) views.push_back(snapshot.get());
    return views;
  }

  const BackupSource& source_;
  const BackupOptions& options_;
  BackupPace& pace_;
  const std::string out_;
  bool made_out_ = false;
  bool fresh_ = false;  // nothing of an earlier backup was in it
  File lock_;
  std::string name_;  // of the copy: `data-...`
  std::string data_;  // its folder
  std::vector<std::unique_ptr<Snapshot>> snapshots_;
  std::map<std::string, std::uint64_t> logs_;  // copied so far, and how much of each
};

Status make(const std::string& folder) {
  const auto made = make_folder(folder);
  if (!made.ok()) return made.error();
  return Done{};
}

Status Backup::check_folder() const {
  if (out_ == source_.data_dir || out_.starts_with(source_.data_dir + "/")) {
    return Error{Errc::invalid, out_ + " is inside the data directory: name a folder elsewhere"};
  }
  std::error_code error;
  const bool ours = !fs::exists(out_, error) || fs::exists(out_ + "/backup.lock", error) ||
                    fs::is_empty(out_, error);
  if (ours) return Done{};
  return Error{Errc::conflict, out_ + " is not empty, and no backup: name a new or empty folder"};
}

Status Backup::lock() {
  auto file = open_file(out_ + "/backup.lock", O_RDWR | O_CREAT);
  if (!file.ok()) return file.error();
  lock_ = std::move(file).value();
  if (flock(lock_.fd(), LOCK_EX | LOCK_NB) == 0) return Done{};
  return Error{Errc::conflict, "another backup is being made in " + out_};
}

Status Backup::prepare() {
  if (auto fits = check_folder(); !fits.ok()) return fits;
  if (auto may_begin = pace_.advance(0); !may_begin.ok()) return may_begin;
  std::error_code error;
  made_out_ = !fs::exists(out_, error);
  fresh_ = made_out_ || fs::is_empty(out_, error);
  if (auto made = make_private_dir(out_); !made.ok()) return made;
  if (chmod(out_.c_str(), 0700) != 0) {
    return Error{Errc::unavailable, reason("chmod " + out_, errno)};
  }
  if (auto locked = lock(); !locked.ok()) return locked;
  name_ = "data-" + new_slugid();
  data_ = out_ + "/" + name_;
  for (const auto& folder : {data_, data_ + "/logs"}) {
    if (auto made = make(folder); !made.ok()) return made;
  }
  return Done{};
}

Status Backup::copy_log(const std::string& key) {
  const std::string path = data_ + "/logs/" + key;
  if (auto made = make(path.substr(0, path.rfind('/'))); !made.ok()) return made;
  auto file = open_file(path, O_WRONLY | O_CREAT);
  if (!file.ok()) return file.error();
  std::vector<std::uint8_t> piece(piece_bytes);
  std::uint64_t& offset = logs_[key];
  for (;;) {
    const auto got = source_.logs.read(key, offset, piece);
    // Its run has ended meanwhile, and the log is a blob: what was copied before is all there is.
    if (!got.ok() && got.error().code == Errc::not_found) break;
    if (!got.ok()) return got.error();
    if (got.value() == 0) break;
    if (auto paced = pace_.advance(got.value()); !paced.ok()) return paced;
    const auto written = write_at(file.value(), offset, {piece.data(), got.value()});
    if (!written.status.ok()) return written.status;
    offset += got.value();
  }
  if (auto synced = sync_file(file.value()); !synced.ok()) return synced;
  return sync_folder(path.substr(0, path.rfind('/')));
}

Status Backup::copy_logs(const CheckView* known) {
  const auto streams = source_.logs.list();
  if (!streams.ok()) return streams.error();
  for (const auto& stream : streams.value()) {
    const ActorId task = task_id(stream.key.substr(0, stream.key.find('/')));
    // A log that is newer than the snapshot is of a run that the copy does not know.
    if (known != nullptr && !logs_.contains(stream.key) && !known->locate(task)) continue;
    if (auto copied = copy_log(stream.key); !copied.ok()) return copied;
  }
  pace_.update([this](BackupTotals& t) { t.logs = logs_.size(); });
  return Done{};
}

Status Backup::copy_logs_again() {
  Findings unused;
  const CheckView known(views(), options_.now, unused);
  return copy_logs(&known);
}

Status Backup::copy_stores() {
  snapshots_ = source_.snapshots();
  const auto count = static_cast<std::uint32_t>(snapshots_.size());
  const auto made = make_folder(store_dir(data_));
  if (!made.ok()) return made.error();
  for (std::uint32_t shard = 0; shard < count; ++shard) {
    const auto options = offline_options(store_dir(data_), {shard, count});
    auto to = Store::open(options);
    if (!to.ok()) return to.error();
    auto copied = copy_store(*snapshots_[shard], shard, options.tables, *to.value(),
                             [this](const CopiedPiece& piece) {
                               auto paced = pace_.advance(piece.bytes);
                               pace_.update([&piece](BackupTotals& t) {
                                 t.rows += piece.rows;
                                 t.row_bytes += piece.bytes;
                               });
                               return paced;
                             });
    if (!copied.ok()) return copied;
  }
  return Done{};
}

Status Backup::copy_blobs() {
  if (auto made = make(out_ + "/blobs"); !made.ok()) return made;
  if (!options_.blobs) return Done{};
  auto to = BlobStore::open({.dir = out_ + "/blobs"}, options_.now);
  if (!to.ok()) return to.error();
  for (const Snapshot* shard : views()) {
    auto copied = copy_named_blobs(*shard, source_.blobs, *to.value(), pace_);
    if (!copied.ok()) return copied;
  }
  return Done{};
}

Status Backup::copy_small_files() {
  for (const char* name : small_files) {
    const auto text = read_file(source_.data_dir + "/" + name);
    if (!text.ok() && text.error().code == Errc::not_found) continue;
    if (!text.ok()) return text.error();
    auto written = write_file(data_ + "/" + name, text.value(), private_mode);
    if (!written.ok()) return written;
    pace_.update([](BackupTotals& t) { t.files += 1; });
  }
  return Done{};
}

Status Backup::write_manifest() {
  snapshots_.clear();
  for (const auto& folder : {data_ + "/logs", data_, out_}) {
    if (auto synced = sync_folder(folder); !synced.ok()) return synced;
  }
  const BackupManifest manifest{name_, format_time(options_.now), TROUPE_VERSION, options_.blobs};
  return write_file(out_ + "/manifest.json", encode_manifest(manifest), private_mode);
}

// Copies that no manifest names: the one before this, and what was cut short.
void Backup::remove_old() const {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(out_, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("data-") && name != name_) fs::remove_all(entry.path(), error);
  }
}

// Blobs stay beside those of an earlier backup: the next one has them then.
void Backup::undo() {
  snapshots_.clear();
  if (data_.empty()) return;  // the folder may be another's
  std::error_code error;
  fs::remove_all(data_, error);
  if (!fresh_) return;
  for (const char* name : {"/blobs", "/backup.lock"}) fs::remove_all(out_ + name, error);
  if (made_out_) fs::remove(out_, error);
}

Status copy_blob(const BlobStore& from,
                 BlobStore& to,
                 const Sha256& hash,
                 const std::string& artifact,
                 BackupPace& pace) {
  pace.update([](BackupTotals& t) { t.blobs += 1; });
  if (to.contains(hash)) return pace.advance(0);
  const auto reader = from.open_reader(hash);
  if (!reader.ok()) {
    return Error{reader.error().code, "the blob of an artifact " + artifact +
                                          " cannot be read: " + reader.error().detail +
                                          "; `troupe check` lists all that are missing"};
  }
  auto upload = to.begin_upload(hash, reader.value()->size());
  if (!upload.ok()) return upload.error();
  std::vector<std::uint8_t> piece(piece_bytes);
  for (;;) {
    const auto got = reader.value()->read(upload.value()->offset(), piece);
    if (!got.ok()) return got.error();
    if (got.value() == 0) break;
    if (auto paced = pace.advance(got.value()); !paced.ok()) return paced;
    auto taken = upload.value()->append({piece.data(), got.value()});
    if (!taken.ok()) return taken;
    pace.update([&got](BackupTotals& t) { t.bytes_copied += got.value(); });
  }
  pace.update([](BackupTotals& t) { t.blobs_copied += 1; });
  return upload.value()->finish();
}

}  // namespace

BackupPace::BackupPace(std::uint64_t bytes_per_second, std::function<bool()> nearly_full)
    : bytes_per_second_(bytes_per_second),
      nearly_full_(std::move(nearly_full)),
      started_(elapsed_now()) {}

Status BackupPace::advance(std::uint64_t bytes) {
  if (nearly_full_()) {
    return Error{Errc::busy,
                 "the store is 80% full, and a backup keeps it from reusing pages: raise "
                 "store.map_size, or back up the stopped directory"};
  }
  std::unique_lock lock(mutex_);
  bytes_ += bytes;
  if (bytes_per_second_ > 0) {
    const auto due = started_ + Duration{bytes_ * 1'000 / bytes_per_second_};
    const auto wait = std::max(due - elapsed_now(), Duration{0});
    changed_.wait_for(lock, wait, [this] { return stopped_; });
  }
  if (stopped_) return Error{Errc::unavailable, "the backup was stopped"};
  return Done{};
}

void BackupPace::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
}

void BackupPace::update(const std::function<void(BackupTotals&)>& change) {
  const std::lock_guard lock(mutex_);
  change(totals_);
}

BackupTotals BackupPace::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

Status copy_named_blobs(const Snapshot& snapshot,
                        const BlobStore& from,
                        BlobStore& to,
                        BackupPace& pace) {
  Status outcome = Done{};
  const auto copy = [&](const auto& row) {
    const auto hash = sha256_of(row.getSha256());
    if (!hash) return true;  // no bytes; of a damaged row `check` says so
    outcome = copy_blob(from, to, *hash, str(row.getName()), pace);
    return outcome.ok();
  };
  snapshot.scan(tables::task_artifacts.id, "", [&copy](std::string_view, WordSpan words) {
    return copy(Stored<schema::ArtifactRow>(words).get());
  });
  if (!outcome.ok()) return outcome;
  snapshot.scan(tables::object_state.id, "", [&copy](std::string_view, WordSpan words) {
    return copy(Stored<schema::ObjectRow>(words).get());
  });
  return outcome;
}

Status run_backup(const BackupSource& source, const BackupOptions& options, BackupPace& pace) {
  return Backup(source, options, pace).run();
}

}  // namespace troupe::server
