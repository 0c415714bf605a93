// Artifacts of runs.
#include "apps/troupe/server/blob_url.h"
#include "apps/troupe/server/object_service.h"
#include "apps/troupe/server/queue/service.h"
#include "apps/troupe/server/realm.h"
#include "apps/troupe/server/task_credentials.h"
#include "runtime/base/hash.h"
#include "runtime/base/json_writer.h"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::server {

using kj::Promise;
using kj::READY_NOW;

namespace {

// Source: spec/queue.md, sections 9.2, 9.5 and 9.6.
constexpr Duration upload_time = std::chrono::minutes{45};
constexpr Duration upload_grace = std::chrono::seconds{10};  // beyond what its sender is told
constexpr Duration download_time = std::chrono::minutes{30};
constexpr Duration object_upload_time = std::chrono::hours{24};
constexpr Duration object_download_time = std::chrono::hours{1};

const char* reason_name(schema::ArtifactErrorReason reason) {
  switch (reason) {
    case schema::ArtifactErrorReason::FILE_MISSING_ON_WORKER: return "file-missing-on-worker";
    case schema::ArtifactErrorReason::INVALID_RESOURCE_ON_WORKER:
      return "invalid-resource-on-worker";
    case schema::ArtifactErrorReason::TOO_LARGE_FILE_ON_WORKER: return "too-large-file-on-worker";
    case schema::ArtifactErrorReason::FILE_NOT_READABLE_ON_WORKER:
      return "file-not-readable-on-worker";
  }
  throw_error({Errc::invalid, "a reason that this version does not know"});
}

template <class Upload>
void fill_upload(Upload from, const char* storage_type, schema::ArtifactPut::Builder to) {
  to.setStorageType(storage_type);
  to.setExpires(from.getExpires());
  to.setContentType(from.getContentType());
  to.setAnnouncedLength(from.getContentLength());
}

// Without the uploadId of an object.
void fill_put(schema::ArtifactRequest::Reader from, schema::ArtifactPut::Builder to) {
  switch (from.which()) {
    case schema::ArtifactRequest::S3: return fill_upload(from.getS3(), "s3", to);
    case schema::ArtifactRequest::OBJECT: return fill_upload(from.getObject(), "object", to);
    case schema::ArtifactRequest::REFERENCE:
      to.setStorageType("reference");
      to.setExpires(from.getReference().getExpires());
      to.setContentType(from.getReference().getContentType());
      to.setUrl(from.getReference().getUrl());
      return;
    case schema::ArtifactRequest::LINK:
      to.setStorageType("link");
      to.setExpires(from.getLink().getExpires());
      to.setContentType(from.getLink().getContentType());
      to.setLink(from.getLink().getArtifact());
      return;
    case schema::ArtifactRequest::ERROR:
      to.setStorageType("error");
      to.setExpires(from.getError().getExpires());
      to.setReason(reason_name(from.getError().getReason()));
      to.setMessage(from.getError().getMessage());
      return;
  }
  throw_error({Errc::invalid, "an artifact of a type that this version does not know"});
}

/// A run's artifact, by name.
struct Named {
  std::string task_id;
  std::uint32_t run = 0;
  std::string name;
};

void fill_s3(const Site& site,
             const Named& named,
             schema::ArtifactRow::Reader row,
             std::int64_t length,
             schema::S3Upload::Builder out) {
  const Instant expires = site.now() + upload_time;
  BlobGrant grant{.verb = "PUT",
                  .path = artifact_blob_path(named.task_id, named.run, named.name),
                  .expires = expires + upload_grace,
                  .content_type = str(row.getContentType())};
  // A repeat may announce another one than the artifact is known by.
  if (length >= 0) grant.length = static_cast<std::uint64_t>(length);
  out.setContentType(row.getContentType());
  out.setExpires(expires.ms);
  out.setPutUrl(text(blob_url(site, grant)));
}

std::string object_name(const Named& named) {
  return artifact_object_name(named.task_id, named.run, named.name);
}

// The same whenever the same artifact is created: calls at the same time, and one that is made
// again because the first was cut off between the two services, are about one upload.
std::string upload_of(const Named& named) {
  const Sha256 hash = sha256("upload of " + object_name(named));
  std::string uuid(hash.begin(), hash.begin() + 16);
  uuid[0] = static_cast<char>(uuid[0] & 0x7f);
  uuid[6] = static_cast<char>((uuid[6] & 0x0f) | 0x40);
  uuid[8] = static_cast<char>((uuid[8] & 0x3f) | 0x80);
  return to_base64url(as_bytes(uuid));
}

Bytes encode_put(const Named& named, schema::ArtifactRequest::Reader request, bool check_only) {
  return build<schema::TaskMessage>([&](schema::TaskMessage::Builder m) {
    auto put = m.initPutArtifact();
    put.getClaimRef().setRunId(named.run);
    put.getClaimRef().setByRun(true);
    put.getArtifact().setName(text(named.name));
    put.setCheckOnly(check_only);
    fill_put(request, put.getArtifact());
    if (request.isObject()) put.getArtifact().setUploadId(text(upload_of(named)));
  });
}

Promise<Bytes> ask_to_put(Site& site,
                          const Named& named,
                          schema::ArtifactRequest::Reader request,
                          bool check_only = false) {
  return ask(site, task_id(named.task_id), encode_put(named, request, check_only),
             Admission::creation);
}

std::string project_of(const Site& site, const std::string& task_id) {
  const auto snapshot = site.host.snapshot();
  return str(require_task(*snapshot, task_id).row().getProjectId());
}

// Of an artifact whose bytes come through the object service: nobody else may send them. If that
// service refuses, there is no artifact.
Promise<void> reserve(Site& site, const Named& named, schema::ArtifactRequest::Reader request) {
  if (!request.isObject()) return READY_NOW;
  return ask_to_put(site, named, request, true).then([&site, named](Bytes answer) {
    Stored<schema::ArtifactRow> stored(answer);
    const auto row = stored.get();
    return reserve_object(site, {object_name(named), project_of(site, named.task_id),
                                 str(row.getUploadId()), Instant{row.getExpires()}});
  });
}

void fill_object(const Site& site,
                 const Named& named,
                 schema::ArtifactRow::Reader row,
                 schema::ObjectUpload::Builder out) {
  const auto snapshot = site.host.snapshot();
  auto task = require_task(*snapshot, named.task_id);
  require_run(task, named.run);
  const auto run = task.row().getRuns()[named.run];
  const std::string project = str(task.row().getProjectId());
  const std::string object = object_name(named);
  out.setName(text(object));
  out.setProjectId(text(project));
  out.setUploadId(row.getUploadId());
  out.setExpires(row.getExpires());  // as createUpload has to be given it
  take(issue(site.realm,
             {fmt::format("artifact-upload/{}/{}/on/{}/{}", named.task_id, named.run,
                          view(run.getWorkerGroup()), view(run.getWorkerId())),
              {"object:upload:" + project + ":" + object},
              std::min(Instant{row.getExpires()}, site.now() + object_upload_time)},
             site.now(), out.initCredentials()));
}

void fill_answer(const Site& site,
                 const Named& named,
                 schema::ArtifactRequest::Reader asked,
                 schema::ArtifactRow::Reader row,
                 schema::ArtifactAnswer::Builder out) {
  switch (asked.which()) {
    case schema::ArtifactRequest::S3:
      return fill_s3(site, named, row, asked.getS3().getContentLength(), out.initS3());
    case schema::ArtifactRequest::OBJECT: return fill_object(site, named, row, out.initObject());
    case schema::ArtifactRequest::REFERENCE: out.initReference(); return;
    case schema::ArtifactRequest::LINK: out.initLink(); return;
    case schema::ArtifactRequest::ERROR: out.initError(); return;
  }
}

// Where to GET the bytes; empty for an error.
std::string url_of(const Site& site, const ArtifactOf& artifact) {
  const auto& info = artifact.info;
  if (info.storage_type == "error") return {};
  if (info.storage_type == "reference") return info.url;
  return blob_url(site, {.path = artifact_blob_path(artifact.task_id, info.run, info.name),
                         .expires = site.now() + download_time});
}

// Of a URL that its worker has made up: in a header only what may stand there.
std::string header_url(const std::string& url) {
  std::string out;
  for (const char c : url) {
    if (c > ' ' && c <= '~') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string error_body(const task::ArtifactInfo& info) {
  JsonWriter json;
  json.begin_object().key("reason").string(info.reason).key("message").string(info.message);
  return json.end_object().take();
}

}  // namespace

template <class Context>
Promise<void> QueueService::fill_artifacts(Context context,
                                           const Snapshot& snapshot,
                                           task::TaskView& task,
                                           std::uint32_t run) {
  const auto params = context.getParams();
  std::string next;
  const auto found = task::list_artifacts(
      snapshot, task, run, read_page(params.getLimit(), view(params.getContinuationToken())), next);
  auto results = context.getResults();
  auto out = results.initArtifacts(static_cast<unsigned>(found.size()));
  for (unsigned i = 0; i < out.size(); ++i) task::fill_artifact(found[i], out[i]);
  if (!next.empty()) results.setContinuationToken(text(next));
  return READY_NOW;
}

template <class Context>
Promise<void> QueueService::fill_info(Context context,
                                      const Snapshot& snapshot,
                                      task::TaskView& task,
                                      std::uint32_t run) {
  const std::string name = str(context.getParams().getName());
  const auto info = task::find_artifact(snapshot, task, run, name);
  if (!info || !info->present) {
    throw_error({Errc::not_found, "task " + str(task.row().getTaskId()) + " run " +
                                      std::to_string(run) + " has no artifact " + name});
  }
  task::fill_artifact(*info, context.getResults());
  return READY_NOW;
}

Promise<void> QueueService::listArtifacts(ListArtifactsContext context) {
  const auto params = context.getParams();
  const auto snapshot = site_.host.snapshot();
  auto task = require_task(*snapshot, checked_id(params.getTaskId(), "taskId"));
  require_run(task, params.getRunId());
  return fill_artifacts(context, *snapshot, task, params.getRunId());
}

Promise<void> QueueService::listLatestArtifacts(ListLatestArtifactsContext context) {
  const auto snapshot = site_.host.snapshot();
  auto task = require_task(*snapshot, checked_id(context.getParams().getTaskId(), "taskId"));
  return fill_artifacts(context, *snapshot, task, latest_run(task));
}

Promise<void> QueueService::artifactInfo(ArtifactInfoContext context) {
  const auto params = context.getParams();
  const auto snapshot = site_.host.snapshot();
  auto task = require_task(*snapshot, checked_id(params.getTaskId(), "taskId"));
  require_run(task, params.getRunId());
  return fill_info(context, *snapshot, task, params.getRunId());
}

Promise<void> QueueService::latestArtifactInfo(LatestArtifactInfoContext context) {
  const auto snapshot = site_.host.snapshot();
  auto task = require_task(*snapshot, checked_id(context.getParams().getTaskId(), "taskId"));
  return fill_info(context, *snapshot, task, latest_run(task));
}

Promise<void> QueueService::createArtifact(CreateArtifactContext context) {
  const auto params = context.getParams();
  Named named{checked_id(params.getTaskId(), "taskId"), params.getRunId(), str(params.getName())};
  return reserve(site_, named, params.getArtifact())
      .then([this, context, named]() mutable {
        return ask_to_put(site_, named, context.getParams().getArtifact());
      })
      .then([this, context, named](Bytes answer) mutable {
        Stored<schema::ArtifactRow> row(std::move(answer));
        fill_answer(site_, named, context.getParams().getArtifact(), row.get(),
                    context.getResults().initAnswer());
      });
}

Promise<void> QueueService::finishArtifact(FinishArtifactContext context) {
  const auto params = context.getParams();
  return ask_task(site_, checked_id(params.getTaskId(), "taskId"),
                  [&params](schema::TaskMessage::Builder m) {
                    auto finish = m.initFinishArtifact();
                    finish.setFinishedRunId(params.getRunId());
                    finish.setFinishedName(params.getName());
                    finish.setUploadId(params.getUpload().getUploadId());
                  })
      .ignoreResult();
}

void QueueService::authorize_names(const std::vector<std::string>& names) {
  ScopeParameters values;
  values.list("names", names);
  call_.authorize(values);
}

task::ArtifactInfo QueueService::follow(const Snapshot& snapshot,
                                        task::TaskView& task,
                                        std::uint32_t run,
                                        const std::string& name) {
  return take(task::resolve_artifact(
      snapshot, task, run, name, site_.now(),
      [this](const std::vector<std::string>& names) { authorize_names(names); }));
}

void QueueService::fill_location(const ArtifactOf& artifact,
                                 schema::ArtifactLocation::Builder out) {
  const auto& info = artifact.info;
  const std::string url = url_of(site_, artifact);
  out.setStorageType(text(info.storage_type));
  out.setUrl(text(url));
  auto* const http = call_.http();
  if (http == nullptr) return;
  http->headers.emplace_back("x-taskcluster-artifact-storage-type", info.storage_type);
  if (info.storage_type == "error") {
    http->status = 424;
    http->answer = error_body(info);
  } else {
    http->status = 303;
    http->headers.emplace_back("location", header_url(url));
  }
}

void QueueService::fill_content(const ArtifactOf& artifact, schema::ArtifactContent::Builder out) {
  const auto& info = artifact.info;
  if (info.storage_type == "error") {
    out.initError().setReason(text(info.reason));
    out.getError().setMessage(text(info.message));
  } else if (info.storage_type == "reference") {
    out.initReference().setUrl(text(info.url));
  } else if (info.storage_type == "object") {
    const std::string object = object_name({artifact.task_id, info.run, info.name});
    auto to = out.initObject();
    to.setName(text(object));
    take(issue(site_.realm,
               {fmt::format("artifact-download/{}/{}/{}", artifact.task_id, info.run, info.name),
                {"object:download:" + object},
                site_.now() + object_download_time},
               site_.now(), to.initCredentials()));
  } else {
    out.initS3().setUrl(text(url_of(site_, artifact)));
  }
}

Promise<void> QueueService::getArtifact(GetArtifactContext context) {
  const auto params = context.getParams();
  const std::string name = str(params.getName());
  authorize_names({name});
  const auto snapshot = site_.host.snapshot();
  std::string id = checked_id(params.getTaskId(), "taskId");
  auto task = require_task(*snapshot, id);
  fill_location({std::move(id), follow(*snapshot, task, params.getRunId(), name)},
                context.getResults());
  return READY_NOW;
}

Promise<void> QueueService::getLatestArtifact(GetLatestArtifactContext context) {
  const auto params = context.getParams();
  const std::string name = str(params.getName());
  authorize_names({name});
  const auto snapshot = site_.host.snapshot();
  std::string id = checked_id(params.getTaskId(), "taskId");
  auto task = require_task(*snapshot, id);
  fill_location({std::move(id), follow(*snapshot, task, latest_run(task), name)},
                context.getResults());
  return READY_NOW;
}

Promise<void> QueueService::artifact(ArtifactContext context) {
  const auto params = context.getParams();
  const std::string name = str(params.getName());
  authorize_names({name});
  const auto snapshot = site_.host.snapshot();
  std::string id = checked_id(params.getTaskId(), "taskId");
  auto task = require_task(*snapshot, id);
  fill_content({std::move(id), follow(*snapshot, task, params.getRunId(), name)},
               context.getResults().initContent());
  return READY_NOW;
}

// Unlike the others, this one says that there is no such task to whoever asks.
Promise<void> QueueService::latestArtifact(LatestArtifactContext context) {
  const auto params = context.getParams();
  const auto snapshot = site_.host.snapshot();
  std::string id = checked_id(params.getTaskId(), "taskId");
  auto task = require_task(*snapshot, id);
  fill_content({std::move(id), follow(*snapshot, task, latest_run(task), str(params.getName()))},
               context.getResults().initContent());
  return READY_NOW;
}

}  // namespace troupe::server
