#include "apps/troupe/worker/artifact_list.h"

#include "apps/troupe/worker/content_type.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <tuple>

namespace troupe::worker {
namespace {

namespace fs = std::filesystem;

constexpr const char* missing = "file-missing-on-worker";
constexpr const char* wrong_kind = "invalid-resource-on-worker";
constexpr const char* unreadable = "file-not-readable-on-worker";

class Lister {
 public:
  Lister(const std::string& task_dir, const std::atomic<bool>& cancelled)
      : task_dir_(task_dir), cancelled_(cancelled) {}

  Status apply(const ArtifactRule& rule) {
    const fs::path path = fs::path(task_dir_) / rule.path;  // an absolute path stays what it is
    std::error_code failure;
    const auto status = fs::status(path, failure);
    if (status.type() == fs::file_type::not_found) {
      add_error(rule, rule.name, {missing, "there is no `" + rule.path + "` in the task's folder"});
    } else if (failure) {
      add_error(rule, rule.name, {unreadable, "`" + rule.path + "`: " + failure.message()});
    } else if (rule.type == ArtifactRule::Type::directory) {
      if (status.type() == fs::file_type::directory) return walk(rule, path);
      add_error(rule, rule.name, {wrong_kind, "`" + rule.path + "` is not a directory"});
    } else if (status.type() == fs::file_type::regular) {
      add_file(rule, rule.name, path);
    } else {
      add_error(rule, rule.name, {wrong_kind, "`" + rule.path + "` is not a file"});
    }
    return Done{};
  }

  std::vector<ArtifactItem> take() {
    const auto key = [](const ArtifactItem& i) {
      return std::tie(i.name, i.path, i.expires, i.content_type, i.reason, i.message);
    };
    std::sort(items_.begin(), items_.end(),
              [key](const auto& a, const auto& b) { return key(a) < key(b); });
    // Overlapping rules may list one file twice; if any of them requires it, it is required.
    std::vector<ArtifactItem> out;
    for (auto& item : items_) {
      if (!out.empty() && key(out.back()) == key(item)) {
        out.back().optional = out.back().optional && item.optional;
      } else {
        out.push_back(std::move(item));
      }
    }
    return out;
  }

 private:
  struct Why {
    const char* reason;
    std::string message;
  };

  void add_error(const ArtifactRule& rule, const std::string& name, const Why& why) {
    items_.push_back({.name = name,
                      .path = "",
                      .expires = rule.expires,
                      .content_type = "",
                      .reason = why.reason,
                      .message = why.message,
                      .link = "",
                      .optional = rule.optional});
  }

  void add_file(const ArtifactRule& rule, const std::string& name, const fs::path& path) {
    if (access(path.c_str(), R_OK) != 0) {
      return add_error(rule, name, {unreadable, "`" + path.string() + "` cannot be read"});
    }
    items_.push_back({.name = name,
                      .path = path.string(),
                      .expires = rule.expires,
                      .content_type = rule.content_type.empty() ? content_type_of(path.string())
                                                                : rule.content_type,
                      .reason = "",
                      .message = "",
                      .link = "",
                      .optional = rule.optional});
  }

  Status walk(const ArtifactRule& rule, const fs::path& top) {
    std::string prefix = rule.name;
    while (prefix.ends_with('/')) prefix.pop_back();
    // A list and not recursion: the depth is the task's choice.
    for (std::vector<fs::path> open{top}; !open.empty();) {
      if (cancelled_) return Error{Errc::unavailable, "cancelled"};
      const fs::path directory = std::move(open.back());
      open.pop_back();
      std::error_code failure;
      fs::directory_iterator entries(directory, failure);
      if (failure) {
        const std::string name = prefix + "/" + fs::relative(directory, top).string();
        add_error(rule, directory == top ? prefix : name, {unreadable, failure.message()});
        continue;
      }
      for (; entries != fs::directory_iterator(); entries.increment(failure)) {
        visit(rule, *entries, prefix + "/" + entries->path().lexically_relative(top).string(),
              open);
        if (items_.size() > artifacts_max) return too_many();
        if (failure) add_error(rule, prefix, {unreadable, failure.message()});
      }
    }
    return Done{};
  }

  void visit(const ArtifactRule& rule,
             const fs::directory_entry& entry,
             const std::string& name,
             std::vector<fs::path>& open) {
    std::error_code failure;
    const auto type = entry.symlink_status(failure).type();
    if (type == fs::file_type::directory) {
      open.push_back(entry.path());
    } else if (type == fs::file_type::regular) {
      add_file(rule, name, entry.path());
    } else if (type == fs::file_type::symlink) {
      visit_link(rule, entry.path(), name);
    } else {
      add_error(rule, name, {wrong_kind, "`" + entry.path().string() + "` is not a file"});
    }
  }

  void visit_link(const ArtifactRule& rule, const fs::path& link, const std::string& name) {
    std::error_code failure;
    const fs::path target = fs::canonical(link, failure);
    if (failure) {
      return add_error(rule, name, {missing, "`" + link.string() + "` is a broken symbolic link"});
    }
    const bool inside = target.string().starts_with(task_dir_ + "/");
    if (!inside || !fs::is_regular_file(target, failure)) {
      return add_error(rule, name,
                       {wrong_kind, "`" + link.string() +
                                        "` is a symbolic link, but not to a file in the task's "
                                        "folder"});
    }
    add_file(rule, name, target);
  }

  static Error too_many() {
    return Error{Errc::too_large,
                 "the task lists more than " + std::to_string(artifacts_max) + " artifacts"};
  }

  const std::string& task_dir_;  // canonical
  const std::atomic<bool>& cancelled_;
  std::vector<ArtifactItem> items_;
};

}  // namespace

Result<std::vector<ArtifactItem>> list_artifacts(const std::string& task_dir,
                                                 const std::vector<ArtifactRule>& rules,
                                                 const std::atomic<bool>& cancelled) {
  Lister lister(task_dir, cancelled);
  for (const auto& rule : rules) {
    auto done = lister.apply(rule);
    if (!done.ok()) return done.error();
  }
  return lister.take();
}

}  // namespace troupe::worker
