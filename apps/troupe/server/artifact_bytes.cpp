#include "apps/troupe/server/artifact_bytes.h"

#include "apps/troupe/server/call.h"
#include "apps/troupe/server/transfer.h"
#include "runtime/base/data.h"
#include "runtime/http/content_coding.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::server {
namespace {

// Of the coded bytes at once: what they hold may be a thousand times as much.
constexpr std::size_t coded_piece_bytes = std::size_t{8} << 10;
constexpr std::size_t plain_piece_bytes_max = std::size_t{16} << 20;
constexpr std::size_t message_bytes_max = std::size_t{256} << 10;

/// Bytes on their way out of a coding.
struct Decoding {
  ThreadPool& disk;
  std::shared_ptr<BlobReader> reader;
  std::unique_ptr<http::Inflater> inflater;
  schema::ByteStream::Client sink;
  std::uint64_t skip = 0;  // of what comes out: the peer has it
  std::uint64_t offset = 0;
  Sha256Stream hash = {};
  std::uint64_t size = 0;
};

using Shared = std::shared_ptr<Decoding>;

Result<std::string> next_piece(Decoding& d) {
  std::vector<std::uint8_t> coded(coded_piece_bytes);
  const auto got = d.reader->read(d.offset, coded);
  if (!got.ok()) return got.error();
  d.offset += got.value();
  std::string plain;
  const std::string_view fed(reinterpret_cast<const char*>(coded.data()), got.value());
  if (auto status = d.inflater->feed(fed, plain, plain_piece_bytes_max); !status.ok()) {
    return Error{Errc::corrupt,
                 "the artifact was uploaded in a malformed coding: " + status.error().detail};
  }
  d.hash.update(as_bytes(plain));
  d.size += plain.size();
  return plain;
}

kj::Promise<void> write_all(Shared d, std::string plain) {
  const auto skipped = std::min<std::uint64_t>(d->skip, plain.size());
  d->skip -= skipped;
  kj::Promise<void> written = kj::READY_NOW;
  for (std::size_t at = skipped; at < plain.size(); at += message_bytes_max) {
    written = written.then([d, part = plain.substr(at, message_bytes_max)] {
      auto request = d->sink.writeRequest();
      request.setBytes({reinterpret_cast<const kj::byte*>(part.data()), part.size()});
      return request.send();
    });
  }
  return written;
}

kj::Promise<void> go_on(Shared d) {
  if (d->offset >= d->reader->size()) {
    if (d->inflater->complete()) return d->sink.endRequest().send().ignoreResult();
    throw_error({Errc::corrupt, "the artifact was uploaded in a coding that does not end"});
  }
  return offload(d->disk, [d] { return next_piece(*d); })
      .then([d](Result<std::string> plain) { return write_all(d, take(std::move(plain))); })
      .then([d] { return go_on(d); });
}

}  // namespace

Sha256 blob_of(const task::ArtifactInfo& artifact) {
  const std::string name = "artifact " + artifact.name;
  if (artifact.storage_type == "error") {
    throw_error(
        {Errc::not_found, name + " was not made: " + artifact.reason + ": " + artifact.message});
  }
  if (artifact.storage_type == "reference") {
    throw_error({Errc::not_found, name + " is not kept here: fetch " + artifact.url});
  }
  const auto hash = sha256_of(as_bytes(artifact.sha256));
  if (!hash) throw_error({Errc::not_found, "the bytes of " + name + " have not been uploaded"});
  return *hash;
}

kj::Promise<BlobName> send_artifact(Site& site,
                                    const task::ArtifactInfo& artifact,
                                    std::uint64_t offset,
                                    schema::ByteStream::Client sink) {
  const Sha256 hash = blob_of(artifact);
  if (artifact.content_encoding.empty()) {
    return send_blob(site, hash, offset, kj::mv(sink)).then([hash, size = artifact.size] {
      return BlobName{hash, size};
    });
  }
  const auto coding = http::parse_coding(artifact.content_encoding);
  if (!coding) throw_error({Errc::corrupt, "unknown coding " + artifact.content_encoding});
  auto d = std::make_shared<Decoding>(Decoding{site.disk, take(site.blobs.open_reader(hash)),
                                               http::make_inflater(*coding), kj::mv(sink), offset});
  return go_on(d).then([d] { return BlobName{d->hash.finish(), d->size}; });
}

}  // namespace troupe::server
