#include "apps/troupe/server/site.h"

#include "apps/troupe/server/worker_session.h"
#include "runtime/base/assert.h"
#include "runtime/process/log.h"

#include <utility>

namespace troupe::server {

Site Site::on_thread(Edge& its_edge, kj::Timer& its_timer) {
  TROUPE_EXPECTS(main == nullptr);
  Site out{clock,    host,           its_edge,          blobs, logs,  disk,    its_timer, tasks,
           root_url, root_client_id, root_access_token, keys,  realm, started, fatal};
  out.data_dir = data_dir;
  out.events = events;
  out.websocktunnel_secret = websocktunnel_secret;
  out.claim_work_timeout = claim_work_timeout;
  out.sightings = sightings;
  out.main = this;
  return out;
}

void Site::on_main(std::function<void(Site& main_site)> work) {
  if (main == nullptr) return work(*this);
  main->edge.post([main_site = main, work = std::move(work)] { work(*main_site); });
}

void Site::recheck_workers(const std::string& client_id) {
  on_main([client_id](Site& main_site) {
    const auto [first, last] = main_site.sessions.equal_range(client_id);
    for (auto entry = first; entry != last; ++entry) {
      const bool out = entry->second->is_revoked();
      log_event(LogLevel::debug, "worker_rechecked", {{"client", client_id}, {"out", out}});
    }
  });
}

}  // namespace troupe::server
