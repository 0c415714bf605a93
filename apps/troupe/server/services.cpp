#include "apps/troupe/server/services.h"

#include "actors/auth/events.h"
#include "actors/task/exchanges.h"
#include "apps/troupe/server/api_metrics.h"
#include "apps/troupe/server/auth_service.h"
#include "apps/troupe/server/call_log.h"
#include "apps/troupe/server/log_types.h"
#include "apps/troupe/server/metric_types.h"
#include "apps/troupe/server/object_service.h"
#include "apps/troupe/server/queue/completed_task.h"
#include "apps/troupe/server/queue/service.h"
#include "apps/troupe/server/troupe_service.h"
#include "apps/troupe/server/worker_service.h"
#include "runtime/api/guard.h"
#include "runtime/api/http_face.h"
#include "runtime/api/references.h"
#include "runtime/base/assert.h"
#include "schema/api/auth.capnp.h"
#include "schema/api/object.capnp.h"
#include "schema/api/queue.capnp.h"
#include "schema/api/troupe.capnp.h"
#include "schema/rpc/worker.capnp.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace troupe::server {
namespace {

template <class Interface>
ServedService served(kj::Own<capnp::Capability::Server> (*serve)(Site&, api::Call&)) {
  return {api::read_service(capnp::Schema::from<Interface>()), serve};
}

// What becomes of the report of each call, whichever way it came.
api::Report reporting(std::shared_ptr<ApiMetrics> figures) {
  return [figures = std::move(figures)](const api::CallReport& report) {
    figures->count(report);
    log_call(report);
  };
}

std::vector<api::ServiceTelemetry> telemetry_of(const std::vector<const api::Service*>& services) {
  std::vector<api::ServiceTelemetry> all;
  for (const auto* const service : services) {
    all.push_back(
        {service->name, service->version, log_types(service->name), metric_types(service->name)});
  }
  return all;
}

// What Taskcluster's object service has in files of their own.
std::vector<api::SchemaParts> object_parts() {
  const std::string hashes = ".json#/properties/hashes";
  const std::string ways =
      "create-upload-request.json#/properties/proposedUploadMethods/properties/";
  const std::string way = "create-upload-response.json#/properties/uploadMethod/properties/";
  const std::string known =
      "download-object-request.json#/properties/acceptDownloadMethods/properties/";
  const std::string chosen = "download-object-response.json#/oneOf/";
  const auto part = [](const char* name, std::map<std::string, std::string> references) {
    return api::SchemaParts{"object", "v1", name, std::move(references)};
  };
  return {
      part("hashes", {{"upload", "create-upload-request" + hashes},
                      {"download", "get-object-response" + hashes}}),
      part("upload-method-data-inline",
           {{"request", ways + "dataInline"}, {"response", way + "dataInline"}}),
      part("upload-method-put-url", {{"request", ways + "putUrl"}, {"response", way + "putUrl"}}),
      part("download-method-simple", {{"request", known + "simple"}, {"response", chosen + "0"}}),
      part("download-method-geturl", {{"request", known + "getUrl"}, {"response", chosen + "1"}})};
}

}  // namespace

const std::vector<ServedService>& served_services() {
  static const std::vector<ServedService> all = {
      served<schema::Auth>(serve_auth),
      served<schema::Object>(serve_object),
      served<schema::Queue>(serve_queue),
      served<schema::Troupe>(serve_troupe),
      served<schema::WorkerService>(serve_worker),
  };
  return all;
}

capnp::Capability::Client guarded_service(Site& site,
                                          std::string_view name,
                                          const RpcVisitor& visitor) {
  const auto& all = served_services();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [name](const auto& one) { return one.service.name == name; });
  TROUPE_EXPECTS(found != all.end());
  const auto& one = *found;
  return api::make_guarded({one.service,
                            [&site, &one](api::Call& call) { return one.serve(site, call); },
                            visitor.caller, visitor.peer, reporting(site.figures), site.clock});
}

void add_service_routes(http::RouteTable& routes,
                        Site& site,
                        metrics::Registry& registry,
                        api::BodyReaders& bodies) {
  const auto figures = std::make_shared<ApiMetrics>(registry);
  std::vector<const api::Service*> published;
  for (const auto& one : served_services()) {
    const auto& methods = one.service.methods;
    if (std::all_of(methods.begin(), methods.end(),
                    [](const auto& m) { return m.route.empty(); })) {
      continue;
    }
    published.push_back(&one.service);
    api::add_routes(routes,
                    {one.service, [&site, &one](api::Call& call) { return one.serve(site, call); },
                     [&site](const http::Request& request) -> std::unique_ptr<api::Caller> {
                       return make_request_caller(site, request);
                     },
                     reporting(figures), site.clock, site.root_url, bodies,
                     one.service.name == "queue" ? complete_task(site.tasks) : nullptr});
  }
  api::add_reference_routes(
      routes, api::make_references({.services = published,
                                    .exchanges = {auth::exchanges(), task::exchanges()},
                                    .telemetry = telemetry_of(published),
                                    .parts = object_parts()},
                                   site.root_url));
}

}  // namespace troupe::server
