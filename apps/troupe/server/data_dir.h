// The data directory: who holds it, which format it has, and the small files that people and other
// programs read.
//
//   version            the format's number and the program that made it
//   lock               held (flock) by the one process that serves; says its pid
//   credentials.json   where the platform listens and its root token (0600)
//   keys.json          the keys that encrypt tokens and secrets in the store (0600), unless they
//   are
//                      in the environment
//   addresses.json     where the last start listened
//   workers/           the local workers, a folder each
//
// Every file is replaced as a whole and synced, so a crash leaves the old one or the new one.
#pragma once

#include "apps/troupe/server/data_files.h"
#include "runtime/base/key_ring.h"
#include "runtime/base/result.h"
#include "runtime/process/child.h"

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::server {

/// Raised when older programs can no longer read the directory.
constexpr int data_format = 1;

/// `path` as it is shown and kept: absolute, without a final slash.
std::string absolute_dir(const std::string& path);

/// Whether a start on `path` has nothing to take over: it makes the directory.
bool is_new_data_dir(const std::string& path);

/// The environment variable that may hold the keys, in the place of `keys.json`.
inline constexpr const char* keys_variable = "TROUPE_KEYS";

/// A data directory that this process holds.
class DataDir {
 public:
  /// Opens `path`, made if absent, and locks it. First makes keys and a root token if new.
  /// `keys`: the contents of `keys_variable`; unless empty, they count, and `keys.json` is neither
  /// read nor made.
  ///
  /// Errors: `conflict` another process holds it, or it is a folder of something else; `invalid` a
  /// network file system; `corrupt` another format, or one of its files, or `keys`, does not
  /// decode; `unavailable` it cannot be written.
  static Result<std::unique_ptr<DataDir>> open(const std::string& path, std::string_view keys = {});

  ~DataDir();
  DataDir(const DataDir&) = delete;
  DataDir& operator=(const DataDir&) = delete;

  const std::string& path() const { return path_; }  // absolute
  const Credentials& credentials() const { return credentials_; }
  const KeyRing& keys() const { return *keys_; }
  const std::optional<Addresses>& last_addresses() const { return last_addresses_; }

  /// Keeps where this start listens; the root token stays. Files that would not change are left.
  Status publish(const std::string& root_url,
                 const std::vector<std::string>& rpc,
                 const Addresses& addresses,
                 const std::string& ca = {});

 private:
  DataDir(std::string path, int lock_fd);

  Status load(std::string_view keys);
  Status load_or_make_keys(bool is_new, std::string_view keys);
  Status load_or_make_credentials(bool is_new);

  const std::string path_;
  const int lock_fd_;
  Credentials credentials_;
  std::optional<KeyRing> keys_;  // set once loaded
  std::optional<Addresses> last_addresses_;
  bool root_token_replaced_ = false;  // its file was gone
};

/// The process that serves `path`; nothing if none does.
///
/// Errors: `not_found` there is no such data directory; `unavailable` its lock cannot be read.
Result<std::optional<ProcessIdentity>> holder_of(const std::string& path);

}  // namespace troupe::server
