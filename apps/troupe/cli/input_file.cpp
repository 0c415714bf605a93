#include "apps/troupe/cli/input_file.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace troupe::cli {
namespace {

constexpr std::size_t input_bytes_max = std::size_t{64} << 20;

struct Close {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

}  // namespace

Result<std::string> read_input(const std::string& path) {
  const std::unique_ptr<std::FILE, Close> file(path == "-" ? stdin
                                                           : std::fopen(path.c_str(), "rbe"));
  if (!file) {
    const int code = errno;
    return Error{Errc::invalid,
                 "cannot read " + path + ": " + std::generic_category().message(code)};
  }
  std::string text;
  std::array<char, 65536> block;
  while (const std::size_t count = std::fread(block.data(), 1, block.size(), file.get())) {
    text.append(block.data(), count);
    if (text.size() > input_bytes_max) {
      return Error{Errc::too_large, path + ": more than 64 MiB: not a definition"};
    }
  }
  if (std::ferror(file.get()) != 0) {
    const int code = errno;
    return Error{Errc::invalid,
                 "cannot read " + path + ": " + std::generic_category().message(code)};
  }
  return text;
}

}  // namespace troupe::cli
