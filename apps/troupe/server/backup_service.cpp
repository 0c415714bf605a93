#include "apps/troupe/server/backup_service.h"

#include "apps/troupe/server/call.h"
#include "runtime/process/log.h"
#include "runtime/process/thread_pool.h"

#include <memory>
#include <utility>

namespace troupe::server {
namespace {

constexpr auto progress_period = 1 * kj::SECONDS;

// A snapshot keeps freed pages from reuse: a store that is this full may fill up meanwhile.
bool is_nearly_full(Host& host) {
  const StoreUse use = host.stats().store;
  return use.used_bytes > use.limit_bytes / 10 * 8;
}

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
  auto pace = std::make_shared<BackupPace>(params.getBytesPerSecond(),
                                           [&host = site.host] { return is_nearly_full(host); });
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
