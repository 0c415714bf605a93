#include "runtime/base/result.h"

namespace troupe {

const char* to_string(Errc code) {
  switch (code) {
    case Errc::invalid: return "InputError";
    case Errc::not_found: return "ResourceNotFound";
    case Errc::conflict: return "RequestConflict";
    case Errc::unauthenticated: return "AuthenticationFailed";
    case Errc::forbidden: return "InsufficientScopes";
    case Errc::busy: return "Busy";
    case Errc::unavailable: return "Unavailable";
    case Errc::corrupt: return "Corrupt";
    case Errc::expired: return "ResourceExpired";
    case Errc::too_large: return "InputTooLarge";
    case Errc::internal: return "InternalServerError";
    case Errc::malformed: return "MalformedPayload";
    case Errc::bad_arguments: return "InvalidRequestArguments";
    case Errc::invalid_payload: return "InputValidationError";
    case Errc::too_many_requests: return "TooManyRequests";
    case Errc::stale: return "RequestConflict";
    case Errc::not_acceptable: return "NoMatchingMethod";
  }
  return "InternalServerError";
}

bool is_retryable(Errc code) {
  return code == Errc::busy || code == Errc::unavailable;
}

}  // namespace troupe
