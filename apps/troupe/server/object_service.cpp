#include "apps/troupe/server/object_service.h"

#include "actors/object/queries.h"
#include "apps/troupe/server/blob_url.h"
#include "apps/troupe/server/call.h"
#include "apps/troupe/server/monitor.h"
#include "runtime/base/hash.h"
#include "schema/api/object.capnp.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

namespace troupe::server {
namespace {

using kj::Promise;
using kj::READY_NOW;
using Tags = capnp::List<schema::Tag>::Reader;
namespace objects = object;  // the interface has a method of that name

// Source: spec/small-services.md, sections 5.2 and 5.3.
constexpr Duration upload_time = std::chrono::minutes{45};
constexpr Duration upload_grace = std::chrono::seconds{10};
constexpr Duration simple_time = std::chrono::minutes{30};
constexpr Duration get_url_time = std::chrono::seconds{60};
constexpr Duration get_url_grace = std::chrono::seconds{60};
constexpr std::size_t inline_bytes_max = 8192;

std::string checked_name(capnp::Text::Reader name) {
  if (name.size() <= objects::name_bytes_max) return str(name);
  throw_error({Errc::invalid,
               fmt::format("an object's name has at most {} characters", objects::name_bytes_max)});
}

// Those that downloaders check have a form; of others anything is kept.
void check_hashes(Tags hashes) {
  for (const auto hash : hashes) {
    const auto algorithm = view(hash.getKey());
    const auto value = view(hash.getValue());
    const std::size_t size = algorithm == "sha256" ? 64 : algorithm == "sha512" ? 128 : 0;
    const bool good = size == 0 || (value.size() == size && std::ranges::all_of(value, [](char c) {
                                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
                                    }));
    if (good) continue;
    throw_error(
        {Errc::invalid_payload,
         fmt::format("hashes.{} is not {} lower-case hexadecimal digits", algorithm, size)});
  }
}

std::string decode_inline(capnp::Text::Reader data) {
  auto bytes = from_base64(view(data));
  if (!bytes) throw_error({Errc::invalid, "objectData is not base64"});
  if (bytes->size() > inline_bytes_max) {
    throw_error({Errc::invalid, "objectData holds more than 8 KiB: propose putUrl"});
  }
  return std::move(*bytes);
}

// Before anything is reserved. Answers the bytes that have come along.
std::string check_methods(schema::ProposedUploads::Reader proposed) {
  if (proposed.hasPutUrl() && proposed.getPutUrl().getContentLength() < 0) {
    throw_error({Errc::invalid, "contentLength is below 0"});
  }
  return proposed.hasDataInline() ? decode_inline(proposed.getDataInline().getObjectData())
                                  : std::string();
}

std::string object_path(const std::string& name) {
  return "objects/" + name;
}

// -- objects that are artifacts

/// The artifact that an object's name tells of.
struct ArtifactName {
  std::string task_id;
  std::uint32_t run = 0;
  std::string name;
};

std::optional<ArtifactName> read_artifact_name(const std::string& object) {
  if (!object.starts_with("t/")) return std::nullopt;
  const auto task_end = object.find('/', 2);
  const auto run_end = task_end == std::string::npos ? task_end : object.find('/', task_end + 1);
  if (run_end == std::string::npos) return std::nullopt;
  ArtifactName out{object.substr(2, task_end - 2), 0, object.substr(run_end + 1)};
  const char* const end = object.data() + run_end;
  const auto read = std::from_chars(object.data() + task_end + 1, end, out.run);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return out;
}

// Tells the task that the bytes of its artifact are here. Not every such name is an artifact's.
Promise<void> tell_task(Site& site, schema::ObjectRow::Reader row, const std::string& upload_id) {
  const auto artifact = read_artifact_name(str(row.getName()));
  if (!artifact) return READY_NOW;
  return ask_task(site, artifact->task_id,
                  [&](schema::TaskMessage::Builder m) {
                    auto store = m.initStoreBlob();
                    store.setBlobRunId(artifact->run);
                    store.setBlobName(text(artifact->name));
                    store.setSha256(row.getSha256());
                    store.setSize(row.getSize());
                    store.setBlobUploadId(text(upload_id));
                  })
      .ignoreResult()
      .catch_([](kj::Exception&& exception) {
        const auto code = error_from(exception).code;
        if (code == Errc::not_found || code == Errc::conflict) return;
        kj::throwFatalException(kj::mv(exception));
      });
}

template <class Fill>
Promise<Bytes> ask_object(Site& site, std::string name, Fill&& fill) {
  return ask(site, object_id(std::move(name)),
             build<schema::ObjectMessage>(std::forward<Fill>(fill)));
}

Result<BlobName> store_bytes(BlobStore& blobs, const std::string& bytes) {
  auto intake = blobs.begin_intake();
  if (!intake.ok()) return intake.error();
  if (auto appended = intake.value()->append(as_bytes(bytes)); !appended.ok()) {
    return appended.error();
  }
  return intake.value()->finish();
}

class ObjectService final : public schema::Object::Server, public Monitor {
 public:
  ObjectService(Site& site, api::Call& call) : Monitor(site), site_(site), call_(call) {}

