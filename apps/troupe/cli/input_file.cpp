#include "apps/troupe/cli/input_file.h"

#include <kj/io.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <system_error>

namespace troupe::cli {
namespace {

// A file that is larger was not written by a person, nor by a sensible program.
constexpr std::size_t input_bytes_max = std::size_t{64} << 20;

Error cannot_be_read(const std::string& name, int code) {
  return Error{Errc::invalid, name + ": cannot be read: " + std::generic_category().message(code)};
}

// Devices and pipes may never end, or never begin.
std::optional<Error> unlike_a_file(int descriptor, const std::string& path) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return cannot_be_read(path, errno);
  if (S_ISREG(status.st_mode)) return std::nullopt;
  if (S_ISDIR(status.st_mode)) return Error{Errc::invalid, path + ": is a directory"};
  return Error{Errc::invalid,
               path + ": is not a regular file; `-` reads what is piped to standard input"};
}

Result<std::string> read_all(int descriptor, const std::string& name) {
  std::string text;
  std::array<char, 65536> block;
  for (;;) {
    const ssize_t count = ::read(descriptor, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return cannot_be_read(name, errno);
    if (count == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(count));
    if (text.size() > input_bytes_max) {
      return Error{Errc::too_large, name +
                                        ": larger than 64 MiB, the most that is read; a task "
                                        "definition may have 10 MiB"};
    }
  }
}

}  // namespace

std::string input_name(const std::string& path) {
  return path == standard_input ? "standard input" : path;
}

Result<std::string> read_input(const std::string& path) {
  if (path == standard_input) return read_all(STDIN_FILENO, input_name(path));
  // Without O_NONBLOCK a named pipe would wait for a writer before it can be looked at.
  const kj::AutoCloseFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return cannot_be_read(path, errno);
  if (auto error = unlike_a_file(file, path)) return *std::move(error);
  return read_all(file, path);
}

}  // namespace troupe::cli
