// The body of an error over HTTP. Source: spec/api-framework.md, "Error replies".
#pragma once

#include "runtime/api/parameters.h"
#include "runtime/api/service.h"
#include "runtime/base/result.h"
#include "runtime/base/time.h"
#include "runtime/http/message.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::api {

struct RequestInfo;

/// What a method had made of its body when it failed: from the body with its defaults. Thread: any.
using CompleteBody =
    std::function<std::string(const RequestInfo&, std::string_view body, const Error&)>;

/// What of a request its error's answer repeats.
struct RequestInfo {
  const Method& method;
  const NamedTexts& params;  // of the route
  // As received; not JSON: it is repeated as text; nothing: it could not be read.
  std::optional<std::string_view> body;
  Instant time;
  bool is_filled = true;  // the body got as far as its schema: it is repeated with its defaults
  unsigned status = 0;    // of the answer; 0: that of the error
  CompleteBody complete = {};  // none: a body that is filled is repeated so
};

/// The answer to a call that failed. What went wrong inside is not told: the text names
/// `incident`, under which the caller logs it.
http::Response error_answer(const Error& error,
                            const RequestInfo& info,
                            const std::string& incident);

/// A body with the defaults of what it leaves out, as the method sees it; compact JSON.
std::string with_defaults(const Method& method, std::string_view body);

}  // namespace troupe::api
