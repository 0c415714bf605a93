// The face for HTTP: routes, JSON and error bodies as clients of Taskcluster know them.
// Source: spec/api-framework.md.
#pragma once

#include "runtime/api/body_readers.h"
#include "runtime/api/call_report.h"
#include "runtime/api/error_body.h"
#include "runtime/clock/clock.h"
#include "runtime/http/router.h"

#include <functional>
#include <memory>
#include <string>

namespace troupe::api {

/// What a service needs to be served.
struct HttpFace {
  const Service& service;
  Serve serve;
  /// Who sent a request. Must not fail: what is wrong shows when `credentials` is called.
  std::function<std::unique_ptr<Caller>(const http::Request&)> caller_of;
  Report report;
  const Clock& clock;
  const std::string& root_url;  // without a slash at its end
  BodyReaders& bodies;          // end before the service
  CompleteBody complete = {};   // for errors, which repeat the body
};

/// Adds a route for each method that has one. All that `face` borrows outlives the table.
void add_routes(http::RouteTable& routes, HttpFace face);

/// Where the JSON schema of that name is served.
std::string schema_url(const std::string& root_url, const Method& method, const std::string& name);

}  // namespace troupe::api
