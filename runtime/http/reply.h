// What a response has besides what its handler said and what all have (response_headers.h). Source:
// spec/api-framework.md, "Tracing headers".
#pragma once

#include "runtime/http/message.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe::http {

/// Bodies from here on are compressed for peers that accept that.
constexpr std::size_t compressed_bytes_min = 1024;

/// Completes a response: its tag, or 304 where the peer has the body already; compression; the
/// headers of tracing. A header that the handler has set stays as it is. Afterwards `content_type`
/// is in the headers.
void complete_response(const Request& request, Response& response);

/// Whether `If-None-Match` names the tag, which is in its quotes; weak and strong ones are the same
/// here.
bool matches_tag(std::string_view list, std::string_view tag);

/// The trace id of a request: what its peer gave (the value of `x-taskcluster-trace-id`), if it is
/// printable and short, else a fresh UUID.
std::string trace_id_of(std::string_view given);

}  // namespace troupe::http
