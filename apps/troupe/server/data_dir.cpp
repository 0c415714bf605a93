#include "apps/troupe/server/data_dir.h"

#include "apps/troupe/server/file_system.h"
#include "apps/troupe/server/files.h"
#include "runtime/base/random.h"
#include "runtime/process/log.h"

#include <fmt/format.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <utility>

namespace troupe::server {
namespace {

namespace fs = std::filesystem;

constexpr const char* root_client_id = "static/troupe/root";
constexpr mode_t private_mode = 0600;
constexpr mode_t open_mode = 0644;

// What the first start may have left behind when it was cut short, and what people may put there
// before it.
constexpr std::array<std::string_view, 7> early_files = {
    ".gitignore", "lock",           "keys.json",  "credentials.json",
    "version",    "addresses.json", "troupe.toml"};

std::string lock_path(const std::string& dir) {
  return dir + "/lock";
}
std::string version_path(const std::string& dir) {
  return dir + "/version";
}
std::string keys_path(const std::string& dir) {
  return dir + "/keys.json";
}
std::string credentials_path(const std::string& dir) {
  return dir + "/credentials.json";
}
std::string addresses_path(const std::string& dir) {
  return dir + "/addresses.json";
}

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// `1234 56789`: the pid and when it started.
std::string identity_text(const ProcessIdentity& process) {
  return fmt::format("{} {}\n", process.pid, process.start_time);
}

std::optional<ProcessIdentity> parse_identity(std::string_view text) {
  ProcessIdentity process;
  const char* end = text.data() + text.size();
  const auto pid = std::from_chars(text.data(), end, process.pid);
  if (pid.ec != std::errc{} || pid.ptr == end || *pid.ptr != ' ') return std::nullopt;
  const auto start = std::from_chars(pid.ptr + 1, end, process.start_time);
  if (start.ec != std::errc{}) return std::nullopt;
  return process;
}

Error in_use_error(const std::string& dir) {
  const auto text = read_file(lock_path(dir));
  const auto holder = text ? parse_identity(text.value()) : std::nullopt;
  const std::string who = holder ? fmt::format("process {}", holder->pid) : "another process";
  return {Errc::conflict,
          fmt::format("{} is in use by {}: stop it with `troupe down --data {}`, or name another "
                      "folder with --data",
                      dir, who, dir)};
}

// Takes the lock and writes our identity into it. The descriptor is the caller's.
Result<int> take_lock(const std::string& dir) {
  const std::string path = lock_path(dir);
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, private_mode);
  if (fd < 0) {
    return Error{Errc::unavailable,
                 reason("open " + path, errno) + "; the data directory must be writable"};
  }
  const auto refuse = [fd](Error error) -> Result<int> {
    close(fd);
    return error;
  };
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return refuse(in_use_error(dir));
    return refuse({Errc::unavailable, reason("lock " + path, errno)});
  }
  const std::string text = identity_text(identify(getpid()).value_or(ProcessIdentity{getpid(), 0}));
  // In place: a rename would leave the lock on a file that nobody finds any more.
  if (ftruncate(fd, 0) != 0 ||
      pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return refuse({Errc::unavailable, reason("write " + path, errno)});
  }
  return fd;
}

// A folder that holds other things is not ours to fill.
Status check_fit(const std::string& dir) {
  if (exists(version_path(dir))) return Done{};
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(dir, error)) {
    const std::string name = entry.path().filename().string();
    const bool early = std::find(early_files.begin(), early_files.end(), name) != early_files.end();
    if (early || name.ends_with(".tmp")) continue;
    return Error{Errc::conflict,
                 fmt::format("{} is no data directory, and not empty (it holds {}): name a new or "
                             "an empty folder with --data",
                             dir, name)};
  }
  if (error) return Error{Errc::unavailable, "read " + dir + ": " + error.message()};
  return Done{};
}

// `FORMAT VERSION`, as `1 0.1.0`.
Status check_version(const std::string& dir) {
  auto text = read_file(version_path(dir));
  if (!text) return std::move(text).error();
  int format = 0;
  const std::string_view words = text.value();
  const auto [end, failure] = std::from_chars(words.data(), words.data() + words.size(), format);
  if (failure != std::errc{}) {
    return Error{Errc::corrupt, version_path(dir) +
                                    ": holds no format number; restore the data "
                                    "directory from a backup"};
  }
  if (format == data_format) return Done{};
  const std::string_view rest(end, words.data() + words.size());
  std::string maker(rest.substr(std::min(rest.find_first_not_of(' '), rest.size())));
  maker.erase(std::min(maker.find_last_not_of(" \n") + 1, maker.size()));
  const std::string made_by = maker.empty() ? "" : fmt::format(" (made by troupe {})", maker);
  return Error{
      Errc::corrupt,
      fmt::format("{} has data format {}{}; this is troupe {}, which reads format {}: start "
                  "it with {}, or name another folder",
                  dir, format, made_by, TROUPE_VERSION, data_format,
                  maker.empty() ? "the release that made it" : "troupe " + maker)};
}

Error damaged(const std::string& path, const Error& error, const std::string& cure) {
  return {error.code, fmt::format("{}: {}; {}", path, error.detail, cure)};
}

}  // namespace

std::string absolute_dir(const std::string& path) {
  std::error_code error;
  std::string dir = fs::absolute(path, error).lexically_normal().string();
  while (dir.size() > 1 && dir.ends_with('/')) dir.pop_back();
  return dir;
}

bool is_new_data_dir(const std::string& path) {
  return !exists(version_path(path));
}

DataDir::DataDir(std::string path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}

DataDir::~DataDir() {
  close(lock_fd_);
}

