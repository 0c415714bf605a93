#include "apps/troupe/server/backup_service.h"

#include "apps/troupe/server/call.h"
#include "runtime/process/log.h"
#include "runtime/process/thread_pool.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace troupe::server {
namespace {

constexpr auto progress_period = 1 * kj::SECONDS;

kj::Promise<void> report(Site& site,
                         std::shared_ptr<BackupPace> pace,
                         schema::BackupObserver::Client observer) {
  return site.timer.afterDelay(progress_period)
      .then([pace, observer]() mutable {
        auto request = observer.progressRequest();
        fill_counts(pace->totals(), request.initCounts());
        return request.send().ignoreResult();
      })
      .then([&site, pace, observer]() mutable {
        return report(site, std::move(pace), kj::mv(observer));
      });
}

}  // namespace

// A snapshot keeps freed pages from reuse: a file that grows has no other pages left.
std::function<bool()> watch_room(Host& host) {
  std::vector<std::uint64_t> file_bytes;
  for (const auto& use : host.stats().shard_stores) file_bytes.push_back(use.file_bytes);
  return [&host, file_bytes = std::move(file_bytes)] {
    const auto stores = host.stats().shard_stores;
    for (std::size_t shard = 0; shard < stores.size(); ++shard) {
      const StoreUse& use = stores[shard];
      const bool grows = use.file_bytes > file_bytes.at(shard);
      const auto taken = grows ? std::max(use.used_bytes, use.file_bytes) : use.used_bytes;
      if (taken > use.limit_bytes / 10 * 8) return true;
    }
    return false;
  };
}

void fill_counts(const BackupTotals& totals, schema::BackupCounts::Builder out) {
  out.setRows(totals.rows);
  out.setRowBytes(totals.row_bytes);
  out.setLogs(totals.logs);
  out.setFiles(totals.files);
  out.setBlobs(totals.blobs);
  out.setBlobsCopied(totals.blobs_copied);
  out.setBytesCopied(totals.bytes_copied);
}

kj::Promise<void> serve_backup(Site& site, const std::string& caller, BackupCall context) {
  const auto params = context.getParams();
  const std::string out = str(params.getPath());
  if (!out.starts_with('/')) {
    throw_error({Errc::invalid, "name the folder of a backup by its whole path, not " + out});
  }
  if (site.backup_runs) throw_error({Errc::conflict, "another backup is being made"});
  auto pace = std::make_shared<BackupPace>(params.getBytesPerSecond(), watch_room(site.host));
  BackupOptions options{out, params.getBlobs(), site.now()};
  BackupSource source{site.data_dir, site.blobs, site.logs,
                      [&host = site.host] { return host.cut(); }};
  log_event(LogLevel::info, "backup_started", {{"client", caller}, {"path", out}});
  site.backup_runs = true;
  auto copied =
      offload(site.disk, [pace, source = std::move(source), options = std::move(options)] {
        return run_backup(source, options, *pace);
      });
  auto told = report(site, pace, params.getObserver()).then([]() -> Status { return Done{}; });
  return copied.exclusiveJoin(kj::mv(told))
      .then([context, pace, caller, out](Status outcome) mutable {
        if (!outcome.ok()) {
          log_event(LogLevel::warning, "backup_failed",
                    {{"client", caller}, {"path", out}, {"detail", outcome.error().detail}});
          throw_error(outcome.error());
        }
        const BackupTotals totals = pace->totals();
        log_event(LogLevel::info, "backup_done",
                  {{"client", caller}, {"path", out}, {"rows", totals.rows}});
        fill_counts(totals, context.getResults().initCounts());
      })
      .attach(kj::defer([&site, pace] {
        pace->stop();
        site.backup_runs = false;
      }));
}

}  // namespace troupe::server
