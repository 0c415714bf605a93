#include "tests/crash/load_worker.h"

#include "runtime/rpc/errors.h"

#include <kj/debug.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <utility>

namespace troupe::load {
namespace {

constexpr kj::Duration pause_if_busy = 50 * kj::MILLISECONDS;
constexpr std::uint64_t process_number = 1;

std::string words(const std::tuple<std::string, std::uint32_t, std::uint64_t>& key) {
  return fmt::format("{} {} {}", std::get<0>(key), std::get<1>(key), std::get<2>(key));
}

// The script: the same for a run whoever asks, and whenever.
std::uint64_t dice(const std::string& task, std::uint32_t run) {
  return std::hash<std::string>()(task + std::to_string(run));
}

struct Report {
  schema::Outcome outcome;
  schema::ReasonResolved reason;
};

Report report_of(std::uint64_t number) {
  using schema::Outcome;
  using schema::ReasonResolved;
  const std::uint64_t percent = number % 100;
  if (percent < 80) return {Outcome::COMPLETED, ReasonResolved::NONE};
  if (percent < 88) return {Outcome::FAILED, ReasonResolved::NONE};
  if (percent < 94) return {Outcome::EXCEPTION, ReasonResolved::MALFORMED_PAYLOAD};
  return {Outcome::EXCEPTION, ReasonResolved::WORKER_SHUTDOWN};
}

}  // namespace

class Worker::Sink final : public schema::ClaimSink::Server {
 public:
  explicit Sink(Worker& worker) : worker_(worker) {}
  kj::Promise<void> push(PushContext context) override {
    for (const auto offer : context.getParams().getOffers()) worker_.on_offer(offer);
    worker_.open_window();
    return kj::READY_NOW;
  }
  kj::Promise<void> revoke(RevokeContext context) override {
    worker_.on_gone(context.getParams().getHeld());
    return kj::READY_NOW;
  }
  kj::Promise<void> displaced(DisplacedContext) override {
    fmt::print(stderr, "{}: displaced\n", worker_.own_.name);
    std::abort();
  }

