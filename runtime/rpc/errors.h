// How an Error crosses a Cap'n Proto connection: as an exception whose text starts with the API's
// code (`ResourceNotFound: no such task`), so that any client can read it.
#pragma once

#include "runtime/base/result.h"

#include <kj/exception.h>

namespace troupe {

/// What an RPC call ended with. A lost connection is `unavailable`, an overloaded peer `busy`.
Error error_from(const kj::Exception& exception);

/// What a server throws so that `error_from` reads the same Error again.
kj::Exception exception_from(const Error& error);

/// Throws that.
[[noreturn]] void throw_error(const Error& error);

}  // namespace troupe
