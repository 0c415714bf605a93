#include "apps/troupe/server/claim.h"

#include "actors/task/queries.h"
#include "apps/troupe/server/artifact_bytes.h"
#include "apps/troupe/server/counted.h"
#include "apps/troupe/server/log_keeper.h"
#include "apps/troupe/server/upload.h"
#include "runtime/base/data.h"

#include <optional>
#include <string_view>

namespace troupe::server {
namespace {

using kj::Promise;
using kj::READY_NOW;

// Whether a scope of the list grants what is asked; a trailing * grants all that begins so.
bool grants(capnp::List<capnp::Text>::Reader scopes, std::string_view wanted) {
  for (const auto scope : scopes) {
    const auto pattern = view(scope);
    const bool open = pattern.ends_with('*');
    if (open && wanted.starts_with(pattern.substr(0, pattern.size() - 1))) return true;
    if (!open && pattern == wanted) return true;
  }
  return false;
}

bool contains(capnp::List<capnp::Text>::Reader list, std::string_view wanted) {
  for (const auto item : list) {
    if (view(item) == wanted) return true;
  }
  return false;
}

Sha256 checked_hash(capnp::Data::Reader data) {
  const auto hash = sha256_of(data);
  if (!hash) throw_error({Errc::invalid, "sha256 is not 32 bytes"});
  return *hash;
}

class ClaimService final : public schema::Claim::Server {
 public:
  ClaimService(Site& site, HeldClaim held, std::shared_ptr<WorkerSession> session)
      : site_(site),
        held_(std::move(held)),
        session_(std::move(session)),
        log_key_(log_key(held_.task_id, held_.run_id)) {}

  Promise<void> reclaim(ReclaimContext context) override {
    require_valid();
    return ask_task(site_, held_.task_id,
                    [this](schema::TaskMessage::Builder m) { fill_ref(m.initReclaim()); })
        .then([this, context](Bytes answer) mutable {
          const auto runs = Stored<schema::TaskStatus>(answer).get().getRuns();
          context.getResults().setTakenUntil(runs[held_.run_id].getTakenUntil());
        });
  }

  Promise<void> appendLog(AppendLogContext context) override {
    require_held();
    const auto bytes = context.getParams().getBytes();
    take(site_.logs.append(log_key_, context.getParams().getOffset(),
                           {bytes.begin(), bytes.size()}));
    return READY_NOW;
  }

  Promise<void> syncLog(SyncLogContext context) override {
    require_valid();
    return offload(site_.disk, [&logs = site_.logs, key = log_key_] { return logs.sync(key); })
        .then([this, context](Result<std::uint64_t> synced) mutable {
          context.getResults().setOffset(take_synced(std::move(synced)));
        });
  }

  Promise<void> upload(UploadContext context) override {
    require_held();
    const auto params = context.getParams();
    return begin_upload(site_, checked_hash(params.getSha256()), params.getSize())
        .then([context](UploadStart start) mutable {
          context.getResults().setOffset(start.offset);
          KJ_IF_MAYBE (sink, start.sink) {
            context.getResults().setSink(kj::mv(*sink));
          }
        });
  }

  Promise<void> createArtifact(CreateArtifactContext context) override {
    require_valid();
    const auto artifact = context.getParams().getArtifact();
    if (artifact.isBlob()) {
      if (!site_.blobs.contains(checked_hash(artifact.getBlob().getSha256()))) {
        throw_error({Errc::invalid, "upload the bytes of artifact " + str(artifact.getName()) +
                                        " before creating it"});
      }
    }
    return ask_task(site_, held_.task_id,
                    [this, artifact](schema::TaskMessage::Builder m) {
                      auto put = m.initPutArtifact();
                      fill_ref(put.initClaimRef());
                      fill_put(artifact, put.initArtifact());
                    })
        .ignoreResult();
  }

  Promise<void> download(DownloadContext context) override;
  Promise<void> resolve(ResolveContext context) override;

 private:
  void fill_ref(schema::ClaimRef::Builder ref) {
    ref.setRunId(held_.run_id);
    ref.setToken(held_.token);
  }

  static void fill_put(schema::NewArtifact::Reader from, schema::ArtifactPut::Builder to) {
    to.setName(from.getName());
    to.setExpires(from.getExpires());
    to.setContentType(from.getContentType());
    switch (from.which()) {
      case schema::NewArtifact::BLOB:
        to.setStorageType("s3");
        to.setSha256(from.getBlob().getSha256());
        to.setSize(from.getBlob().getSize());
        return;
      case schema::NewArtifact::ERROR:
        to.setStorageType("error");
        to.setReason(from.getError().getReason());
        to.setMessage(from.getError().getMessage());
        return;
      case schema::NewArtifact::LINK:
        to.setStorageType("link");
        to.setLink(from.getLink());
        return;
    }
    throw_error({Errc::invalid, "an artifact of a kind that this version does not know"});
  }

  void require_valid() {
    if (!session_->is_revoked()) return;
    throw_error({Errc::unauthenticated, "the worker's token has been revoked"});
  }

  void require_held() {
    require_valid();
    if (is_claimed(site_, held_)) return;
    throw_error({Errc::conflict, "run " + std::to_string(held_.run_id) + " of task " +
                                     held_.task_id +
                                     " is no longer held by this claim: forget it"});
  }

  // Bytes of a log that were taken may be gone after a failed fsync: recovery is the repair.
  template <class T>
  T take_synced(Result<T> outcome) {
    if (!outcome.ok() && outcome.error().code == Errc::corrupt) {
      site_.fatal("log " + log_key_ + ": " + outcome.error().detail);
    }
    return take(std::move(outcome));
  }

