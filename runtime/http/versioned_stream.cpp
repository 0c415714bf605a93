#include "runtime/http/versioned_stream.h"

namespace troupe::http {
namespace {

constexpr std::size_t version_bytes = sizeof("HTTP/1.0") - 1;

}  // namespace

kj::Promise<std::size_t> VersionedStream::tryRead(void* buffer, std::size_t min, std::size_t max) {
  if (ended_) return std::size_t{0};
  auto reading = stream_->tryRead(buffer, min, max);
  if (complete_) return reading;
  return reading.then([this, buffer](std::size_t size) {
    read_along(static_cast<const char*>(buffer), size);
    return size;
  });
}

void VersionedStream::read_along(const char* text, std::size_t size) {
  for (std::size_t i = 0; i < size && !complete_; ++i) {
    if (text[i] == '\n') {
      complete_ = !line_.empty();
    } else if (text[i] != '\r') {
      if (line_.size() == version_bytes) line_.erase(0, 1);
      line_ += text[i];
    }
  }
}

}  // namespace troupe::http
