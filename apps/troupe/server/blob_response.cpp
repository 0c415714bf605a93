#include "apps/troupe/server/blob_response.h"

#include "apps/troupe/server/call.h"
#include "runtime/http/range.h"
#include "runtime/http/reply.h"
#include "runtime/http/streaming.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace troupe::server {
namespace {

constexpr std::size_t piece_bytes = std::size_t{256} << 10;

// Whoever made the artifact must not act as the platform's own pages in a browser.
constexpr const char* sandbox = "sandbox allow-scripts allow-popups allow-downloads";

using Piece = std::vector<kj::byte>;

Result<Piece> read_piece(const BlobReader& reader, http::ByteRange range) {
  Piece piece(std::min<std::uint64_t>(piece_bytes, range.size));
  const auto got = reader.read(range.offset, piece);
  if (!got.ok()) return got.error();
  if (got.value() < piece.size()) return Error{Errc::corrupt, "a blob is shorter than it was"};
  return piece;
}

class BlobSender final : public http::BodyWriter {
 public:
  BlobSender(ThreadPool& disk, std::shared_ptr<BlobReader> reader, http::ByteRange range)
      : disk_(disk), reader_(std::move(reader)), range_(range) {}

  std::uint64_t length() const override { return range_.size; }
  kj::Promise<void> write_to(kj::AsyncOutputStream& out) override { return send(out, range_); }

 private:
  kj::Promise<void> send(kj::AsyncOutputStream& out, http::ByteRange left) {
    if (left.size == 0) return kj::READY_NOW;
    return offload(disk_, [reader = reader_, left] { return read_piece(*reader, left); })
        .then([this, &out, left](Result<Piece> read) {
          auto piece = kj::heap<Piece>(take(std::move(read)));
          const auto size = piece->size();
          return out.write(piece->data(), size)
              .attach(kj::mv(piece))
              .then([this, &out, left, size] {
                return send(out, {left.offset + size, left.size - size});
              });
        });
  }

  ThreadPool& disk_;
  const std::shared_ptr<BlobReader> reader_;
  const http::ByteRange range_;
};

// What cannot stand in a header is not repeated there.
std::string header_type(const std::string& content_type) {
  const bool printable =
      std::ranges::all_of(content_type, [](char c) { return c >= ' ' && c <= '~'; });
  return printable && !content_type.empty() ? content_type : "application/octet-stream";
}

http::Response no_such_range(std::uint64_t size) {
  auto out = http::error_response(
      {Errc::invalid, fmt::format("the range begins behind the end, at {} bytes", size)});
  out.status = 416;
  out.headers.emplace_back("content-range", fmt::format("bytes */{}", size));
  return out;
}

}  // namespace

std::string blob_tag(const Sha256& sha256) {
  return "\"" + to_hex(sha256) + "\"";
}

http::Response blob_response(Site& site, const http::Request& request, const SentBlob& blob) {
  const std::shared_ptr<BlobReader> reader = take(site.blobs.open_reader(blob.sha256));
  const std::string tag = blob_tag(blob.sha256);
  const auto condition = request.header("if-range");
  const bool ranged = condition.empty() || condition == tag;
  const auto range = http::read_range(ranged ? request.header("range") : "", reader->size());
  http::Response out;
  if (http::matches_tag(request.header("if-none-match"), tag)) {
    out.status = 304;
  } else if (std::holds_alternative<http::NoSuchRange>(range)) {
    out = no_such_range(reader->size());
  } else {
    http::ByteRange wanted{0, reader->size()};
    if (const auto* part = std::get_if<http::ByteRange>(&range)) {
      wanted = *part;
      out.status = 206;
      out.headers.emplace_back("content-range",
                               fmt::format("bytes {}-{}/{}", part->offset,
                                           part->offset + part->size - 1, reader->size()));
    }
    out.content_type = header_type(blob.content_type);
    out.stream = std::make_shared<BlobSender>(site.disk, reader, wanted);
    if (!blob.content_encoding.empty()) {
      out.headers.emplace_back("content-encoding", blob.content_encoding);
    }
  }
  out.headers.emplace_back("etag", tag);
  out.headers.emplace_back("accept-ranges", "bytes");
  out.headers.emplace_back("access-control-allow-origin", "*");
  out.headers.emplace_back("content-security-policy", sandbox);
  return out;
}

}  // namespace troupe::server
