#include "apps/troupe/server/blob_janitor.h"

#include "actors/blobs/messages.h"
#include "apps/troupe/server/blob_adoption.h"
#include "apps/troupe/server/call.h"
#include "apps/troupe/server/log_types.h"
#include "runtime/base/data.h"
#include "runtime/process/log.h"
#include "runtime/process/thread_pool.h"
#include "schema/store/blobs.capnp.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace troupe::server {
namespace {

using kj::Promise;
using M = schema::BlobMessage;
using Names = std::vector<std::string>;  // of blobs: 32 bytes each

constexpr unsigned collectors = 256;
constexpr std::size_t blobs_per_look = 1'000;
constexpr std::size_t suspects_max = 64;
constexpr auto pause = 10 * kj::SECONDS;  // after a failure, and between lines of the log
constexpr auto between_searches = 24 * kj::HOURS;

template <class List>
void fill_names(const Names& names, List list) {
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, data_of(names[i]));
}

/// What became of an offer.
struct Outcome {
  Names removed;
  Names kept;
  std::size_t errors = 0;  // of the kept ones
};

/// What has been removed since it was last told.
struct Tally {
  std::size_t removed = 0;
  std::size_t errors = 0;
  Instant before;  // what was used later was kept
};

class Janitor final : public kj::TaskSet::ErrorHandler {
 public:
  Janitor(Site& site, Duration garbage_delay)
      : site_(site), garbage_delay_(garbage_delay), work_(*this) {}

  Promise<void> run() {
    return adopt_blobs(site_).then([this] {
      for (unsigned i = 0; i < collectors; ++i) watch(blobs::collector_of(name_of(i)));
      return search();
    });
  }

  void taskFailed(kj::Exception&& e) override {
    log_event(LogLevel::error, "blobs_not_settled", {{"detail", error_from(e).detail}});
  }

 private:
  static std::string name_of(unsigned first_byte) {
    std::string name(Sha256{}.size(), '\0');
    name[0] = static_cast<char>(first_byte);
    return name;
  }

  void watch(const ActorId& collector) {
    watched_.push_back(site_.edge.subscribe(collector, build<M>([](M::Builder m) { m.setWatch(); }),
                                            [this, collector](const Result<Bytes>& answer, bool) {
                                              if (!answer.ok()) return watch_later(collector);
                                              if (!answer.value().empty())
                                                take_offer(collector, answer.value());
                                            }));
  }

  void watch_later(const ActorId& collector) {
    work_.add(site_.timer.afterDelay(pause).then([this, collector] { watch(collector); }));
  }

  void take_offer(const ActorId& collector, const Bytes& body) {
    Stored<schema::BlobPush> push(body);
    Names offer;
    for (const auto name : push.get().getGarbage()) offer.push_back(data(name));
    work_.add(work_off(collector, std::move(offer)).catch_([this, collector](kj::Exception&& e) {
      log_event(LogLevel::warning, "blobs_not_settled", {{"detail", error_from(e).detail}});
      watch_later(collector);  // who watches anew is offered the same once more
    }));
  }

  Promise<void> work_off(const ActorId& collector, Names offer) {
    // A backup copies what rows named when it began.
    if (site_.backup_runs) return settle(collector, {.removed = {}, .kept = std::move(offer)});
    const Instant before = site_.now() - garbage_delay_;
    return offload(site_.disk, [&blobs = site_.blobs, offer = std::move(offer),
                                before] { return remove(blobs, offer, before); })
        .then([this, collector, before](const Outcome& outcome) {
          count(outcome, before);
          return settle(collector, outcome);
        });
  }

  // There are many collectors: what they come to within a pause is one line.
  void count(const Outcome& outcome, Instant before) {
    if (outcome.removed.empty() && outcome.errors == 0) return;
    const bool is_first = tally_.removed == 0 && tally_.errors == 0;
    tally_.removed += outcome.removed.size();
    tally_.errors += outcome.errors;
    tally_.before = before;
    if (is_first) work_.add(site_.timer.afterDelay(pause).then([this] { tell(); }));
  }

  void tell() {
    const Tally told = std::exchange(tally_, {});
    log_typed("expired_artifacts_removed", {{"count", told.removed},
                                            {"expires", format_time(told.before)},
                                            {"errors_count", told.errors}});
  }

