#include "apps/troupe/cli/upload_task.h"

#include "apps/troupe/group_file/group_file.h"
#include "runtime/base/random.h"
#include "runtime/rpc/errors.h"
#include "schema/rpc/worker.capnp.h"

#include <kj/debug.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace troupe::cli {
namespace {

constexpr std::uint64_t chunk_bytes = 256U << 10U;
constexpr const char* worker_group = "troupe-cli";

kj::ArrayPtr<const kj::byte> bytes_of(const Sha256& hash) {
  return kj::arrayPtr(hash.data(), hash.size());
}

// One attempt, on one connection.
class Upload {
 public:
  Upload(client::Connection& connection,
         const std::string& task_id,
         const std::string& worker_id,
         const PackedFiles& files)
      : connection_(connection), task_id_(task_id), worker_id_(worker_id), files_(files) {}

  kj::Promise<void> run() {
    auto request = connection_.queue().statusRequest();
    request.setTaskId(task_id_);
    return request.send().then([this](capnp::Response<schema::Queue::StatusResults>&& answer) {
      // An attempt whose answer was lost may have done it all.
      if (answer.getStatus().getState() == schema::TaskState::COMPLETED) {
        return kj::Promise<void>(kj::READY_NOW);
      }
      return claim();
    });
  }

 private:
  kj::Promise<void> claim() {
    auto request = connection_.workers().claimTaskRequest();
    request.setTaskId(task_id_);
    request.setRunId(0);
    request.setWorkerGroup(worker_group);
    request.setWorkerId(worker_id_);
    return request.send().then(
        [this](capnp::Response<schema::WorkerService::ClaimTaskResults>&& answer) {
          claim_ = answer.getOffer().getClaim();
          return begin();
        });
  }

  kj::Promise<void> begin() {
    auto request = claim_.uploadRequest();
    request.setSha256(bytes_of(files_.sha256()));
    request.setSize(files_.size_bytes());
    return request.send()
        .then([this](capnp::Response<schema::Claim::UploadResults>&& answer) -> kj::Promise<void> {
          if (!answer.hasSink()) return kj::READY_NOW;  // it is there already
          sink_ = answer.getSink();
          return send_from(answer.getOffset());
        })
        .then([this] { return list_artifact(); })
        .then([this] { return resolve(); });
  }

  kj::Promise<void> send_from(std::uint64_t offset) {
    if (offset >= files_.size_bytes()) return sink_.endRequest().send().ignoreResult();
    const std::uint64_t size = std::min(chunk_bytes, files_.size_bytes() - offset);
    auto request = sink_.writeRequest();
    auto bytes = request.initBytes(static_cast<kj::uint>(size));
    std::uint64_t filled = 0;
    while (filled < size) {
      const ssize_t got = ::pread(files_.descriptor(), bytes.begin() + filled, size - filled,
                                  static_cast<off_t>(offset + filled));
      if (got < 0 && errno == EINTR) continue;
      KJ_REQUIRE(got > 0, "the packed files cannot be read back");
      filled += static_cast<std::uint64_t>(got);
    }
    return request.send().then([this, offset, size] { return send_from(offset + size); });
  }

  kj::Promise<void> list_artifact() {
    auto request = claim_.createArtifactRequest();
    auto artifact = request.initArtifact();
    artifact.setName(std::string(group_file::upload_artifact));
    artifact.setContentType("application/zstd");
    auto blob = artifact.initBlob();
    blob.setSha256(bytes_of(files_.sha256()));
    blob.setSize(files_.size_bytes());
    return request.send().ignoreResult();
  }

  kj::Promise<void> resolve() {
    auto request = claim_.resolveRequest();
    request.setOutcome(schema::Outcome::COMPLETED);
    return request.send().ignoreResult();
  }

  client::Connection& connection_;
  const std::string& task_id_;
  const std::string& worker_id_;
  const PackedFiles& files_;
  schema::Claim::Client claim_ = nullptr;
  schema::ByteStream::Client sink_ = nullptr;
};

}  // namespace

kj::Promise<void> complete_upload(Reconnector& server,
                                  const std::string& task_id,
                                  const PackedFiles& files) {
  // The same name in every attempt: a repeated claim is then the same claim.
  return server.call([&task_id, &files, worker_id = new_slugid()](client::Connection& connection) {
    auto upload = kj::heap<Upload>(connection, task_id, worker_id, files);
    auto done = upload->run();
    return done.attach(kj::mv(upload));
  });
}

}  // namespace troupe::cli