  Promise<void> createUpload(CreateUploadContext context) override;
  Promise<void> finishUpload(FinishUploadContext context) override;
  Promise<void> startDownload(StartDownloadContext context) override;
  Promise<void> object(ObjectContext context) override;
  Promise<void> download(DownloadContext context) override;

 private:
  void authorize_upload(capnp::Text::Reader project, const std::string& name) {
    ScopeParameters values;
    values.text("projectId", str(project)).text("name", name);
    call_.authorize(values);
  }
  objects::ObjectView require_object(const std::string& name) {
    snapshot_ = site_.host.snapshot();
    auto found = objects::find_object(*snapshot_, name, site_.now());
    if (!found) throw_error({Errc::not_found, "Object \"" + name + "\" not found"});
    return std::move(*found);
  }
  std::string download_url(const std::string& name, Instant expires) {
    return blob_url(site_, {.path = object_path(name), .expires = expires});
  }
  Promise<void> store_inline(const std::string& name,
                             schema::UploadRequest::Reader upload,
                             std::string bytes);
  void fill_target(const std::string& name,
                   schema::UploadRequest::Reader upload,
                   schema::PutTarget::Builder out);

  Site& site_;
  api::Call& call_;
  std::unique_ptr<Snapshot> snapshot_;  // of the object that is answered
};

Promise<void> ObjectService::createUpload(CreateUploadContext context) {
  const auto upload = context.getParams().getUpload();
  const std::string name = checked_name(context.getParams().getName());
  authorize_upload(upload.getProjectId(), name);
  check_hashes(upload.getHashes());
  auto bytes = check_methods(upload.getProposedUploadMethods());
  auto create = build<schema::ObjectMessage>([&](schema::ObjectMessage::Builder m) {
    auto to = m.initCreateUpload();
    to.setProjectId(upload.getProjectId());
    to.setUploadId(upload.getUploadId());
    to.setExpires(upload.getExpires());
    to.setHashes(upload.getHashes());
  });
  return ask(site_, object_id(name), std::move(create), Admission::creation)
      .then([this, context, name, bytes = std::move(bytes)](const Bytes&) mutable -> Promise<void> {
        const auto given = context.getParams().getUpload();
        const auto proposed = given.getProposedUploadMethods();
        auto results = context.getResults();
        results.setProjectId(given.getProjectId());
        results.setUploadId(given.getUploadId());
        results.setExpires(given.getExpires());
        auto method = results.initUploadMethod();
        if (proposed.hasDataInline()) {
          method.setDataInline(true);
          return store_inline(name, given, std::move(bytes));
        }
        if (proposed.hasPutUrl()) fill_target(name, given, method.initPutUrl());
        return READY_NOW;
      });
}

Promise<void> ObjectService::store_inline(const std::string& name,
                                          schema::UploadRequest::Reader upload,
                                          std::string bytes) {
  const auto data = upload.getProposedUploadMethods().getDataInline();
  return offload(site_.disk, [&blobs = site_.blobs,
                              bytes = std::move(bytes)] { return store_bytes(blobs, bytes); })
      .then([this, name, data, upload](Result<BlobName> stored) {
        const auto blob = take(std::move(stored));
        return ask_object(site_, name, [&](schema::ObjectMessage::Builder m) {
          auto to = m.initStoreBlob();
          to.setBlobUploadId(upload.getUploadId());
          to.setSha256({blob.sha256.data(), blob.sha256.size()});
          to.setSize(blob.size);
          to.setContentType(data.getContentType());
        });
      })
      .ignoreResult();
}

void ObjectService::fill_target(const std::string& name,
                                schema::UploadRequest::Reader upload,
                                schema::PutTarget::Builder out) {
  const auto put = upload.getProposedUploadMethods().getPutUrl();
  const Instant expires = site_.now() + upload_time;
  const auto length = static_cast<std::uint64_t>(put.getContentLength());
  out.setExpires(expires.ms);
  out.setUrl(text(blob_url(site_, {.verb = "PUT",
                                   .path = object_path(name),
                                   .expires = expires + upload_grace,
                                   .content_type = str(put.getContentType()),
                                   .length = length,
                                   .upload_id = str(upload.getUploadId())})));
  auto headers = out.initHeaders(3);
  headers[0].setKey("Content-Type");
  headers[0].setValue(put.getContentType());
  headers[1].setKey("Content-Length");
  headers[1].setValue(text(std::to_string(length)));
  headers[2].setKey("Content-Encoding");
  headers[2].setValue("identity");
}

Promise<void> ObjectService::finishUpload(FinishUploadContext context) {
  const auto upload = context.getParams().getUpload();
  const std::string name = checked_name(context.getParams().getName());
  authorize_upload(upload.getProjectId(), name);
  check_hashes(upload.getHashes());
  return ask_object(site_, name,
                    [&](schema::ObjectMessage::Builder m) {
                      auto to = m.initFinishUpload();
                      to.setOfProject(upload.getProjectId());
                      to.setFinishedUploadId(upload.getUploadId());
                      to.setMoreHashes(upload.getHashes());
                    })
      .then([this, context](Bytes row) mutable {
        const std::string upload_id = str(context.getParams().getUpload().getUploadId());
        Stored<schema::ObjectRow> stored(row.words());
        return tell_task(site_, stored.get(), upload_id);
      })
      .then([this] {
        if (call_.http() == nullptr) return;
        call_.http()->status = 200;
        call_.http()->answer = "{}";
      });
}

Promise<void> ObjectService::startDownload(StartDownloadContext context) {
  const auto params = context.getParams();
  const std::string name = checked_name(params.getName());
  auto object = require_object(name);
  const auto accepted = params.getDownload().getAcceptDownloadMethods();
  if (accepted.getGetUrl()) {
    const Instant expires = site_.now() + get_url_time;
    auto answer = context.getResults().initAnswer().initGetUrl();
    answer.setUrl(text(download_url(name, expires + get_url_grace)));
    answer.setExpires(expires.ms);
    answer.setHashes(object.row().getHashes());
  } else if (accepted.getSimple()) {
    auto answer = context.getResults().initAnswer().initSimple();
    answer.setUrl(text(download_url(name, site_.now() + simple_time)));
  } else {
    throw_error({Errc::not_acceptable, "Object supports methods getUrl, simple"});
  }
  return READY_NOW;
}

Promise<void> ObjectService::object(ObjectContext context) {
  auto object = require_object(checked_name(context.getParams().getName()));
  auto results = context.getResults();
  results.setProjectId(object.row().getProjectId());
  results.setExpires(object.row().getExpires());
  results.setHashes(object.row().getHashes());
  return READY_NOW;
}

Promise<void> ObjectService::download(DownloadContext context) {
  const std::string name = checked_name(context.getParams().getName());
  require_object(name);
  auto* const http = call_.http();
  if (http == nullptr) {
    throw_error({Errc::invalid, "download redirects, over HTTP alone: call startDownload"});
  }
  http->status = 303;
  http->answer = "{}";
  http->headers.emplace_back("location", download_url(name, site_.now() + simple_time));
  return READY_NOW;
}

}  // namespace

kj::Own<capnp::Capability::Server> serve_object(Site& site, api::Call& call) {
  return kj::heap<ObjectService>(site, call);
}

namespace {

bool is_finished(const Site& site, const ObjectReservation& reservation) {
  const auto snapshot = site.host.snapshot();
  auto found = objects::find_object(*snapshot, reservation.name, site.now());
  if (!found) return false;
  const auto row = found->row();
  return view(row.getFinishedUploadId()) == reservation.upload_id &&
         view(row.getProjectId()) == reservation.project_id &&
         Instant{row.getExpires()} == reservation.expires;
}

}  // namespace

kj::Promise<void> reserve_object(Site& site, const ObjectReservation& reservation) {
  return ask_object(site, reservation.name,
                    [&reservation](schema::ObjectMessage::Builder m) {
                      auto to = m.initCreateUpload();
                      to.setProjectId(text(reservation.project_id));
                      to.setUploadId(text(reservation.upload_id));
                      to.setExpires(reservation.expires.ms);
                    })
      .ignoreResult()
      .catch_([&site, reservation](kj::Exception&& error) {
        if (!is_finished(site, reservation)) kj::throwFatalException(kj::mv(error));
      });
}

std::string artifact_object_name(const std::string& task_id,
                                 std::uint32_t run,
                                 const std::string& name) {
  return fmt::format("t/{}/{}/{}", task_id, run, name);
}

}  // namespace troupe::server
