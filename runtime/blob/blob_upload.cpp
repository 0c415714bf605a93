#include "runtime/base/assert.h"
#include "runtime/blob/blob_store.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace troupe {

BlobUpload::BlobUpload(BlobStore& store, File stage, const Sha256& sha256, std::uint64_t size)
    : store_(store), stage_(std::move(stage)), sha256_(sha256), size_(size) {}

Status BlobUpload::resume() {
  const auto facts = facts_of(stage_);
  if (!facts) return facts.error();
  const auto kept = std::min(facts.value().size, size_);
  if (facts.value().size > size_) {  // we never write so much: whatever it is, the hash will tell
    if (auto s = resize_file(stage_, size_); !s) return s;
  }
  std::vector<std::uint8_t> buffer(std::min<std::uint64_t>(kept, 1 << 20));
  while (offset_ < kept) {
    const auto wanted = std::min<std::uint64_t>(buffer.size(), kept - offset_);
    const auto got = read_at(stage_, offset_, std::span(buffer).first(wanted));
    if (!got) return got.error();
    if (got.value() == 0) break;
    hash_->update(std::span(buffer).first(got.value()));
    offset_ += got.value();
  }
  return Done{};
}

Status BlobUpload::append(std::span<const std::uint8_t> bytes) {
  TROUPE_EXPECTS(hash_.has_value());
  if (bytes.size() > size_ - offset_) {
    return Error{Errc::too_large, "blob " + to_hex(sha256_) + " was announced with " +
                                      std::to_string(size_) + " bytes and has more"};
  }
  const auto written = write_at(stage_, offset_, bytes);
  hash_->update(bytes.first(written.bytes));
  offset_ += written.bytes;
  TROUPE_ENSURES(offset_ <= size_);
  return written.status;
}

Status BlobUpload::finish() {
  TROUPE_EXPECTS(hash_.has_value());
  if (offset_ < size_) {
    return Error{Errc::conflict, "blob " + to_hex(sha256_) + " has " + std::to_string(size_) +
                                     " bytes, " + std::to_string(offset_) + " arrived"};
  }
  const auto got = hash_->finish();
  hash_.reset();
  if (got != sha256_) {
    // The name goes first: whoever resumes would meet the same wrong bytes.
    if (auto s = remove_file(stage_.path()); !s) return s;
    return Error{Errc::invalid, "the bytes sent for blob " + to_hex(sha256_) + " have the hash " +
                                    to_hex(got) + "; send them again"};
  }
  if (auto s = sync_file(stage_); !s) {
    // After a failed sync the kernel may have dropped the bytes: they cannot be trusted any more.
    static_cast<void>(remove_file(stage_.path()));
    return s;
  }
  if (auto s = store_.land(stage_.path(), sha256_, size_); !s) return s;
  return remove_file(stage_.path());
}

}  // namespace troupe
