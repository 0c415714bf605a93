#include "runtime/blob/stream_store.h"

#include "runtime/base/assert.h"
#include "runtime/blob/growth_observers.h"
#include "runtime/blob/line_tail.h"
#include "runtime/blob/open_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <list>
#include <mutex>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <utility>

namespace troupe {

namespace fs = std::filesystem;

namespace {

using StreamPtr = std::shared_ptr<OpenStream>;

bool is_key_part(std::string_view part) {
  constexpr std::size_t part_chars_max = 128;
  if (part.empty() || part.size() > part_chars_max || part[0] == '.') return false;
  return std::all_of(part.begin(), part.end(), [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

Error bad_key(const std::string& key) {
  return {Errc::invalid, "stream key '" + key.substr(0, 300) +
                             "': two parts of A-Z a-z 0-9 . _ - with a slash between are needed"};
}

Error broken_stream(const std::string& key, const std::string& why) {
  return {Errc::corrupt, "stream " + key + ": bytes that were taken may be lost: " + why};
}

Error broken_stream(const std::string& key) {
  return broken_stream(key, "an earlier sync failed");
}

Error sealed_stream(const std::string& key) {
  return {Errc::conflict, "stream " + key + " is sealed: nothing can be added"};
}

class FileStreamStore final : public StreamStore {
 public:
  FileStreamStore(StreamStoreOptions options, BlobStore& blobs)
      : options_(std::move(options)), blobs_(blobs) {}

  Result<std::uint64_t> append(const std::string& key,
                               std::uint64_t offset,
                               std::span<const std::uint8_t> bytes) override;
  Result<std::uint64_t> sync(const std::string& key) override;
  Result<std::uint64_t> size(const std::string& key) override;
  Result<std::size_t> read(const std::string& key,
                           std::uint64_t offset,
                           std::span<std::uint8_t> out) override;
  Result<std::string> last_line(const std::string& key, std::size_t chars_max) override;
  Result<SealedStream> seal(const std::string& key) override;
  Status remove(const std::string& key) override;
  std::unique_ptr<GrowthObserver> on_growth(const std::string& key,
                                            GrowthCallback callback) override;
  Result<std::vector<StreamInfo>> list() override;

 private:
  enum class IfAbsent { nothing, make };

  // Both with mutex_ held.
  Result<StreamPtr> find(const std::string& key, IfAbsent if_absent);
  void close_surplus();

  Status sync_open(const StreamPtr& stream);
  Status remove_names(const std::string& key);
  std::string path_of(const std::string& key) const { return options_.dir + "/" + key; }
  std::string folder_of(const std::string& key) const {
    return options_.dir + "/" + key.substr(0, key.find('/'));
  }

  // Constant after construction. Borrowed: blobs_ outlives *this.
  const StreamStoreOptions options_;
  BlobStore& blobs_;
  const std::shared_ptr<GrowthObservers> observers_ = std::make_shared<GrowthObservers>();

  // One lock for all: what happens under it is writing to the page cache. Syncs, hashing of old
  // bytes and reads happen outside, on the shared file.
  std::mutex mutex_;
  // Under mutex_, as are the streams in it, save those that are being sealed. Latest use first.
  std::list<StreamPtr> recent_;
  std::unordered_map<std::string, std::list<StreamPtr>::iterator> open_;
};

/// The stream, opened if need be; null without one.
Result<StreamPtr> FileStreamStore::find(const std::string& key, IfAbsent if_absent) {
  const auto found = open_.find(key);
  if (found != open_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return *found->second;
  }
  int flags = O_RDWR;
  if (if_absent == IfAbsent::make) {
    flags |= O_CREAT;
    if (const auto made = make_folder(folder_of(key)); !made) return made.error();
  }
  auto file = open_file(path_of(key), flags);
  if (!file && file.error().code == Errc::not_found) return StreamPtr{};
  if (!file) return file.error();
  auto stream = OpenStream::load(key, std::move(file).value());
  if (!stream) return stream.error();
  recent_.push_front(stream.value());
  open_.emplace(key, recent_.begin());
  close_surplus();
  return stream;
}

/// Closes the least recently used streams over the limit, those first that need no sync.
void FileStreamStore::close_surplus() {
  const auto idle = [](const StreamPtr& s) { return !s->sealing && !s->broken; };
  const auto clean = [&idle](const StreamPtr& s) { return idle(s) && s->synced == s->size(); };
  while (recent_.size() > options_.open_streams_max) {
    // The front is in use by the caller.
    auto victim = std::find_if(recent_.rbegin(), std::prev(recent_.rend()), clean);
    if (victim == std::prev(recent_.rend())) {
      victim = std::find_if(recent_.rbegin(), std::prev(recent_.rend()), idle);
    }
    if (victim == std::prev(recent_.rend())) return;
    const auto stream = *victim;
    // A failed write-back is reported to open descriptors only: ask before closing.
    if (stream->synced < stream->size() && !sync_file(*stream->file())) {
      stream->broken = true;
      continue;
    }
    recent_.erase(open_.at(stream->key()));
    open_.erase(stream->key());
  }
}

Result<std::uint64_t> FileStreamStore::append(const std::string& key,
                                              std::uint64_t offset,
                                              std::span<const std::uint8_t> bytes) {
  if (!is_stream_key(key)) return bad_key(key);
  Written written;
  StreamGrowth growth;
  {
    const std::lock_guard lock(mutex_);
    auto found = find(key, offset == 0 ? IfAbsent::make : IfAbsent::nothing);
    if (!found) return found.error();
    const auto& stream = found.value();
    const std::uint64_t kept = stream ? stream->size() : 0;
    if (offset > kept) {
      return Error{Errc::conflict, "stream " + key + ": " + std::to_string(kept) +
                                       " bytes are kept, the next came for offset " +
                                       std::to_string(offset) + "; send from " +
                                       std::to_string(kept)};
    }
    if (stream->broken) return broken_stream(key);
    if (kept - offset >= bytes.size()) return kept;
    if (stream->sealed) return sealed_stream(key);
    written = stream->write(bytes.subspan(kept - offset));
    growth.size = stream->size();
  }
  if (written.bytes > 0) observers_->notify(key, growth);
  if (!written.status) return written.status.error();
  return growth.size;
}

/// Syncs the bytes and names of a stream; takes the lock only to look and to note the outcome.
Status FileStreamStore::sync_open(const StreamPtr& stream) {
  std::unique_lock lock(mutex_);
  if (stream->broken) return broken_stream(stream->key());
  const auto target = stream->size();
  const bool names_synced = stream->names_synced;
  if (names_synced && stream->synced == target) return Done{};
  lock.unlock();

  Status status = sync_file(*stream->file());
  const bool lost = !status;
  if (status && !names_synced) status = sync_folder(folder_of(stream->key()));
  if (status && !names_synced) status = sync_folder(options_.dir);

  lock.lock();
  if (lost) {
    stream->broken = true;
    return broken_stream(stream->key(), status.error().detail);
  }
  if (!status) return status;
  stream->synced = std::max(stream->synced, target);
  stream->names_synced = true;
  return Done{};
}

Result<std::uint64_t> FileStreamStore::sync(const std::string& key) {
  if (!is_stream_key(key)) return bad_key(key);
  StreamPtr stream;
  std::uint64_t target = 0;
  {
    const std::lock_guard lock(mutex_);
    auto found = find(key, IfAbsent::nothing);
    if (!found) return found.error();
    stream = found.value();
    if (!stream) return std::uint64_t{0};
    target = stream->size();
  }
  if (auto s = sync_open(stream); !s) return s.error();
  return target;
}

Result<std::uint64_t> FileStreamStore::size(const std::string& key) {
  if (!is_stream_key(key)) return bad_key(key);
  const std::lock_guard lock(mutex_);
  const auto found = find(key, IfAbsent::nothing);
  if (!found) return found.error();
  return found.value() ? found.value()->size() : std::uint64_t{0};
}

Result<std::size_t> FileStreamStore::read(const std::string& key,
                                          std::uint64_t offset,
                                          std::span<std::uint8_t> out) {
  if (!is_stream_key(key)) return bad_key(key);
  std::shared_ptr<const File> file;
  std::uint64_t kept = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = find(key, IfAbsent::nothing);
    if (!found) return found.error();
    if (!found.value()) return Error{Errc::not_found, "no stream " + key};
    file = found.value()->file();
    kept = found.value()->size();
  }
  if (offset >= kept) return std::size_t{0};
  return read_at(*file, offset, out.first(std::min<std::uint64_t>(out.size(), kept - offset)));
}

Result<std::string> FileStreamStore::last_line(const std::string& key, std::size_t chars_max) {
  if (!is_stream_key(key)) return bad_key(key);
  std::string tail;
  {
    const std::lock_guard lock(mutex_);
    const auto found = find(key, IfAbsent::nothing);
    if (!found) return found.error();
    if (found.value()) tail = found.value()->tail();
  }
  return last_visible_line(tail, chars_max);
}

Result<SealedStream> FileStreamStore::seal(const std::string& key) {
  if (!is_stream_key(key)) return bad_key(key);
  StreamPtr stream;
  {
    const std::lock_guard lock(mutex_);
    auto found = find(key, IfAbsent::nothing);
    if (!found) return found.error();
    stream = found.value();
    if (!stream) return Error{Errc::not_found, "no stream " + key};
    if (stream->sealing) {
      return Error{Errc::conflict, "stream " + key + " is being sealed by another call"};
    }
    // For good: from here on its bytes may be linked as a blob's.
    stream->sealed = true;
    stream->sealing = true;
  }
  // `sealed` and `sealing` keep everybody else from what is read here.
  Status status = sync_open(stream);
  SealedStream out{.sha256 = {}, .size = stream->size()};
  if (status) {
    auto hash = stream->whole_hash();
    if (hash)
      out.sha256 = hash.value();
    else
      status = hash.error();
  }
  if (status) status = blobs_.adopt(path_of(key), out.sha256, out.size);
  {
    const std::lock_guard lock(mutex_);
    stream->sealing = false;
  }
  if (!status) return status.error();
  return out;
}

/// With mutex_ held, so that no stream is made in a folder that goes.
Status FileStreamStore::remove_names(const std::string& key) {
  if (auto s = remove_file(path_of(key)); !s) return s;
  const auto found = open_.find(key);
  if (found != open_.end()) {
    recent_.erase(found->second);
    open_.erase(found);
  }
  rmdir(folder_of(key).c_str());  // fails while other streams are in it: then it stays for them
  return Done{};
}

Status FileStreamStore::remove(const std::string& key) {
  if (!is_stream_key(key)) return bad_key(key);
  std::uint64_t kept = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = find(key, IfAbsent::nothing);
    if (!found) return found.error();
    if (!found.value()) return Done{};
    if (found.value()->sealing) {
      return Error{Errc::conflict, "stream " + key + " is being sealed: remove it afterwards"};
    }
    kept = found.value()->size();
    if (auto s = remove_names(key); !s) return s;
  }
  observers_->notify(key, {.size = kept, .ended = true});
  return Done{};
}

std::unique_ptr<GrowthObserver> FileStreamStore::on_growth(const std::string& key,
                                                           GrowthCallback callback) {
  TROUPE_EXPECTS(callback != nullptr);
  return observers_->add(key, std::move(callback));
}

Result<std::vector<StreamInfo>> FileStreamStore::list() {
  std::vector<StreamInfo> out;
  std::error_code code;
  fs::recursive_directory_iterator entries(options_.dir, code);
  const fs::recursive_directory_iterator end;
  while (!code && entries != end) {
    const auto path = entries->path();
    const auto key = path.parent_path().filename().string() + "/" + path.filename().string();
    std::error_code ignored;  // it may have ended meanwhile
    if (entries.depth() == 1 && is_stream_key(key) && entries->is_regular_file(ignored)) {
      const auto facts = facts_of(path.string());
      if (facts) out.push_back({key, facts.value().size});
    }
    entries.increment(code);
    if (code == std::errc::no_such_file_or_directory) code.clear();
  }
  if (code) return io_error("list", options_.dir, code.value());
  return out;
}

}  // namespace

bool is_stream_key(std::string_view key) {
  const auto slash = key.find('/');
  if (slash == std::string_view::npos) return false;
  return is_key_part(key.substr(0, slash)) && is_key_part(key.substr(slash + 1));
}

Result<std::unique_ptr<StreamStore>> StreamStore::open(StreamStoreOptions options,
                                                       BlobStore& blobs) {
  TROUPE_EXPECTS(!options.dir.empty());
  TROUPE_EXPECTS(options.open_streams_max > 0);
  const auto made = make_folder(options.dir);
  if (!made) return made.error();
  if (made.value().created) {
    const auto parent = fs::path(options.dir).parent_path().string();
    if (auto s = sync_folder(parent.empty() ? "." : parent); !s) return s.error();
  }
  return std::unique_ptr<StreamStore>(std::make_unique<FileStreamStore>(std::move(options), blobs));
}

}  // namespace troupe
