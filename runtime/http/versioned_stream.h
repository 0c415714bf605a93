// A connection that kj-http serves, with two things that it lacks: it tells which HTTP version the
// peer speaks, and it can end after a response whose peer waits for that.
#pragma once

#include <kj/async-io.h>

#include <cstddef>
#include <string>

namespace troupe::http {

/// Passes everything through, and reads along up to the end of the first request line: a peer
/// speaks one version on a connection.
///
/// Thread: that of the stream's event loop.
class VersionedStream final : public kj::AsyncIoStream {
 public:
  explicit VersionedStream(kj::Own<kj::AsyncIoStream> stream) : stream_(kj::mv(stream)) {}

  /// Whether the first request was of HTTP/1.0, whose peers wait for the end of the connection.
  bool is_http_1_0() const { return line_.ends_with("HTTP/1.0"); }

  /// No more requests are read, as though the peer had sent the end: kj-http then ends the
  /// connection once its response is out, where it would wait for the peer to do so.
  void end_requests() { ended_ = true; }

  kj::Promise<std::size_t> tryRead(void* buffer, std::size_t min, std::size_t max) override;
  kj::Promise<void> write(const void* buffer, std::size_t size) override {
    return stream_->write(buffer, size);
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    return stream_->write(pieces);
  }
  kj::Promise<void> whenWriteDisconnected() override { return stream_->whenWriteDisconnected(); }
  void shutdownWrite() override { stream_->shutdownWrite(); }
  void abortRead() override { stream_->abortRead(); }

 private:
  void read_along(const char* text, std::size_t size);

  kj::Own<kj::AsyncIoStream> stream_;
  std::string line_;  // the end of the first line that is not empty
  bool complete_ = false;
  bool ended_ = false;
};

}  // namespace troupe::http
