// libgit2's objects, owned.
#pragma once

#include <git2.h>

#include <memory>
#include <string>

namespace troupe::cli {

/// Makes libgit2 usable while it lives. Repositories of other users are read as well: only their
/// index, configuration and file names are, no hook runs.
class GitLibrary {
 public:
  GitLibrary() {
    git_libgit2_init();
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
  }
  ~GitLibrary() { git_libgit2_shutdown(); }
  GitLibrary(const GitLibrary&) = delete;
  GitLibrary& operator=(const GitLibrary&) = delete;
};

template <class T, void (*release)(T*)>
struct GitRelease {
  void operator()(T* object) const { release(object); }
};

using GitRepository =
    std::unique_ptr<git_repository, GitRelease<git_repository, git_repository_free>>;
using GitConfig = std::unique_ptr<git_config, GitRelease<git_config, git_config_free>>;
using GitIndex = std::unique_ptr<git_index, GitRelease<git_index, git_index_free>>;
using GitStatusList =
    std::unique_ptr<git_status_list, GitRelease<git_status_list, git_status_list_free>>;

/// The repository that `directory` lies in; null if there is none.
inline GitRepository open_repository(const std::string& directory) {
  git_repository* repository = nullptr;
  git_repository_open_ext(&repository, directory.c_str(), 0, nullptr);
  return GitRepository(repository);
}

/// What libgit2 said last.
inline std::string git_failure() {
  const git_error* error = git_error_last();
  return error == nullptr || error->message == nullptr ? "unknown error" : error->message;
}

}  // namespace troupe::cli
