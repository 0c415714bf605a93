// Outcomes that a caller may react to. Exceptions are for bugs; what a peer can cause is a Result.
#pragma once

#include "runtime/base/assert.h"

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace troupe {

/// Kept on disk and on the wire as numbers: never renumber.
enum class Errc : std::uint8_t {
  invalid = 1,             // the request is wrong: correct it
  not_found = 2,           // what it names does not exist
  conflict = 3,            // the state does not allow it
  unauthenticated = 4,     // no or wrong credentials
  forbidden = 5,           // credentials that do not suffice
  busy = 6,                // over a limit: try again later
  unavailable = 7,         // the outcome is unknown or the service is away: try again
  corrupt = 8,             // stored data does not decode
  expired = 9,             // it existed, and is gone
  too_large = 10,          // over a size limit
  internal = 11,           // a bug of ours
  malformed = 12,          // the body is not JSON, or not said to be
  bad_arguments = 13,      // a parameter of the route or of the query string is wrong
  invalid_payload = 14,    // the body does not fit its schema
  too_many_requests = 15,  // of this caller: it has to slow down
  stale = 16,              // decided by a row that has changed since: decide again
  not_acceptable = 17,     // of the ways that the caller takes an answer, none is ours
};

/// `InputError`, `ResourceNotFound`...: the code as clients of the HTTP API know it. Whoever is
/// left with `stale` is told of a conflict.
const char* to_string(Errc code);

/// Whether the same call may succeed later.
bool is_retryable(Errc code);

struct Error {
  Errc code = Errc::internal;
  std::string detail;  // for humans, no secrets; lines only where several errors are reported

  bool operator==(const Error&) const = default;
};

/// Either a value or an Error.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    TROUPE_EXPECTS(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    TROUPE_EXPECTS(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    TROUPE_EXPECTS(ok());
    return std::get<0>(std::move(state_));
  }
  const Error& error() const& {
    TROUPE_EXPECTS(!ok());
    return std::get<1>(state_);
  }
  Error&& error() && {
    TROUPE_EXPECTS(!ok());
    return std::get<1>(std::move(state_));
  }

 private:
  std::variant<T, Error> state_;
};

/// Success without a value.
struct Done {
  bool operator==(const Done&) const = default;
};
using Status = Result<Done>;

}  // namespace troupe
