#include "tests/sim/uploads.h"

#include "actors/kinds.h"
#include "actors/lookup.h"
#include "runtime/base/data.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"
#include "schema/store/rows.capnp.h"

#include <algorithm>
#include <utility>

namespace troupe::sim {
namespace {

// Those of late are spoken of; all are looked at.
constexpr std::size_t late_uploads = 16;

using Builder = schema::TaskMessage::Builder;

Bytes store(const Command& said) {
  return build<schema::TaskMessage>([&said](Builder m) {
    auto blob = m.initStoreBlob();
    blob.setBlobRunId(said.claim.run);
    blob.setBlobName(text(said.artifact));
    blob.setSha256({reinterpret_cast<const kj::byte*>(said.sha256.data()), said.sha256.size()});
    blob.setSize(1);
    blob.setBlobUploadId(text(said.upload));
  });
}

Bytes finish(const Command& said) {
  return build<schema::TaskMessage>([&said](Builder m) {
    auto end = m.initFinishArtifact();
    end.setFinishedRunId(said.claim.run);
    end.setFinishedName(text(said.artifact));
    end.setUploadId(text(said.upload));
  });
}

}  // namespace

Command Uploads::create(Speaker& world, Command put) {
  put.artifact = "object/" + std::to_string(below(world.random(), 3));
  put.upload = "U" + std::to_string(below(world.random(), 1'000'000));
  put.body = build<schema::TaskMessage>([&put](Builder m) {
    auto message = m.initPutArtifact();
    message.getClaimRef().setRunId(put.claim.run);
    message.getClaimRef().setToken(put.claim.token);
    auto artifact = message.getArtifact();
    artifact.setName(text(put.artifact));
    artifact.setStorageType("object");
    artifact.setUploadId(text(put.upload));
  });
  return put;
}

void Uploads::act(Speaker& world) {
  if (uploads_.empty()) return;
  const auto late = std::min(uploads_.size(), late_uploads);
  Upload& upload = uploads_[uploads_.size() - 1 - below(world.random(), late)];
  Command said;
  said.to = task_id(upload.task);
  said.claim.run = upload.run;
  said.artifact = upload.name;
  const bool own = !world.one_in(6);
  said.upload = own ? upload.id : "another";
  if (world.one_in(2)) {
    said.verb = Verb::store_blob;
    said.sha256 = std::string(32, 'o');
    said.sha256[0] = static_cast<char>(below(world.random(), 2));
    said.sha256[1] = static_cast<char>(below(world.random(), 4));
    said.body = store(said);
    if (own) upload.sent.insert(said.sha256);
  } else {
    said.verb = Verb::finish_artifact;
    said.told = true;
    said.body = finish(said);
    if (own) upload.finish_sent = true;
  }
  world.say(std::move(said), world.new_wire());
}

Uploads::Upload* Uploads::find(const Command& command) {
  const auto found = std::ranges::find_if(uploads_, [&command](const Upload& u) {
    return u.task == command.to.key && u.run == command.claim.run && u.name == command.artifact;
  });
  return found == uploads_.end() ? nullptr : &*found;
}

void Uploads::answered(Speaker& world, const Command& command, bool accepted, Host& host) {
  if (!accepted || command.upload.empty()) return;
  if (find(command) == nullptr) {
    uploads_.push_back({command.to.key, command.claim.run, command.artifact, "", {}, false, ""});
  }
  check(world, *find(command), &command, host);
}

void Uploads::at_rest(Speaker& world, Host& host) {
  for (Upload& upload : uploads_) check(world, upload, nullptr, host);
}

void Uploads::check(Speaker& world, Upload& u, const Command* accepted, Host& host) {
  const TaskModel* t = world.model().find(u.task);
  const bool gone =
      t == nullptr || !t->disk.visible || t->reborn || t->disk.expires <= world.model().latest();
  if (gone) return;
  const auto snapshot = host.snapshot();
  const std::string key = KeyWriter().u64(u.run).text(u.name).prefix();
  const auto words = own_row(*snapshot, tables::task_artifacts, t->disk.number, key);
  const std::string what = "artifact " + u.name + " of " + u.task + " ";
  if (!words) return world.model().violation(what + "was accepted and is lost");
  Stored<schema::ArtifactRow> stored(*words);
  const std::string id = str(stored.get().getUploadId());
  const std::string sha256 = str(stored.get().getSha256());
  if (u.id.empty()) u.id = id;  // the first one's: repeats keep it
  const bool finished = id.empty();
  if (!finished && id != u.id) world.model().violation(what + "has another upload");
  if (!finished && !u.finished.empty()) world.model().violation(what + "is finished no more");
  if (!sha256.empty() && !u.sent.contains(sha256)) {
    world.model().violation(what + "has bytes that nobody sent under its upload");
  }
  if (finished && !u.finish_sent) world.model().violation(what + "was finished by nobody");
  if (finished && sha256.empty()) world.model().violation(what + "is finished without its bytes");
  if (!u.finished.empty() && sha256 != u.finished) {
    world.model().violation(what + "is finished, and its bytes have changed");
  }
  if (finished) u.finished = sha256;
  if (accepted == nullptr) return;
  if (accepted->verb == Verb::store_blob && sha256.empty()) {
    world.model().violation(what + "has no bytes though they were accepted");
  }
  if (accepted->verb == Verb::finish_artifact && !finished) {
    world.model().violation(what + "was finished, not so on disk");
  }
}

}  // namespace troupe::sim
