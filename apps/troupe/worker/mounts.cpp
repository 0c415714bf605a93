#include "apps/troupe/worker/mounts.h"

#include "apps/troupe/worker/archive.h"
#include "apps/troupe/worker/cache_pool.h"
#include "apps/troupe/worker/download.h"
#include "runtime/base/counted.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace troupe::worker {
namespace {

// Where a cache goes: its parent, open, and its name there.
struct Place {
  Fd parent;
  std::string name;
};

Result<Place> find_place(int root, const std::string& path) {
  auto where = split_path(path);
  if (path.starts_with('/')) return Error{Errc::invalid, path + ": an absolute path"};
  if (where.name.empty() || where.name == "." || where.name == "..") {
    return Error{Errc::invalid, path + ": not the name of a directory"};
  }
  auto parent = open_directory_below(root, where.parent);
  if (!parent.ok()) return parent.error();
  return Place{std::move(parent).value(), std::move(where.name)};
}

Status check_content(const DownloadCache::Pin& pin, const Cancel& cancel) {
  const auto hash = hash_file(pin.path, *cancel);
  if (!hash.ok()) return hash.error();
  if (hash.value().sha256 != pin.sha256)
    return Error{Errc::corrupt, "the kept download was changed"};
  return Done{};
}

}  // namespace

void Mounts::info(const std::string& text) {
  parts_.log.info("[mounts] " + text);
}

kj::Promise<std::optional<Verdict>> Mounts::mount_all() {
  return mount_from(0);
}

kj::Promise<std::optional<Verdict>> Mounts::mount_from(std::size_t index) {
  using Answer = std::optional<Verdict>;
  if (index == parts_.mounts.size() || parts_.stop.requested()) return Answer{};
  const Mount& next = parts_.mounts[index];
  return mount(next).then([this, index, &next](Status done) -> kj::Promise<Answer> {
    if (done.ok()) return mount_from(index + 1);
    return Answer{Verdict::failed(
        fmt::format("[mounts] mount {} at `{}`: {}", index, next.path, done.error().detail))};
  });
}

kj::Promise<Status> Mounts::mount(const Mount& mount) {
  if (mount.kind == Mount::Kind::cache) return mount_cache(mount);
  return fill(mount);
}

kj::Promise<Status> Mounts::mount_cache(const Mount& mount) {
  auto place = find_place(parts_.root->get(), mount.path);
  if (!place.ok()) return Status(place.error());
  const auto& [parent, name] = place.value();
  // An empty directory may stand there, made on the way by another mount.
  if (unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return Status(errno_error("the cache's place is taken"));
  }
  auto taken = parts_.shop.caches.take(mount.cache_name, parent.get(), name);
  if (!taken.ok()) return Status(taken.error());
  if (!taken.value() && mkdirat(parent.get(), name.c_str(), 0777) != 0) {
    return Status(errno_error(mount.path));
  }
  caches_.push_back(&mount);
  info(fmt::format("Writable cache `{}` at `{}`: {}", mount.cache_name, mount.path,
                   taken.value() ? "as an earlier task left it" : "new"));
  if (taken.value() || std::holds_alternative<std::monostate>(mount.content)) {
    return Status(Done{});
  }
  return fill(mount);
}

kj::Promise<Status> Mounts::fill(const Mount& mount) {
  if (const auto* content = std::get_if<InlineContent>(&mount.content)) {
    return fill_inline(mount, *content);
  }
  return fill_artifact(mount, std::get<ArtifactContent>(mount.content));
}

