#include "apps/troupe/server/upload.h"

namespace troupe::server {
namespace {

// Writes go to the page cache, on the loop; what waits for the disk goes to the pool. A call at a
// time: the peer's stream keeps the order.
class UploadSink final : public schema::ByteStream::Server {
 public:
  UploadSink(Site& site, std::shared_ptr<BlobUpload> upload)
      : site_(site), upload_(std::move(upload)) {}

  kj::Promise<void> write(WriteContext context) override {
    const auto bytes = context.getParams().getBytes();
    take(upload_->append({bytes.begin(), bytes.size()}));
    return kj::READY_NOW;
  }

  kj::Promise<void> end(EndContext) override {
    return offload(site_.disk, [upload = upload_] { return upload->finish(); })
        .then([](Status finished) { take(std::move(finished)); });
  }

 private:
  Site& site_;
  std::shared_ptr<BlobUpload> upload_;
};

}  // namespace

kj::Promise<UploadStart> begin_upload(Site& site, const Sha256& sha256, std::uint64_t size) {
  return offload(site.disk,
                 [&blobs = site.blobs, sha256, size]() -> Result<std::shared_ptr<BlobUpload>> {
                   if (blobs.contains(sha256)) return std::shared_ptr<BlobUpload>();
                   auto upload = blobs.begin_upload(sha256, size);
                   if (!upload.ok()) return upload.error();
                   return std::shared_ptr<BlobUpload>(std::move(upload).value());
                 })
      .then([&site, size](Result<std::shared_ptr<BlobUpload>> begun) {
        auto upload = take(std::move(begun));
        UploadStart start;
        start.offset = size;
        if (!upload) return start;
        start.offset = upload->offset();
        start.sink = schema::ByteStream::Client(kj::heap<UploadSink>(site, std::move(upload)));
        return start;
      });
}

}  // namespace troupe::server
