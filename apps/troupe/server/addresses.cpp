#include "apps/troupe/server/addresses.h"

#include "apps/troupe/server/files.h"
#include "runtime/base/hash.h"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

namespace troupe::server {
namespace {

namespace fs = std::filesystem;

// What fits into sockaddr_un, with its final zero byte.
constexpr std::size_t socket_path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

std::optional<SocketAddress> numeric_address(const HostPort& address) {
  SocketAddress result;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&result.storage, &v4, sizeof(v4));
    result.size = sizeof(v4);
    return result;
  }
  if (inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&result.storage, &v6, sizeof(v6));
    result.size = sizeof(v6);
    return result;
  }
  return std::nullopt;
}

// The socket's number if the line of /proc/net/tcp is one that listens on `port`.
std::optional<std::string> listening_inode(const std::string& line, std::uint16_t port) {
  constexpr std::string_view listening = "0A";
  std::istringstream words(line);
  std::string number, local, remote, state, queues, timer, retransmit, user, timeout, inode;
  words >> number >> local >> remote >> state >> queues >> timer >> retransmit >> user >> timeout >>
      inode;
  const auto colon = local.rfind(':');
  if (state != listening || colon == std::string::npos) return std::nullopt;
  if (local.substr(colon + 1) != fmt::format("{:04X}", port)) return std::nullopt;
  return inode;
}

// Whether the process has a descriptor of this socket.
bool holds_socket(const fs::path& process, const std::string& link) {
  std::error_code error;
  for (const auto& fd : fs::directory_iterator(process / "fd", error)) {
    if (fs::read_symlink(fd.path(), error) == link) return true;
  }
  return false;
}

std::optional<pid_t> holder_of_socket(const std::string& inode) {
  const std::string link = "socket:[" + inode + "]";
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (failure != std::errc{} || end != name.data() + name.size()) continue;
    if (holds_socket(entry.path(), link)) return pid;
  }
  return std::nullopt;
}

Error bind_error(const HostPort& address, int code) {
  const std::string where = fmt::format("port {} on {}", address.port, address.host);
  if (code == EADDRINUSE) {
    const auto pid = listener_of(address.port);
    return {Errc::conflict,
            fmt::format("{} is taken{}: stop that, or choose another port (0 picks a free one)",
                        where, pid ? fmt::format(" by process {}", *pid) : "")};
  }
  if (code == EACCES) {
    return {Errc::unavailable, where + " needs more rights: choose a port above 1023"};
  }
  return {Errc::unavailable, reason("listen on " + where, code)};
}

// A folder that is ours alone, for sockets whose own folder has too long a path.
Result<std::string> short_socket_dir() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");  // NOLINT(concurrency-mt-unsafe)
  std::error_code error;
  const bool usable = runtime != nullptr && fs::is_directory(runtime, error);
  const std::string dir =
      usable ? std::string(runtime) + "/troupe" : fmt::format("/tmp/troupe-{}", getuid());
  auto made = make_private_dir(dir);
  if (!made) return std::move(made).error();
  struct stat info {};
  const bool ours = lstat(dir.c_str(), &info) == 0 && S_ISDIR(info.st_mode) &&
                    info.st_uid == getuid() && (info.st_mode & 077) == 0;
  if (!ours) {
    return Error{Errc::forbidden, dir +
                                      " is not a folder that only you can enter: remove it, or "
                                      "use a data directory with a shorter path"};
  }
  return dir;
}

// Whether a connection to the socket is accepted. The errno of the attempt, or 0.
int try_connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, socket_path_bytes_max);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  const int code =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
  close(fd);
  return code;
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text) {
  const Error malformed{Errc::invalid, fmt::format("\"{}\" is no address: write HOST:PORT, as "
                                                   "127.0.0.1:7420 or [::1]:7420",
                                                   text)};
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return malformed;
  HostPort address;
  const std::string_view port = text.substr(colon + 1);
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || failure != std::errc{} || end != port.data() + port.size()) return malformed;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return malformed;
  }
  if (host.empty() || host.find_first_of(" \t/[]") != std::string_view::npos) return malformed;
  address.host = host;
  return address;
}

bool is_loopback(const HostPort& address) {
  if (address.host == "localhost") return true;
  in6_addr v6{};
  if (inet_pton(AF_INET6, address.host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  in_addr v4{};
  return inet_pton(AF_INET, address.host.c_str(), &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

std::optional<std::string> unix_path(std::string_view address) {
  constexpr std::string_view prefix = "unix:";
  if (!address.starts_with(prefix)) return std::nullopt;
  return std::string(address.substr(prefix.size()));
}

Status check_free(const HostPort& address) {
  const HostPort resolved{address.host == "localhost" ? "127.0.0.1" : address.host, address.port};
  const auto numeric = numeric_address(resolved);
  if (address.port == 0 || !numeric) return Done{};
  const int fd = socket(numeric->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Error{Errc::unavailable, reason("make a socket", errno)};
  // As the server does: connections that are still closing do not hold the port.
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const int code = bind(fd, numeric->get(), numeric->size) == 0 ? 0 : errno;
  close(fd);
  if (code != 0) return bind_error(address, code);
  return Done{};
}

std::optional<pid_t> listener_of(std::uint16_t port) {
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream lines(table);
    for (std::string line; std::getline(lines, line);) {
      const auto inode = listening_inode(line, port);
      if (!inode) continue;
      if (const auto pid = holder_of_socket(*inode)) return pid;
    }
  }
  return std::nullopt;
}

Result<std::string> socket_address(const std::string& data_dir) {
  const std::string usual = data_dir + "/rpc.sock";
  if (usual.size() <= socket_path_bytes_max) return "unix:" + usual;
  auto dir = short_socket_dir();
  if (!dir) return dir;
  // The path's hash: every data directory has its own socket, the same at each start.
  const std::string path =
      fmt::format("{}/{}.sock", dir.value(), to_hex(sha256(data_dir)).substr(0, 16));
  if (path.size() > socket_path_bytes_max) {
    return Error{Errc::invalid, path +
                                    " is too long for a socket: unset XDG_RUNTIME_DIR, or use a "
                                    "data directory with a shorter path"};
  }
  return "unix:" + path;
}

Status clear_stale_socket(const std::string& path) {
  if (path.size() > socket_path_bytes_max) {
    return Error{Errc::invalid, fmt::format("{} is too long for a socket (at most {} bytes)", path,
                                            socket_path_bytes_max)};
  }
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return Done{};
  if (!S_ISSOCK(info.st_mode)) {
    return Error{Errc::conflict, path + " is in the way: it is no socket; move it elsewhere"};
  }
  if (try_connect(path) != ECONNREFUSED) {
    return Error{Errc::conflict, path + " is in use: another process listens there"};
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return Error{Errc::unavailable, reason("remove " + path, errno)};
  }
  return Done{};
}

}  // namespace troupe::server
