#include "runtime/rpc/errors.h"
#include "runtime/store/message.h"
#include "schema/rpc/worker.capnp.h"
#include "tests/crash/race_worker.h"

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <utility>

namespace troupe::load {
namespace {

/// One life.
class RpcWorker final : private kj::TaskSet::ErrorHandler {
 public:
  RpcWorker(const Race& race, Habits habits)
      : race_(race),
        habits_(std::move(habits)),
        self_(std::make_shared<RpcWorker*>(this)),
        tasks_(*this) {}
  ~RpcWorker() noexcept { *self_ = nullptr; }

  /// Until its death.
  kj::Promise<void> live() {
    return client::connect(*race_.io.provider, race_.target)
        .then([this](std::unique_ptr<client::Connection> connection) {
          connection_ = std::move(connection);
          return enter();
        });
  }

 private:
  class Sink final : public schema::ClaimSink::Server {
   public:
    explicit Sink(std::shared_ptr<RpcWorker*> worker) : worker_(std::move(worker)) {}
    kj::Promise<void> push(PushContext context) override {
      if (*worker_ == nullptr) return kj::READY_NOW;
      for (const auto offer : context.getParams().getOffers()) (*worker_)->on_offer(offer);
      return kj::READY_NOW;
    }
    kj::Promise<void> revoke(RevokeContext) override { return kj::READY_NOW; }
    kj::Promise<void> displaced(DisplacedContext) override { return kj::READY_NOW; }

   private:
    const std::shared_ptr<RpcWorker*> worker_;
  };

  kj::Promise<void> enter() {
    auto request = connection_->workers().registerRequest();
    auto info = request.initInfo();
    info.setTaskQueueId(text(race_.queue));
    info.setWorkerGroup("race");
    info.setWorkerId(text(habits_.name));
    info.setCapacity(static_cast<std::uint32_t>(habits_.tasks));
    info.setProcess(1);
    request.setSink(kj::heap<Sink>(self_));
    auto dying = kj::newPromiseAndFulfiller<void>();
    dying_ = kj::mv(dying.fulfiller);
    return request.send().then([this, died = kj::mv(dying.promise)](auto answer) mutable {
      registration_ = answer.getRegistration();
      open_window();
      return kj::mv(died);
    });
  }

  void on_offer(schema::ClaimOffer::Reader offer) {
    const std::string task = str(offer.getHeld().getTaskId());
    const auto run = offer.getHeld().getRunId();
    // The slot that has been open for longest.
    const auto asked = asked_.empty() ? 0 : asked_.front();
    if (!asked_.empty()) asked_.pop_front();
    race_.log.line("claimed {} {} {} {} {}", task, run, habits_.name, asked, race_.log.now());
    busy_ += 1;
    claims_ += 1;
    if (dead_) return;
    if (habits_.dies_after > 0 && claims_ >= habits_.dies_after) {
      dead_ = true;
      race_.log.line("died {}", habits_.name);
      dying_->fulfill();
      return;
    }
    tasks_.add(race_.io.provider->getTimer()
                   .afterDelay(habits_.pause)
                   .then([this, claim = offer.getClaim(), task, run]() mutable {
                     return report(kj::mv(claim), task, run);
                   }));
  }

  kj::Promise<void> report(schema::Claim::Client claim,
                           const std::string& task,
                           std::uint32_t run) {
    race_.log.line("reporting {} {} {}", task, run, habits_.name);
    auto request = claim.resolveRequest();
    request.setOutcome(schema::Outcome::COMPLETED);
    return request.send()
        .then([this, task, run](auto&&) { race_.log.line("reported {} {}", task, run); },
              [this, task, run](kj::Exception&& exception) {
                const Error error = error_from(exception);
                if (error.code != Errc::conflict) kj::throwFatalException(kj::mv(exception));
                race_.log.line("refused {} {} {}", task, run, error.detail);
              })
        .then([this] {
          busy_ -= 1;
          open_window();
        });
  }

  // One call at a time says how much room there is.
  void open_window() {
    window_changed_ = true;
    if (window_asked_ || dead_) return;
    window_asked_ = true;
    window_changed_ = false;
    const std::size_t slots = habits_.tasks - std::min(busy_, habits_.tasks);
    while (asked_.size() < slots) asked_.push_back(race_.log.now());
    auto request = registration_.setWindowRequest();
    request.setSlots(static_cast<std::uint32_t>(slots));
    tasks_.add(request.send().ignoreResult().then([this] {
      window_asked_ = false;
      if (window_changed_) open_window();
    }));
  }

  void taskFailed(kj::Exception&& exception) override {
    fmt::print(stderr, "{}: {}\n", habits_.name, exception.getDescription().cStr());
    std::abort();
  }

  const Race& race_;
  const Habits habits_;
  const std::shared_ptr<RpcWorker*> self_;  // empty once this is gone: the server has our sink
  std::unique_ptr<client::Connection> connection_;
  schema::Registration::Client registration_ = nullptr;
  kj::Own<kj::PromiseFulfiller<void>> dying_;
  std::deque<std::int64_t> asked_;  // when each open slot was opened, the oldest first
  std::size_t busy_ = 0;            // claims whose reports are not answered
  std::size_t claims_ = 0;
  bool dead_ = false;
  bool window_asked_ = false;
  bool window_changed_ = false;  // since it was asked for
  kj::TaskSet tasks_;
};

kj::Promise<void> live_on(const Race& race, Habits habits, std::size_t life) {
  auto own = habits;
  if (life > 0) own.name += "-" + std::to_string(life);
  auto worker = kj::heap<RpcWorker>(race, std::move(own));
  auto& living = *worker;
  return living.live()
      .attach(kj::mv(worker))
      .then([&race, habits = std::move(habits), life]() mutable {
        return live_on(race, std::move(habits), life + 1);
      });
}

}  // namespace

kj::Promise<void> race_over_rpc(const Race& race, Habits habits) {
  return live_on(race, std::move(habits), 0);
}

}  // namespace troupe::load
