// The schemas of the published documents themselves.
#pragma once

#include <map>
#include <string>

namespace troupe::api {

/// By path: `/schemas/common/api-reference-v0.json`... Addresses inside begin with `root_url`.
std::map<std::string, std::string> common_schemas(const std::string& root_url);

}  // namespace troupe::api
