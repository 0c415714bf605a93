#include "apps/troupe/cli/worker_views.h"

#include "apps/troupe/cli/figures.h"
#include "apps/troupe/cli/listing.h"
#include "apps/troupe/group_file/group_file.h"
#include "runtime/clock/clock.h"
#include "runtime/transcode/json.h"

#include <string_view>

namespace troupe::cli {

void print_workers(capnp::List<schema::WorkerSummary>::Reader workers,
                   bool json,
                   bool uploads,
                   const std::string& none) {
  const Instant now = wall_now();
  Listing listing(json, "workers",
                  {"QUEUE", "WORKER", "STATE", "BUSY", "ACTIVE", "VERSION", "HOST", "WHY"});
  for (const auto worker : workers) {
    // Programs that upload files are workers for as long as that takes: not what people look for.
    const std::string_view queue = worker.getTaskQueueId().cStr();
    if (!uploads && queue == group_file::upload_queue) continue;
    listing.add(
        [&worker] { return to_json(worker); },
        [&worker, now] {
          const bool here = worker.getConnected();
          const bool pauses = worker.getPause().size() > 0;
          const char* state = pauses ? "paused" : here ? "connected" : "away";
          return std::vector<Cell>{
              worker.getTaskQueueId().cStr(),
              std::string(worker.getWorkerGroup().cStr()) + "/" + worker.getWorkerId().cStr(),
              Cell(state, here && !pauses ? Colour::green : Colour::yellow),
              std::to_string(worker.getClaims().size()) + "/" +
                  std::to_string(worker.getCapacity()),
              relative_time(Instant{worker.getLastDateActive()}, now),
              worker.getVersion().cStr(),
              worker.getHost().cStr(),
              pauses ? worker.getPause().cStr() : "-"};
        });
  }
  listing.print(none);
}

}  // namespace troupe::cli