  Promise<void> seal_log(std::uint64_t size);
  Promise<void> send_outcome(ResolveContext context);

  Site& site_;
  const HeldClaim held_;
  const std::shared_ptr<WorkerSession> session_;
  const std::string log_key_;
  std::optional<SealedStream> sealed_log_;  // once its bytes are a blob
};

Promise<void> ClaimService::download(DownloadContext context) {
  require_held();
  const auto params = context.getParams();
  const auto snapshot = site_.host.snapshot();
  auto own = task::find_task(*snapshot, held_.task_id);
  const std::string id = str(params.getTaskId());
  const std::string name = str(params.getName());
  if (!contains(own->definition().getDependencies(), id)) {
    throw_error({Errc::forbidden, "task " + id + " is not among the dependencies"});
  }
  const auto allow = [&own](const std::vector<std::string>& names) {
    const std::string& wanted = names.back();
    const bool allowed = wanted.starts_with("public/") ||
                         grants(own->definition().getScopes(), "queue:get-artifact:" + wanted);
    if (allowed) return;
    throw_error({Errc::forbidden, "the task lacks the scope queue:get-artifact:" + wanted});
  };
  allow({name});
  auto other = task::find_task(*snapshot, id);
  if (!other || other->row().getRuns().size() == 0) {
    throw_error({Errc::not_found, "task " + id + " has no run with artifacts"});
  }
  const auto info = take(task::resolve_artifact(
      *snapshot, *other, other->row().getRuns().size() - 1, name, site_.now(), allow));
  task::fill_artifact(info, context.getResults().initArtifact());
  return send_artifact(site_, info, params.getOffset(), params.getSink())
      .then([context](BlobName sent) mutable {
        context.getResults().setSha256({sent.sha256.data(), sent.sha256.size()});
        context.getResults().setSize(sent.size);
      });
}

// The log is on disk, as a blob, before the resolution that names it; the stream goes after it.
Promise<void> ClaimService::seal_log(std::uint64_t size) {
  // A repeat, perhaps long after the first: asking for the blob keeps it.
  const bool sealed = sealed_log_ && site_.blobs.contains(sealed_log_->sha256);
  if (sealed || size == 0) return READY_NOW;
  const auto kept = take(site_.logs.size(log_key_));
  if (kept != size) {
    throw_error({Errc::unavailable, "the log has " + std::to_string(kept) + " of " +
                                        std::to_string(size) + " bytes: send the rest"});
  }
  return offload(site_.disk, [&logs = site_.logs, key = log_key_] { return logs.seal(key); })
      .then([this](Result<SealedStream> log) { sealed_log_ = take_synced(std::move(log)); });
}

Promise<void> ClaimService::send_outcome(ResolveContext context) {
  return ask_task(site_, held_.task_id,
                  [this, params = context.getParams()](schema::TaskMessage::Builder m) {
                    auto resolve = m.initResolve();
                    fill_ref(resolve.initClaim());
                    resolve.setOutcome(params.getOutcome());
                    resolve.setReason(params.getReason());
                    if (sealed_log_) fill_log(*sealed_log_, resolve.initArtifacts(log_artifacts));
                  })
      .then([context](Bytes answer) mutable {
        context.getResults().setStatus(Stored<schema::TaskStatus>(answer).get());
      });
}

Promise<void> ClaimService::resolve(ResolveContext context) {
  require_valid();
  // The keeper of logs removes the stream once the resolution is on disk.
  // A repeat of what was done already is answered by the task's actor.
  if (!is_claimed(site_, held_)) return send_outcome(context);
  return seal_log(context.getParams().getLogSize()).then([this, context]() mutable {
    return send_outcome(context);
  });
}

}  // namespace

schema::Claim::Client make_claim(Site& site,
                                 HeldClaim held,
                                 std::shared_ptr<WorkerSession> session) {
  return counted<schema::Claim>(kj::heap<ClaimService>(site, std::move(held), std::move(session)),
                                "claim", site);
}

schema::Claim::Client make_uncounted_claim(Site& site,
                                           HeldClaim held,
                                           std::shared_ptr<WorkerSession> session) {
  return kj::heap<ClaimService>(site, std::move(held), std::move(session));
}

bool is_claimed(const Site& site, const HeldClaim& held) {
  const auto snapshot = site.host.snapshot();
  auto task = task::find_task(*snapshot, held.task_id);
  if (!task) return false;
  const auto runs = task->row().getRuns();
  return held.run_id < runs.size() && runs[held.run_id].getToken() == held.token &&
         runs[held.run_id].getState() == schema::TaskState::RUNNING;
}

bool fill_offer(Site& site,
                const HeldClaim& held,
                std::shared_ptr<WorkerSession> session,
                schema::ClaimOffer::Builder out) {
  const auto snapshot = site.host.snapshot();
  auto task = task::find_task(*snapshot, held.task_id);
  if (!task || held.run_id >= task->row().getRuns().size()) return false;
  const auto run = task->row().getRuns()[held.run_id];
  if (run.getToken() != held.token || run.getState() != schema::TaskState::RUNNING) return false;
  fill_held(held, out.initHeld());
  out.setTakenUntil(run.getTakenUntil());
  task->fill_definition(out.initTask());
  task->fill_status(out.initStatus());
  const auto kept = site.logs.size(log_key(held.task_id, held.run_id));
  out.setLogOffset(kept.ok() ? kept.value() : 0);
  out.setClaim(make_claim(site, held, std::move(session)));
  return true;
}

}  // namespace troupe::server
