#include "apps/troupe/server/blob_routes.h"

#include "actors/object/queries.h"
#include "actors/task/queries.h"
#include "apps/troupe/server/artifact_bytes.h"
#include "apps/troupe/server/blob_intake.h"
#include "apps/troupe/server/blob_response.h"
#include "apps/troupe/server/blob_url.h"
#include "apps/troupe/server/call.h"
#include "runtime/base/assert.h"
#include "runtime/base/data.h"
#include "runtime/http/content_coding.h"

#include <charconv>
#include <memory>
#include <utility>

namespace troupe::server {
namespace {

constexpr const char* artifact_route = "/blobs/artifacts/<taskId>/<runId>/<name...>";
constexpr const char* object_route = "/blobs/objects/<name...>";

/// The artifact that a URL is for. Only what its signature has vouched for is read.
struct Subject {
  std::string task_id;
  std::uint32_t run = 0;
  std::string name;
};

Subject subject_of(const http::Request& request) {
  Subject out{request.parameters.at("taskId"), 0, request.parameters.at("name")};
  const std::string& run = request.parameters.at("runId");
  std::from_chars(run.data(), run.data() + run.size(), out.run);
  return out;
}

BlobGrant read_object_grant(const Site& site, const http::Request& request) {
  return take(read_blob_url(site, request, "objects/" + request.parameters.at("name")));
}

BlobGrant read_grant(const Site& site, const http::Request& request) {
  const auto& parameters = request.parameters;
  return take(read_blob_url(site, request,
                            "artifacts/" + parameters.at("taskId") + "/" + parameters.at("runId") +
                                "/" + parameters.at("name")));
}

// The coding that the bytes are kept in; empty for none.
std::string kept_coding(const http::Request& request) {
  const auto coding = http::parse_coding(request.header("content-encoding"));
  if (coding == http::Coding::identity) return {};
  if (coding == http::Coding::gzip) return http::name_of(*coding);
  throw_error({Errc::invalid, "Content-Encoding " +
                                  std::string(request.header("content-encoding")) +
                                  " is not taken here: send gzip, or the bytes as they are"});
}

http::Response length_required() {
  auto out = http::error_response(
      {Errc::invalid, "a length is missing: send Content-Length, or the body in chunks"});
  out.status = 411;
  return out;
}

void require_type(const http::Request& request, const BlobGrant& grant) {
  if (request.header("content-type") == grant.content_type) return;
  throw_error({Errc::invalid, "the Content-Type has to be exactly the one that was announced, " +
                                  grant.content_type + ", not \"" +
                                  std::string(request.header("content-type")) + "\""});
}

http::Response stored_response(const Sha256& sha256) {
  http::Response out;
  out.headers.emplace_back("etag", blob_tag(sha256));
  out.headers.emplace_back("access-control-allow-origin", "*");
  return out;
}

kj::Promise<http::Response> put_artifact(Site& site,
                                         const http::Request& request,
                                         http::BodyReader& body) {
  auto grant = read_grant(site, request);
  require_type(request, grant);
  const std::string coding = kept_coding(request);
  if (!request.has_body_header) return length_required();
  // What was announced is the length of the bytes without any coding.
  if (!coding.empty()) grant.length.reset();
  return take_in(site, body, grant.length)
      .then([&site, subject = subject_of(request), coding](BlobName blob) {
        return ask_task(site, subject.task_id,
                        [&](schema::TaskMessage::Builder m) {
                          auto stored = m.initStoreBlob();
                          stored.setBlobRunId(subject.run);
                          stored.setBlobName(text(subject.name));
                          stored.setSha256({blob.sha256.data(), blob.sha256.size()});
                          stored.setSize(blob.size);
                          stored.setContentEncoding(text(coding));
                        })
            .then([sha256 = blob.sha256](const Bytes&) { return stored_response(sha256); });
      });
}

kj::Promise<http::Response> put_object(Site& site,
                                       const http::Request& request,
                                       http::BodyReader& body) {
  const auto grant = read_object_grant(site, request);
  require_type(request, grant);
  if (!kept_coding(request).empty()) {
    throw_error({Errc::invalid, "the bytes of an object are sent without a Content-Encoding"});
  }
  if (!request.has_body_header) return length_required();
  return take_in(site, body, grant.length)
      .then([&site, name = request.parameters.at("name"), type = grant.content_type,
             upload = grant.upload_id](BlobName blob) {
        return ask(site, object_id(name),
                   build<schema::ObjectMessage>([&](schema::ObjectMessage::Builder m) {
                     auto stored = m.initStoreBlob();
                     stored.setBlobUploadId(text(upload));
                     stored.setSha256({blob.sha256.data(), blob.sha256.size()});
                     stored.setSize(blob.size);
                     stored.setContentType(text(type));
                   }))
            .then([sha256 = blob.sha256](const Bytes&) { return stored_response(sha256); });
      });
}

kj::Promise<http::Response> get_object(Site& site, const http::Request& request) {
  static_cast<void>(read_object_grant(site, request));
  const std::string& name = request.parameters.at("name");
  const auto snapshot = site.host.snapshot();
  auto found = object::find_object(*snapshot, name, site.now());
  if (!found) throw_error({Errc::not_found, "Object \"" + name + "\" not found"});
  const auto hash = sha256_of(found->row().getSha256());
  TROUPE_INVARIANT(hash.has_value());
  return blob_response(site, request, {*hash, str(found->row().getContentType()), {}});
}

kj::Promise<http::Response> get_artifact(Site& site, const http::Request& request) {
  static_cast<void>(read_grant(site, request));
  const Subject subject = subject_of(request);
  const auto snapshot = site.host.snapshot();
  auto task = task::find_task(*snapshot, subject.task_id);
  auto artifact =
      task ? task::find_artifact(*snapshot, *task, subject.run, subject.name) : std::nullopt;
  if (!artifact) throw_error({Errc::not_found, "artifact " + subject.name + " is gone"});
  return blob_response(site, request,
                       {blob_of(*artifact), artifact->content_type, artifact->content_encoding});
}

}  // namespace

void add_blob_routes(http::RouteTable& routes, Site& site) {
  routes.add("GET", object_route,
             [&site](const http::Request& request) { return get_object(site, request); });
  routes.add_streaming("PUT", object_route,
                       [&site](const http::Request& request, http::BodyReader& body) {
                         return put_object(site, request, body);
                       });
  routes.add("GET", artifact_route,
             [&site](const http::Request& request) { return get_artifact(site, request); });
  routes.add_streaming("PUT", artifact_route,
                       [&site](const http::Request& request, http::BodyReader& body) {
                         return put_artifact(site, request, body);
                       });
}

}  // namespace troupe::server
