// The page of docs about the API, made from the schema.
#pragma once

#include "runtime/api/service.h"

#include <string>

namespace troupe::cli {

/// Whether any method of it is served over HTTP.
bool is_published(const api::Service& service);

/// docs/api.md, whole, without its last line's end.
std::string api_page();

}  // namespace troupe::cli