 private:
  Worker& worker_;
};

Worker::Worker(kj::AsyncIoContext& io,
               const client::Target& target,
               Ledger& ledger,
               WorkerOptions own)
    : ledger_(ledger), own_(std::move(own)), server_(io, target), tasks_(*this) {
  server_.on_loss([](const std::string&) {});
}

void Worker::start() {
  tasks_.add(serve());
}

// One connection after the other, for ever.
kj::Promise<void> Worker::serve() {
  auto lost = std::make_shared<kj::Promise<void>>(kj::NEVER_DONE);
  return server_
      .call([this, lost](client::Connection& connection) {
        *lost = connection.on_disconnect();
        return register_at(connection);
      })
      .then([lost] { return kj::mv(*lost); })
      .catch_([](kj::Exception&& exception) {
        if (!is_retryable(error_from(exception).code)) {
          kj::throwFatalException(kj::mv(exception));
        }
      })
      .then([this] {
        registration_ = nullptr;
        window_asked_ = false;
        return serve();
      });
}

kj::Promise<void> Worker::register_at(client::Connection& connection) {
  auto request = connection.workers().registerRequest();
  auto info = request.initInfo();
  info.setTaskQueueId(own_.queue);
  info.setWorkerGroup("load");
  info.setWorkerId(own_.name);
  info.setCapacity(own_.capacity);
  info.setHost("load");
  info.setVersion("load");
  info.setProcess(process_number);
  auto held = request.initHeld(static_cast<unsigned>(runs_.size()));
  unsigned index = 0;
  for (const auto& [key, run] : runs_) {
    auto entry = held[index++];
    entry.setTaskId(std::get<0>(key));
    entry.setRunId(std::get<1>(key));
    entry.setToken(std::get<2>(key));
  }
  request.setSink(kj::heap<Sink>(*this));
  generation_ += 1;
  return request.send().then([this](auto&& answer) { on_registered(answer); });
}

void Worker::on_registered(schema::WorkerService::RegisterResults::Reader answer) {
  registration_ = answer.getRegistration();
  for (const auto lost : answer.getLost()) on_gone(lost);
  for (const auto offer : answer.getKept()) on_offer(offer);
  window_asked_ = false;
  open_window();
}

void Worker::on_offer(schema::ClaimOffer::Reader offer) {
  const auto held = offer.getHeld();
  const Key key{held.getTaskId().cStr(), held.getRunId(), held.getToken()};
  const auto [found, fresh] = runs_.try_emplace(key);
  if (fresh) ledger_.line("claim {} {}", words(key), own_.name);
  Run& run = found->second;
  if (run.generation == generation_) return;
  run.claim = offer.getClaim();
  run.generation = generation_;
  run.asking = false;
  advance(key);
}

void Worker::on_gone(schema::HeldClaim::Reader held) {
  const Key key{held.getTaskId().cStr(), held.getRunId(), held.getToken()};
  const auto found = runs_.find(key);
  if (found == runs_.end()) return;
  if (found->second.number != 0) {
    ledger_.refused(found->second.number, "report " + std::get<0>(key),
                    exception_from(Error{Errc::conflict, "the claim is gone"}));
  }
  end(key);
}

void Worker::advance(const Key& key) {
  Run& run = runs_.at(key);
  if (run.asking || run.claim == nullptr) return;
  run.asking = true;
  const auto generation = run.generation;
  tasks_.add(ask(key, run).catch_([this, key, generation](kj::Exception&& exception) {
    on_failure(key, generation, exception);
  }));
}

kj::Promise<void> Worker::ask(const Key& key, Run& run) {
  const std::uint64_t number = dice(std::get<0>(key), std::get<1>(key));
  switch (run.step) {
    case Step::wait: {
      // One in eight takes its time, so that a kill finds runs that nobody asks about.
      const auto time = (number % 8 == 0 ? number / 8 % 400 : 0) * kj::MILLISECONDS;
      return server_.timer().afterDelay(time).then(
          [this, key, generation = run.generation, reclaims = number / 64 % 3 == 0] {
            if (Run* waited = find(key, generation)) {
              waited->step = reclaims ? Step::reclaim : Step::resolve;
              advance(key);
            }
          });
    }
    case Step::reclaim: return ask_reclaim(key, run);
    case Step::resolve: return ask_resolve(key, run);
  }
  KJ_UNREACHABLE;
}

void Worker::note_sent(Run& run, const std::string& command) {
  if (run.number != 0) return ledger_.sent_again(run.number);
  run.number = ledger_.sent(command);
}

kj::Promise<void> Worker::ask_reclaim(const Key& key, Run& run) {
  note_sent(run, "reclaim " + words(key));
  return KJ_ASSERT_NONNULL(run.claim).reclaimRequest().send().then(
      [this, key, generation = run.generation](auto&& answer) {
        Run* renewed = find(key, generation);
        if (renewed == nullptr) return;
        ledger_.acknowledged(renewed->number,
                             fmt::format("reclaim {} {} {}", std::get<0>(key), std::get<1>(key),
                                         answer.getTakenUntil()));
        renewed->number = 0;
        renewed->step = Step::resolve;
        advance(key);
      });
}

kj::Promise<void> Worker::ask_resolve(const Key& key, Run& run) {
  const auto [outcome, reason] = report_of(dice(std::get<0>(key), std::get<1>(key)));
  note_sent(run, fmt::format("report {} {} {}", words(key), static_cast<unsigned>(outcome),
                             static_cast<unsigned>(reason)));
  auto request = KJ_ASSERT_NONNULL(run.claim).resolveRequest();
  request.setOutcome(outcome);
  request.setReason(reason);
  return request.send().then([this, key, generation = run.generation](auto&& answer) {
    Run* ended = find(key, generation);
    if (ended == nullptr) return;
    ledger_.acknowledged(ended->number, "report " + words_of(answer.getStatus()));
    ledger_.gauge().resolved += 1;
    end(key);
  });
}

void Worker::on_failure(const Key& key, std::uint64_t generation, const kj::Exception& exception) {
  Run* run = find(key, generation);
  if (run == nullptr) return;
  ledger_.note_busy(exception);
  const Error error = error_from(exception);
  if (exception.getType() == kj::Exception::Type::DISCONNECTED) {
    run->claim = nullptr;  // the next registration brings another
  } else if (is_retryable(error.code)) {
    tasks_.add(server_.timer().afterDelay(pause_if_busy).then([this, key, generation] {
      if (find(key, generation) != nullptr) advance(key);
    }));
  } else {
    ledger_.refused(run->number, "report " + std::get<0>(key), exception);
    end(key);
  }
}

// The run, still under that claim; its answer has come.
Worker::Run* Worker::find(const Key& key, std::uint64_t generation) {
  const auto found = runs_.find(key);
  if (found == runs_.end() || found->second.generation != generation) return nullptr;
  found->second.asking = false;
  return &found->second;
}

void Worker::end(const Key& key) {
  runs_.erase(key);
  open_window();
}

// One call at a time says how much room there is.
void Worker::open_window() {
  window_changed_ = true;
  if (window_asked_) return;
  KJ_IF_MAYBE (registration, registration_) {
    window_asked_ = true;
    window_changed_ = false;
    auto request = registration->setWindowRequest();
    const auto busy = std::min<std::size_t>(runs_.size(), own_.capacity);
    request.setSlots(own_.capacity - static_cast<std::uint32_t>(busy));
    tasks_.add(request.send().ignoreResult().then(
        [this, generation = generation_] {
          if (generation != generation_) return;
          window_asked_ = false;
          if (window_changed_) open_window();
        },
        [](kj::Exception&&) {}));  // the next registration says it again
  }
}

void Worker::taskFailed(kj::Exception&& exception) {
  fmt::print(stderr, "{}: {}\n", own_.name, exception.getDescription().cStr());
  std::abort();
}

}  // namespace troupe::load
