// What is published about the API: references of services and JSON schemas of bodies, worked out
// from the same schema that the services run on, and of the messages in the event log. Source:
// spec/api-framework.md, "References and discovery".
#pragma once

#include "runtime/api/exchanges.h"
#include "runtime/api/service.h"
#include "runtime/api/telemetry.h"
#include "runtime/http/router.h"

#include <map>
#include <string>
#include <vector>

namespace troupe::api {

/// A schema that only has definitions, each of which stands in another schema of its service.
struct SchemaParts {
  std::string service;
  std::string version;
  std::string name;                               // `hashes`
  std::map<std::string, std::string> references;  // by name: `FILE.json#/properties/hashes`
};

/// What is published, of all services.
struct Published {
  std::vector<const Service*> services;  // borrowed
  std::vector<ServiceExchanges> exchanges = {};
  std::vector<ServiceTelemetry> telemetry = {};
  std::vector<SchemaParts> parts = {};
};

/// Documents by their path: `/references/auth/v1/api.json`, and its `exchanges.json`, `logs.json`
/// and `metrics.json`; `/schemas/auth/v1/scopeset.json`, `/references/manifest.json`,
/// `/references/references.json`. Addresses inside are absolute under `root_url`, but for the last
/// one, which holds all others with relative ones.
std::map<std::string, std::string> make_references(const Published& all,
                                                   const std::string& root_url);

/// Adds a route for each document.
void add_reference_routes(http::RouteTable& routes, std::map<std::string, std::string> documents);

}  // namespace troupe::api
