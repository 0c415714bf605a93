#include "runtime/rpc/errors.h"

#include <array>
#include <string_view>

namespace troupe {
namespace {

constexpr std::array codes = {Errc::invalid,         Errc::not_found,       Errc::conflict,
                              Errc::unauthenticated, Errc::forbidden,       Errc::busy,
                              Errc::unavailable,     Errc::corrupt,         Errc::expired,
                              Errc::too_large,       Errc::internal,        Errc::malformed,
                              Errc::bad_arguments,   Errc::invalid_payload, Errc::too_many_requests,
                              Errc::not_acceptable};

}  // namespace

Error error_from(const kj::Exception& exception) {
  std::string_view text(exception.getDescription().begin(), exception.getDescription().size());
  // An exception that crossed a connection says so in front.
  constexpr std::string_view remote = "remote exception: ";
  if (text.starts_with(remote)) text.remove_prefix(remote.size());
  for (const Errc code : codes) {
    const std::string_view name = to_string(code);
    if (text.size() > name.size() + 1 && text.starts_with(name) && text[name.size()] == ':') {
      text.remove_prefix(name.size() + 1);
      if (text.starts_with(' ')) text.remove_prefix(1);
      return Error{code, std::string(text)};
    }
  }
  switch (exception.getType()) {
    case kj::Exception::Type::DISCONNECTED:
      return Error{Errc::unavailable, "connection lost: " + std::string(text)};
    case kj::Exception::Type::OVERLOADED: return Error{Errc::busy, std::string(text)};
    case kj::Exception::Type::UNIMPLEMENTED:
      return Error{Errc::invalid, "the server does not know this method: " + std::string(text)};
    case kj::Exception::Type::FAILED: break;
  }
  return Error{Errc::internal, std::string(text)};
}

kj::Exception exception_from(const Error& error) {
  const std::string text = std::string(to_string(error.code)) + ": " + error.detail;
  const auto type =
      is_retryable(error.code) ? kj::Exception::Type::OVERLOADED : kj::Exception::Type::FAILED;
  return kj::Exception(type, __FILE__, __LINE__, kj::heapString(text.data(), text.size()));
}

void throw_error(const Error& error) {
  kj::throwFatalException(exception_from(error));
}

}  // namespace troupe
