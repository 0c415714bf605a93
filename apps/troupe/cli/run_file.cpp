#include "apps/troupe/cli/run_file.h"

#include "apps/troupe/cli/run_git.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <system_error>

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

// Where neither Git nor the platform gives a URL; a definition must name one.
constexpr const char* unknown_source = "http://localhost";

constexpr const char* group_file_name = "troupe.yml";

std::string user_at_host() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  const passwd* user = getpwuid(geteuid());  // NOLINT(concurrency-mt-unsafe): no other thread
  const std::string name = user == nullptr ? std::to_string(geteuid()) : user->pw_name;
  return name + "@" + (host[0] == '\0' ? "localhost" : host.data());
}

std::string config_text(git_config* config, const char* key) {
  git_buf buffer{};
  std::string text;
  if (git_config_get_string_buf(&buffer, config, key) == 0) text = buffer.ptr;
  git_buf_dispose(&buffer);
  return text;
}

// `origin` if there is one, else the first.
std::string remote_url(git_repository* repository) {
  git_remote* remote = nullptr;
  if (git_remote_lookup(&remote, repository, "origin") != 0) {
    git_strarray names{};
    if (git_remote_list(&names, repository) == 0 && names.count > 0) {
      git_remote_lookup(&remote, repository, names.strings[0]);
    }
    git_strarray_dispose(&names);
  }
  if (remote == nullptr) return "";
  const char* url = git_remote_url(remote);
  std::string text = url == nullptr ? "" : url;
  git_remote_free(remote);
  return text;
}

}  // namespace

Result<std::string> find_group_file(const std::string& argument) {
  std::error_code failure;
  if (!argument.empty()) {
    const fs::path path(argument);
    if (!fs::is_directory(path, failure)) return argument;
    const fs::path file = path / group_file_name;
    if (fs::exists(file, failure)) return file.string();
    return Error{Errc::invalid, argument + ": there is no " + group_file_name + " in this folder"};
  }
  const fs::path here = fs::current_path(failure);
  for (fs::path folder = here;; folder = folder.parent_path()) {
    const fs::path file = folder / group_file_name;
    if (fs::exists(file, failure)) {
      return folder == here ? std::string(group_file_name) : file.string();
    }
    if (folder == folder.root_path()) break;
  }
  return Error{Errc::invalid, std::string("no ") + group_file_name + " in " + here.string() +
                                  " or a folder above it; name the file: troupe run FILE"};
}

std::string task_owner(const std::string& directory) {
  const GitLibrary library;
  const GitRepository repository = open_repository(directory);
  git_config* raw = nullptr;
  if (repository) {
    git_repository_config_snapshot(&raw, repository.get());
  } else {
    git_config* live = nullptr;
    if (git_config_open_default(&live) == 0) git_config_snapshot(&raw, live);
    git_config_free(live);
  }
  const GitConfig config(raw);
  const std::string email = config ? config_text(config.get(), "user.email") : "";
  return email.empty() ? user_at_host() : email;
}

std::string task_source(const std::string& directory, const std::string& fallback) {
  const GitLibrary library;
  const GitRepository repository = open_repository(directory);
  const std::string url = repository ? public_source(remote_url(repository.get())) : "";
  if (!url.empty()) return url;
  return public_source(fallback).empty() ? unknown_source : fallback;
}

std::string public_source(std::string_view url) {
  constexpr std::array<std::string_view, 3> schemes = {"https://", "http://", "ssh://"};
  if (url.starts_with("git@")) return std::string(url);
  for (const std::string_view scheme : schemes) {
    if (!url.starts_with(scheme)) continue;
    const std::string_view rest = url.substr(scheme.size());
    const std::string_view authority = rest.substr(0, rest.find('/'));
    const auto at = authority.rfind('@');
    if (at == std::string_view::npos) return std::string(url);
    std::string_view user = authority.substr(0, at);
    // Over ssh the user is part of the address; a password, or a token as user, never is.
    user = scheme == "ssh://" ? user.substr(0, user.find(':')) : std::string_view{};
    std::string clean(scheme);
    if (!user.empty()) clean.append(user).append("@");
    return clean.append(rest.substr(at + 1));
  }
  return "";
}

}  // namespace troupe::cli
