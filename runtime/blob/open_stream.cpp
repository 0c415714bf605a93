#include "runtime/blob/open_stream.h"

#include "runtime/base/assert.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace troupe {

OpenStream::OpenStream(std::string key, File file)
    : key_(std::move(key)), file_(std::make_shared<const File>(std::move(file))) {}

Result<std::shared_ptr<OpenStream>> OpenStream::load(std::string key, File file) {
  std::shared_ptr<OpenStream> out(new OpenStream(std::move(key), std::move(file)));
  const auto facts = facts_of(*out->file_);
  if (!facts) return facts.error();
  out->size_ = facts.value().size;
  out->sealed = facts.value().links > 1;  // its bytes are a blob's

  const auto kept = std::min<std::uint64_t>(out->size_, tail_bytes);
  std::vector<std::uint8_t> end(kept);
  const auto got = read_at(*out->file_, out->size_ - kept, end);
  if (!got) return got.error();
  out->remember(std::span(end).first(got.value()));
  return out;
}

Written OpenStream::write(std::span<const std::uint8_t> bytes) {
  TROUPE_EXPECTS(!sealed);
  auto written = write_at(*file_, size_, bytes);
  const auto taken = bytes.first(written.bytes);
  if (hashed_ == size_) {
    hash_.update(taken);
    hashed_ += taken.size();
  }
  size_ += taken.size();
  remember(taken);
  return written;
}

Result<Sha256> OpenStream::whole_hash() {
  TROUPE_EXPECTS(sealed);
  if (whole_) return *whole_;
  std::vector<std::uint8_t> buffer(std::min<std::uint64_t>(size_ - hashed_, 1 << 20));
  while (hashed_ < size_) {
    const auto wanted = std::min<std::uint64_t>(buffer.size(), size_ - hashed_);
    const auto got = read_at(*file_, hashed_, std::span(buffer).first(wanted));
    if (!got) return got.error();
    if (got.value() == 0) {
      return Error{Errc::corrupt, "stream " + key_ + " has " + std::to_string(size_) +
                                      " bytes, its file ends at " + std::to_string(hashed_)};
    }
    hash_.update(std::span(buffer).first(got.value()));
    hashed_ += got.value();
  }
  whole_ = hash_.finish();
  return *whole_;
}

std::string OpenStream::tail() const {
  return tail_.size() > tail_bytes ? tail_.substr(tail_.size() - tail_bytes) : tail_;
}

void OpenStream::remember(std::span<const std::uint8_t> bytes) {
  const auto news = bytes.last(std::min(bytes.size(), tail_bytes));
  tail_.append(reinterpret_cast<const char*>(news.data()), news.size());
  // Cut in large steps: a stream may come in single bytes.
  if (tail_.size() > 2 * tail_bytes) tail_.erase(0, tail_.size() - tail_bytes);
}

}  // namespace troupe
