#include "apps/troupe/client/text_file.h"

#include <cerrno>
#include <fstream>
#include <system_error>

namespace troupe::client {
namespace {

// Credentials and certificates have a few KiB; anything larger is another file by mistake.
constexpr std::size_t file_bytes_max = 1 << 20;

}  // namespace

Result<std::string> read_text_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    const int code = errno;
    const std::string detail = path + ": " + std::generic_category().message(code);
    if (code == ENOENT || code == ENOTDIR) return Error{Errc::not_found, detail};
    return Error{Errc::forbidden, "cannot read " + detail};
  }
  std::string text(file_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return Error{Errc::forbidden, "cannot read " + path};
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > file_bytes_max) {
    return Error{Errc::invalid, path + ": too large for credentials or certificates"};
  }
  return text;
}

}  // namespace troupe::client