kj::Promise<Status> Mounts::fill_inline(const Mount& mount, const InlineContent& content) {
  if (mount.packing == Packing::none) {
    info(fmt::format("Writing `{}` ({})", mount.path, counted(content.bytes.size(), "byte")));
    return write_file_below(parts_.root->get(), mount.path, content.bytes);
  }
  const std::string source = parts_.shop.downloads.temporary_path();
  const Fd fd(open(source.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return Status(errno_error(source));
  auto written = append(fd.get(), content.bytes);
  if (!written.ok()) return written;
  return unpack_later(mount, source).attach(kj::defer([source] { unlink(source.c_str()); }));
}

kj::Promise<Status> Mounts::fill_artifact(const Mount& mount, const ArtifactContent& content) {
  using Outcome = Result<DownloadCache::Pin>;
  info(fmt::format("Fetching artifact `{}` of task {}", content.name, content.task_id));
  auto stopped = parts_.stop.wait().then([] {
    return Outcome(Error{Errc::unavailable, "the run was stopped"});
  });
  return download(parts_.shop, parts_.slot, content)
      .exclusiveJoin(kj::mv(stopped))
      .then([this, &mount, &content](Outcome outcome) -> kj::Promise<Status> {
        if (!outcome.ok()) {
          return Status(
              Error{outcome.error().code, fmt::format("artifact `{}` of task {}: {}", content.name,
                                                      content.task_id, outcome.error().detail)});
        }
        return place(mount, std::move(outcome).value());
      });
}

kj::Promise<Status> Mounts::place(const Mount& mount, DownloadCache::Pin pin) {
  info(fmt::format("{} {} bytes, SHA-256 {}", pin.fresh ? "Fetched" : "Already here:", pin.size,
                   to_hex(pin.sha256)));
  if (pin.fresh) {
    auto done = unpack_later(mount, pin.path);
    return done.attach(kj::mv(pin));
  }
  // A task can reach the kept files, so they are hashed again before another one gets them.
  auto job = [pin, cancel = parts_.stop.flag()] { return check_content(pin, cancel); };
  return offload(parts_.shop.pool, job)
      .then([this, &mount, pin](Status checked) -> kj::Promise<Status> {
        if (checked.ok()) {
          auto done = unpack_later(mount, pin.path);
          return done.attach(pin);
        }
        if (checked.error().code != Errc::corrupt) return checked;
        parts_.shop.downloads.drop(pin.sha256);
        return fill_artifact(mount, std::get<ArtifactContent>(mount.content));
      });
}

kj::Promise<Status> Mounts::unpack_later(const Mount& mount, std::string source) {
  info(fmt::format("{} `{}`", mount.packing == Packing::none ? "Copying to" : "Unpacking to",
                   mount.path));
  UnpackJob job{.source = std::move(source),
                .root = parts_.root->get(),
                .destination = mount.path,
                .packing = mount.packing};
  return offload(parts_.shop.pool, [job, root = parts_.root, cancel = parts_.stop.flag()] {
    return unpack(job, *cancel);
  });
}

void Mounts::remove_later(const std::string& path) {
  auto removed = offload(parts_.shop.pool, [path] { return remove_tree(path); });
  // A cache that cannot be deleted costs disk space only; the pool no longer knows it until a
  // restart.
  removed.ignoreResult().detach([](kj::Exception&&) {});
}

void Mounts::give_back(bool keep) {
  // The last mount may lie inside an earlier one.
  for (; !caches_.empty(); caches_.pop_back()) {
    const Mount& mount = *caches_.back();
    if (!keep) {
      info(fmt::format("Writable cache `{}` is discarded", mount.cache_name));
      continue;
    }
    auto place = find_place(parts_.root->get(), mount.path);
    auto surplus = place.ok()
                       ? parts_.shop.caches.give_back(mount.cache_name, place.value().parent.get(),
                                                      place.value().name)
                       : place.error();
    if (!surplus.ok()) {
      parts_.log.warn(fmt::format("[mounts] Writable cache `{}` is lost: {}", mount.cache_name,
                                  surplus.error().detail));
      continue;
    }
    info(fmt::format("Writable cache `{}` is kept for later tasks", mount.cache_name));
    for (const auto& path : surplus.value()) remove_later(path);
  }
}

}  // namespace troupe::worker
