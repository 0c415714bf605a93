#include "apps/troupe/server/reseal.h"

#include "actors/auth/queries.h"
#include "apps/troupe/server/call.h"
#include "runtime/process/log.h"
#include "schema/store/auth.capnp.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::server {
namespace {

constexpr std::size_t page_clients = 200;

struct Resealing {
  std::vector<auth::ClientState> page;  // those that need it, the last first
  std::string after;                    // where the next page begins; empty: there is none
  std::size_t done = 0;
  std::size_t unreadable = 0;
};

void read_next(Site& site, Resealing& work, bool first) {
  if (work.after.empty() && !first) return;
  std::string next;
  const auto found =
      auth::list_clients(*site.host.snapshot(), "", read_page(page_clients, work.after), next);
  work.after = next;
  for (const auto& client : found) {
    if (site.keys.needs_reseal(client.access_token)) work.page.push_back(client);
  }
}

kj::Promise<void> reseal_one(Site& site, Resealing& work) {
  const auth::ClientState client = std::move(work.page.back());
  work.page.pop_back();
  const auto sealed = site.keys.reseal(client.access_token, client.client_id);
  if (!sealed.ok()) {
    log_event(LogLevel::error, "token_unreadable",
              {{"client", client.client_id}, {"detail", sealed.error().detail}});
    work.unreadable += 1;
    return kj::READY_NOW;
  }
  auto message = build<schema::ClientMessage>([&](schema::ClientMessage::Builder m) {
    auto fields = m.initReseal();
    fields.setVersion(client.version);
    fields.setAccessToken(data_of(sealed.value()));
  });
  work.done += 1;
  return ask(site, client_id(client.client_id), std::move(message)).ignoreResult();
}

kj::Promise<void> go_on(Site& site, const std::shared_ptr<Resealing>& work) {
  while (work->page.empty() && !work->after.empty()) read_next(site, *work, false);
  if (work->page.empty()) {
    if (work->done + work->unreadable > 0) {
      log_event(LogLevel::info, "tokens_resealed",
                {{"key", site.keys.current_id()},
                 {"clients", work->done},
                 {"unreadable", work->unreadable}});
    }
    return kj::READY_NOW;
  }
  return reseal_one(site, *work).then([&site, work] { return go_on(site, work); });
}

}  // namespace

kj::Promise<void> reseal_tokens(Site& site) {
  auto work = std::make_shared<Resealing>();
  read_next(site, *work, true);
  return go_on(site, work);
}

}  // namespace troupe::server