  static Outcome remove(BlobStore& blobs, const Names& offer, Instant before) {
    Outcome outcome;
    for (const std::string& name : offer) {
      const auto hash = sha256_of(as_bytes(name));
      // What is no hash, as a damaged row may say, names no file.
      const auto removed = hash ? blobs.remove_unused(*hash, before) : Result<bool>(true);
      if (!removed.ok()) {
        outcome.errors += 1;
        log_event(LogLevel::warning, "blob_not_removed",
                  {{"blob", to_hex(as_bytes(name))}, {"error", removed.error().detail}});
      }
      const bool gone = removed.ok() && removed.value();
      (gone ? outcome.removed : outcome.kept).push_back(name);
    }
    return outcome;
  }

  Promise<void> settle(const ActorId& collector, const Outcome& outcome) {
    return ask(site_, collector, build<M>([&outcome](M::Builder m) {
                 auto out = m.initSettle();
                 fill_names(outcome.removed,
                            out.initRemoved(static_cast<unsigned>(outcome.removed.size())));
                 fill_names(outcome.kept, out.initKept(static_cast<unsigned>(outcome.kept.size())));
               }))
        .ignoreResult();
  }

  // Blobs without a row of their collector: it is told, and sees whether anybody uses them.
  Promise<void> search() {
    return offload(site_.disk, [&blobs = site_.blobs] { return list(blobs); })
        .then([this](Names all) { return suspect_from(std::move(all)); })
        .then([this] { return site_.timer.afterDelay(between_searches); })
        .then([this] { return search(); });
  }

  static Names list(const BlobStore& blobs) {
    Names all;
    take(blobs.list([&all](const Sha256& hash, std::uint64_t) {
      all.emplace_back(reinterpret_cast<const char*>(hash.data()), hash.size());
    }));
    return all;
  }

  // The last ones first: they are taken away.
  Promise<void> suspect_from(Names all) {
    if (all.empty()) return kj::READY_NOW;
    const auto count = std::min(all.size(), blobs_per_look);
    const auto first = all.end() - static_cast<std::ptrdiff_t>(count);
    Names some(first, all.end());
    all.erase(first, all.end());
    return offload(site_.disk,
                   [&host = site_.host, some = std::move(some)] { return unknown_of(host, some); })
        .then([this](const std::map<ActorId, Names>& unknown) { return suspect(unknown); })
        .then([this, all = std::move(all)]() mutable { return suspect_from(std::move(all)); });
  }

  static std::map<ActorId, Names> unknown_of(Host& host, const Names& some) {
    std::map<ActorId, Names> unknown;
    const auto snapshot = host.snapshot();
    for (const std::string& name : some) {
      const bool known = collector_has(*snapshot, tables::blob_references, name) ||
                         collector_has(*snapshot, tables::blob_garbage, name);
      if (!known) unknown[blobs::collector_of(name)].push_back(name);
    }
    return unknown;
  }

  Promise<void> suspect(const std::map<ActorId, Names>& unknown) {
    kj::Vector<Promise<void>> told;
    for (const auto& [collector, names] : unknown) {
      for (std::size_t at = 0; at < names.size(); at += suspects_max) {
        const auto end = std::min(names.size(), at + suspects_max);
        const Names slice(names.begin() + static_cast<std::ptrdiff_t>(at),
                          names.begin() + static_cast<std::ptrdiff_t>(end));
        told.add(ask(site_, collector, build<M>([&slice](M::Builder m) {
                       fill_names(slice, m.initSuspect(static_cast<unsigned>(slice.size())));
                     }))
                     .ignoreResult());
      }
    }
    return kj::joinPromises(told.releaseAsArray());
  }

  Site& site_;
  const Duration garbage_delay_;
  Tally tally_;
  std::vector<std::unique_ptr<Edge::Subscription>> watched_;
  kj::TaskSet work_;
};

}  // namespace

kj::Promise<void> remove_unused_blobs(Site& site, Duration garbage_delay) {
  auto janitor = kj::heap<Janitor>(site, garbage_delay);
  auto& j = *janitor;
  return j.run().attach(kj::mv(janitor)).catch_([&site, garbage_delay](kj::Exception&& e) {
    log_event(LogLevel::warning, "blobs_not_removed", {{"detail", error_from(e).detail}});
    return site.timer.afterDelay(pause).then(
        [&site, garbage_delay] { return remove_unused_blobs(site, garbage_delay); });
  });
}

}  // namespace troupe::server
