#include "runtime/base/assert.h"
#include "runtime/blob/blob_store.h"
#include "runtime/process/log.h"

#include <utility>

namespace troupe {

BlobIntake::BlobIntake(BlobStore& store, File stage)
    : store_(store), stage_(std::move(stage)), path_(stage_.path()) {}

BlobIntake::~BlobIntake() {
  if (path_.empty()) return;
  if (const auto removed = remove_file(path_); !removed) {
    log_event(LogLevel::warning, "stage_kept",
              {{"path", path_}, {"detail", removed.error().detail}});
  }
}

Status BlobIntake::append(std::span<const std::uint8_t> bytes) {
  TROUPE_EXPECTS(hash_.has_value());
  const auto written = write_at(stage_, size_, bytes);
  hash_->update(bytes.first(written.bytes));
  size_ += written.bytes;
  return written.status;
}

Result<BlobName> BlobIntake::finish() {
  TROUPE_EXPECTS(hash_.has_value());
  const BlobName name{hash_->finish(), size_};
  hash_.reset();
  if (auto s = sync_file(stage_); !s) return s.error();
  // By the name whoever opens the store after a crash can tell which folder to sync.
  const std::string named = store_.unique_stage_path(name);
  if (auto s = rename_file(path_, named); !s) return s.error();
  path_ = named;
  if (auto s = store_.land(path_, name.sha256, name.size); !s) return s.error();
  if (auto s = remove_file(std::exchange(path_, {})); !s) return s.error();
  return name;
}

}  // namespace troupe
