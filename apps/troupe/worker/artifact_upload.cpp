#include "apps/troupe/worker/artifact_upload.h"

#include "runtime/base/counted.h"
#include "runtime/rpc/errors.h"

#include <fmt/format.h>

#include <fcntl.h>

#include <algorithm>

namespace troupe::worker {
namespace {

using schema::ReasonResolved;

constexpr std::size_t name_bytes_max = 1'024;

bool is_valid_name(const std::string& name) {
  return !name.empty() && name.size() <= name_bytes_max &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// What a refusal means for the run. Source: spec/generic-worker.md, section 5.1.
ReasonResolved reason_of(Errc code, bool while_creating) {
  if (!while_creating) return ReasonResolved::RESOURCE_UNAVAILABLE;
  if (code == Errc::conflict) return ReasonResolved::MALFORMED_PAYLOAD;
  const bool servers_fault = code == Errc::internal || code == Errc::corrupt;
  return servers_fault ? ReasonResolved::RESOURCE_UNAVAILABLE : ReasonResolved::INTERNAL_ERROR;
}

// One stream of a file's bytes, from where the server wants them.
class ByteSender : public kj::Refcounted {
 public:
  ByteSender(schema::ByteStream::Client sink, std::shared_ptr<const Fd> file, std::uint64_t offset)
      : sink_(kj::mv(sink)), file_(std::move(file)), offset_(offset) {}

  kj::Promise<void> run(std::uint64_t size) {
    if (offset_ >= size) return sink_.endRequest().send().ignoreResult();
    const auto piece = std::min<std::uint64_t>(size - offset_, ArtifactUpload::chunk_bytes_max);
    auto request = sink_.writeRequest();
    auto bytes = request.initBytes(static_cast<unsigned>(piece));
    const auto read = read_at(file_->get(), offset_, {bytes.begin(), bytes.size()});
    if (!read.ok() || read.value() != piece) {
      return exception_from(Error{Errc::corrupt, "the file changed while it was sent"});
    }
    offset_ += piece;
    return request.send().then([this, size] { return run(size); });
  }

 private:
  schema::ByteStream::Client sink_;
  std::shared_ptr<const Fd> file_;
  std::uint64_t offset_;
};

}  // namespace

kj::Promise<std::optional<Verdict>> ArtifactUpload::run() {
  auto lanes = kj::heapArrayBuilder<kj::Promise<void>>(parallel_max);
  for (std::size_t i = 0; i < parallel_max; ++i) lanes.add(lane());
  return kj::joinPromises(lanes.finish())
      .exclusiveJoin(parts_.stop.wait())
      .then([this]() -> std::optional<Verdict> {
        if (!verdict_.bad()) return std::nullopt;
        return verdict_.value();
      });
}

kj::Promise<void> ArtifactUpload::lane() {
  if (next_ == items_.size()) return kj::READY_NOW;
  return send(items_[next_++]).then([this] { return lane(); });
}

kj::Promise<void> ArtifactUpload::send(const ArtifactItem& item) {
  if (!is_valid_name(item.name)) {
    note(item, Verdict::failed("its name must have 1 to 1024 printable ASCII characters"));
    return kj::READY_NOW;
  }
  if (item.is_error()) note_error_artifact(item);
  auto sent = item.is_error() || !item.link.empty() ? create(item, std::nullopt) : send_file(item);
  return sent.catch_([this, &item](kj::Exception&& e) {
    const Error error = error_from(e);
    note(item, Verdict::exception(reason_of(error.code, false), error.detail));
  });
}

kj::Promise<void> ArtifactUpload::send_file(const ArtifactItem& item) {
  auto job = [path = item.path, cancel = parts_.stop.flag()] { return hash_file(path, *cancel); };
  return offload(parts_.shop.pool, job)
      .then([this, &item](Result<FileHash> hash) -> kj::Promise<void> {
        if (!hash.ok()) {
          note(item, Verdict::failed(hash.error().detail));
          return kj::READY_NOW;
        }
        parts_.log.info(fmt::format("Uploading artifact {} ({}, {})", item.name,
                                    counted(hash.value().size, "byte"), item.content_type));
        return send_once(item, hash.value()).then([this, &item, hash] {
          return create(item, hash.value());
        });
      });
}

kj::Promise<void> ArtifactUpload::send_once(const ArtifactItem& item, const FileHash& hash) {
  auto found = sending_.find(hash.sha256);
  if (found == sending_.end()) {
    found = sending_.emplace(hash.sha256, send_bytes(item, hash).fork()).first;
  }
  return found->second.addBranch();
}

kj::Promise<void> ArtifactUpload::send_bytes(const ArtifactItem& item, const FileHash& hash) {
  auto file = std::make_shared<const Fd>(open(item.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file->valid()) return exception_from(errno_error(item.path));
  return parts_.slot.call([hash, file](schema::Claim::Client& claim) {
    auto request = claim.uploadRequest();
    request.setSha256({hash.sha256.data(), hash.sha256.size()});
    request.setSize(hash.size);
    return request.send().then([hash, file](auto&& answer) -> kj::Promise<void> {
      if (!answer.hasSink()) return kj::READY_NOW;  // the server has these bytes
      auto sender = kj::refcounted<ByteSender>(answer.getSink(), file, answer.getOffset());
      auto sent = sender->run(hash.size);
      return sent.attach(kj::mv(sender));
    });
  });
}

kj::Promise<void> ArtifactUpload::create(const ArtifactItem& item,
                                         const std::optional<FileHash>& hash) {
  auto call = [&item, hash](schema::Claim::Client& claim) -> kj::Promise<void> {
    auto request = claim.createArtifactRequest();
    auto artifact = request.initArtifact();
    artifact.setName(item.name.c_str());
    artifact.setExpires(item.expires.ms);
    artifact.setContentType(item.content_type.c_str());
    if (!item.link.empty()) {
      artifact.setLink(item.link.c_str());
    } else if (item.is_error()) {
      auto error = artifact.initError();
      error.setReason(item.reason.c_str());
      error.setMessage(item.message.c_str());
    } else {
      auto blob = artifact.initBlob();
      blob.setSha256({hash->sha256.data(), hash->sha256.size()});
      blob.setSize(hash->size);
    }
    return request.send().ignoreResult();
  };
  return parts_.slot.call(call).catch_([this, &item](kj::Exception&& e) {
    const Error error = error_from(e);
    note(item, Verdict::exception(reason_of(error.code, true), error.detail));
  });
}

void ArtifactUpload::note_error_artifact(const ArtifactItem& item) {
  const std::string what = item.reason + ": " + item.message;
  if (item.optional) {
    parts_.log.info(fmt::format("Optional artifact {}: {}", item.name, what));
  } else {
    note(item, Verdict::failed(what));
  }
}

void ArtifactUpload::note(const ArtifactItem& item, Verdict verdict) {
  verdict.message = fmt::format("artifact {}: {}", item.name, verdict.message);
  parts_.log.warn(verdict.message);
  const bool forgiven = item.optional && verdict.outcome == schema::Outcome::FAILED;
  if (!forgiven) verdict_.note(std::move(verdict));
}

}  // namespace troupe::worker
