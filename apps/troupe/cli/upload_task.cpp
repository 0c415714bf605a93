#include "apps/troupe/cli/upload_task.h"

#include "apps/troupe/group_file/group_file.h"
#include "runtime/base/random.h"
#include "runtime/rpc/errors.h"
#include "schema/rpc/worker.capnp.h"

#include <kj/debug.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>

namespace troupe::cli {
namespace {

constexpr std::uint64_t chunk_bytes = 256U << 10U;
// For a claim that an earlier attempt made to be handed over again.
constexpr auto handover_max = 5 * kj::SECONDS;

kj::ArrayPtr<const kj::byte> bytes_of(const Sha256& hash) {
  return kj::arrayPtr(hash.data(), hash.size());
}

// Takes the claim that an earlier attempt made and lost the answer to.
class OfferSink final : public schema::ClaimSink::Server {
 public:
  explicit OfferSink(kj::Own<kj::PromiseFulfiller<schema::Claim::Client>> claim)
      : claim_(kj::mv(claim)) {}

 protected:
  kj::Promise<void> push(PushContext context) override {
    claim_->fulfill(context.getParams().getOffers()[0].getClaim());
    return kj::READY_NOW;
  }
  kj::Promise<void> revoke(RevokeContext) override { return kj::READY_NOW; }

 private:
  kj::Own<kj::PromiseFulfiller<schema::Claim::Client>> claim_;
};

// What attempts on different connections share.
struct Identity {
  std::string task_id;
  std::string worker_id;
  std::uint64_t token = 0;  // of the claim, once an answer has told it
};

// One attempt, on one connection.
class Upload {
 public:
  Upload(client::Connection& connection,
         kj::Timer& timer,
         std::shared_ptr<Identity> identity,
         const PackedFiles& files)
      : connection_(connection), timer_(timer), identity_(std::move(identity)), files_(files) {}

  kj::Promise<void> run() {
    auto request = connection_.queue().statusRequest();
    request.setTaskId(identity_->task_id);
    return request.send().then(
        [this](capnp::Response<schema::TaskStatusResponse>&& answer) -> kj::Promise<void> {
          switch (answer.getStatus().getState()) {
            // An attempt whose answer was lost may have done it all.
            case schema::TaskState::COMPLETED: return kj::READY_NOW;
            case schema::TaskState::RUNNING: return take_up();
            case schema::TaskState::UNSCHEDULED:
            case schema::TaskState::PENDING: return claim();
            case schema::TaskState::FAILED:
            case schema::TaskState::EXCEPTION: break;
          }
          return exception_from({Errc::conflict, "the upload's task " + identity_->task_id +
                                                     " has ended; create the group again"});
        });
  }

 private:
  kj::Promise<void> claim() {
    auto request = connection_.workers().claimTaskRequest();
    request.setTaskId(identity_->task_id);
    request.setRunId(0);
    request.setWorkerGroup(upload_worker_group);
    request.setWorkerId(identity_->worker_id);
    return request.send().then(
        [this](capnp::Response<schema::WorkerService::ClaimTaskResults>&& answer) {
          const auto offer = answer.getOffer();
          identity_->token = offer.getHeld().getToken();
          return begin(offer.getClaim());
        });
  }

  // The claim is ours from an earlier connection: the server hands it over again, as to any worker.
  kj::Promise<void> take_up() {
    auto offered = kj::newPromiseAndFulfiller<schema::Claim::Client>();
    auto request = connection_.workers().registerRequest();
    auto info = request.initInfo();
    info.setTaskQueueId(std::string(group_file::upload_queue));
    info.setWorkerGroup(upload_worker_group);
    info.setWorkerId(identity_->worker_id);
    info.setCapacity(1);
    if (identity_->token != 0) {
      auto held = request.initHeld(1)[0];
      held.setTaskId(identity_->task_id);
      held.setRunId(0);
      held.setToken(identity_->token);
    }
    request.setSink(kj::heap<OfferSink>(kj::mv(offered.fulfiller)));
    return request.send().then(
        [this, pushed = kj::mv(offered.promise)](
            capnp::Response<schema::WorkerService::RegisterResults>&& answer) mutable
        -> kj::Promise<void> {
          registration_ = answer.getRegistration();
          for (const auto kept : answer.getKept()) return begin(kept.getClaim());
          return timer_.timeoutAfter(handover_max, kj::mv(pushed))
              .then([this](schema::Claim::Client&& claim) { return begin(kj::mv(claim)); });
        });
  }

  kj::Promise<void> begin(schema::Claim::Client claim) {
    claim_ = kj::mv(claim);
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
  kj::Timer& timer_;
  const std::shared_ptr<Identity> identity_;
  const PackedFiles& files_;
  schema::Registration::Client registration_ = nullptr;
  schema::Claim::Client claim_ = nullptr;
  schema::ByteStream::Client sink_ = nullptr;
};

}  // namespace

kj::Promise<void> complete_upload(Reconnector& server,
                                  const std::string& task_id,
                                  const PackedFiles& files) {
  // The same name in every attempt: a claim of an earlier one is then still ours.
  auto identity = std::make_shared<Identity>(Identity{task_id, new_slugid(), 0});
  return server.call([&server, &files, identity](client::Connection& connection) {
    auto upload = kj::heap<Upload>(connection, server.timer(), identity, files);
    auto done = upload->run();
    return done.attach(kj::mv(upload));
  });
}

}  // namespace troupe::cli
