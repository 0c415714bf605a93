// The headers of a response as kj-http takes them: its own, and those that are the same in all
// responses. Source: spec/api-framework.md, "Other response headers".
#pragma once

#include "runtime/http/message.h"

#include <kj/compat/http.h>

#include <string_view>

namespace troupe::http {

/// The response's headers, those of security and, below `/api/SERVICE/VERSION`, those for browsers
/// and caches. What the response has of them stays as it is. Borrows the response's texts.
///
/// Throws kj::Exception for a name or a value that no header may have.
kj::HttpHeaders headers_of(std::string_view path, const Response& response);

}  // namespace troupe::http
