// Assertions that stay on in release builds. A failed one throws: inside an actor the message is
// refused and the supervisor sees it; elsewhere the process ends, and recovery is the repair.
#pragma once

#include <stdexcept>

namespace troupe {

/// Thrown by a failed assertion: a bug of ours, never something a peer can cause.
class AssertionError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void assertion_failed(const char* kind, const char* text, const char* file, int line);

}  // namespace troupe

#define TROUPE_ASSERT_IMPL(kind, condition) \
  (static_cast<bool>(condition)             \
       ? static_cast<void>(0)               \
       : ::troupe::assertion_failed(kind, #condition, __FILE__, __LINE__))

/// The caller's bug.
#define TROUPE_EXPECTS(condition) TROUPE_ASSERT_IMPL("precondition", condition)
/// Our bug: what we are about to hand out is wrong.
#define TROUPE_ENSURES(condition) TROUPE_ASSERT_IMPL("postcondition", condition)
/// Our bug: what we hold is wrong.
#define TROUPE_INVARIANT(condition) TROUPE_ASSERT_IMPL("invariant", condition)