Result<std::unique_ptr<DataDir>> DataDir::open(const std::string& path, std::string_view keys) {
  std::error_code failure;
  std::string dir = absolute_dir(path);
  if (const auto network = network_file_system(dir)) {
    return Error{Errc::invalid, fmt::format("{} is on a network file system ({}), which cannot "
                                            "hold a store: name a folder on a local disk",
                                            dir, *network)};
  }
  constexpr const char* cure = "; name a folder on a local disk that you may write to with --data";
  auto made = make_private_dir(dir);
  if (!made) return Error{made.error().code, made.error().detail + cure};
  if (!fs::is_directory(dir, failure)) return Error{Errc::invalid, dir + " is no folder" + cure};
  auto fit = check_fit(dir);
  if (!fit) return std::move(fit).error();

  auto lock = take_lock(dir);
  if (!lock) return std::move(lock).error();
  std::unique_ptr<DataDir> opened(new DataDir(std::move(dir), lock.value()));
  auto loaded = opened->load(keys);
  if (!loaded) return std::move(loaded).error();
  return opened;
}

Status DataDir::load(std::string_view keys) {
  const bool is_new = !exists(version_path(path_));
  if (is_new) {
    if (chmod(path_.c_str(), 0700) != 0) {
      return Error{Errc::unavailable, reason("chmod " + path_, errno)};
    }
    auto ignored = write_file(path_ + "/.gitignore", "*\n", open_mode);
    if (!ignored) return ignored;
  } else {
    auto version = check_version(path_);
    if (!version) return version;
  }
  auto ring = load_or_make_keys(is_new, keys);
  if (!ring) return ring;
  auto credentials = load_or_make_credentials(is_new);
  if (!credentials) return credentials;
  if (exists(addresses_path(path_))) {
    auto text = read_file(addresses_path(path_));
    if (!text) return std::move(text).error();
    auto addresses = decode_addresses(text.value());
    if (!addresses) {
      return damaged(addresses_path(path_), addresses.error(),
                     "delete it to start on the default addresses");
    }
    last_addresses_ = std::move(addresses).value();
  }
  // Last: what has a version is complete.
  if (is_new) {
    return write_file(version_path(path_), fmt::format("{} {}\n", data_format, TROUPE_VERSION),
                      open_mode);
  }
  return Done{};
}

Status DataDir::load_or_make_keys(bool is_new, std::string_view keys) {
  if (!keys.empty()) {
    auto parsed = KeyRing::parse(keys);
    if (!parsed) {
      return damaged(std::string("environment ") + keys_variable, parsed.error(),
                     "correct it, or unset it to use " + keys_path(path_));
    }
    keys_ = std::move(parsed).value();
    return Done{};
  }
  const std::string path = keys_path(path_);
  if (is_new && !exists(path)) {
    keys_ = KeyRing::make();
    return write_file(path, keys_->json(), private_mode);
  }
  // A new key in place of a lost one would leave what the store holds unreadable, unnoticed.
  auto text = read_file(path);
  if (!text) {
    return damaged(path, text.error(),
                   std::string("restore it from a backup, or give the keys in ") + keys_variable +
                       ": the tokens in the store cannot be read without them");
  }
  auto parsed = KeyRing::parse(text.value());
  if (!parsed) {
    return damaged(path, parsed.error(),
                   "correct it, or restore it from a backup: the tokens in the store cannot be "
                   "read without their keys");
  }
  keys_ = std::move(parsed).value();
  return Done{};
}

Status DataDir::load_or_make_credentials(bool is_new) {
  const std::string path = credentials_path(path_);
  if (!exists(path)) {
    root_token_replaced_ = !is_new;
    // Written by `publish`, when it is known where the platform listens.
    credentials_ = {
        .root_url = {}, .rpc = {}, .client_id = root_client_id, .access_token = new_token()};
    return Done{};
  }
  auto text = read_file(path);
  if (!text) return std::move(text).error();
  auto credentials = decode_credentials(text.value());
  if (!credentials) {
    return damaged(path, credentials.error(),
                   "restore it from a backup, or delete it to get a new root token");
  }
  credentials_ = std::move(credentials).value();
  return Done{};
}

Status DataDir::publish(const std::string& root_url,
                        const std::vector<std::string>& rpc,
                        const Addresses& addresses,
                        const std::string& ca) {
  Credentials credentials = credentials_;
  credentials.ca = ca;
  credentials.root_url = root_url;
  credentials.rpc = rpc;
  if (credentials != credentials_ || !exists(credentials_path(path_))) {
    auto written =
        write_file(credentials_path(path_), encode_credentials(credentials), private_mode);
    if (!written) return written;
    credentials_ = std::move(credentials);
  }
  if (std::exchange(root_token_replaced_, false)) {
    log_event(LogLevel::warning, "root_token_made",
              {{"path", credentials_path(path_)},
               {"message", "the file was gone: it is made anew, the old root token is void"}});
  }
  if (last_addresses_ == addresses) return Done{};
  auto written = write_file(addresses_path(path_), encode_addresses(addresses), open_mode);
  if (written) last_addresses_ = addresses;
  return written;
}

Result<std::optional<ProcessIdentity>> holder_of(const std::string& path) {
  const std::string lock = lock_path(path);
  const int fd = open(lock.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const Errc code = errno == ENOENT || errno == ENOTDIR ? Errc::not_found : Errc::unavailable;
    return Error{code, reason("open " + lock, errno)};
  }
  // Shared, and given back at once: a start at this very moment would be refused otherwise.
  const bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(fd);
  if (!held) return std::optional<ProcessIdentity>();
  auto text = read_file(lock);
  if (!text) return std::move(text).error();
  const auto holder = parse_identity(text.value());
  if (!holder) return Error{Errc::unavailable, lock + ": is held, but names no process"};
  return holder;
}

}  // namespace troupe::server
