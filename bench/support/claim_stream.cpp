#include "bench/support/claim_stream.h"

#include "bench/support/platform.h"
#include "runtime/store/message.h"

#include <utility>

namespace troupe::bench {

class ClaimStream::Sink final : public schema::ClaimSink::Server {
 public:
  explicit Sink(std::shared_ptr<ClaimStream*> stream) : stream_(std::move(stream)) {}
  kj::Promise<void> push(PushContext context) override {
    if (*stream_ == nullptr) return kj::READY_NOW;  // nobody listens any more
    for (const auto offer : context.getParams().getOffers()) {
      const auto held = offer.getHeld();
      (*stream_)->on_claim({str(held.getTaskId()), held.getRunId(), held.getToken()});
    }
    return kj::READY_NOW;
  }
  kj::Promise<void> revoke(RevokeContext) override { return kj::READY_NOW; }
  kj::Promise<void> displaced(DisplacedContext) override { return kj::READY_NOW; }

 private:
  const std::shared_ptr<ClaimStream*> stream_;
};

ClaimStream::ClaimStream(Listener listener)
    : listener_(std::move(listener)), self_(std::make_shared<ClaimStream*>(this)) {}

ClaimStream::~ClaimStream() {
  *self_ = nullptr;
}

kj::Promise<std::unique_ptr<ClaimStream>> ClaimStream::open(client::Connection& connection,
                                                            const std::string& queue,
                                                            const std::string& worker,
                                                            Listener listener) {
  std::unique_ptr<ClaimStream> stream(new ClaimStream(std::move(listener)));
  auto request = connection.workers().registerRequest();
  auto info = request.initInfo();
  info.setTaskQueueId(text(queue));
  info.setWorkerGroup("bench");
  info.setWorkerId(text(worker));
  info.setCapacity(window_max);
  info.setProcess(1);
  request.setSink(kj::heap<Sink>(stream->self_));
  return request.send().then([stream = std::move(stream)](auto answer) mutable {
    stream->registration_ = answer.getRegistration();
    return std::move(stream);
  });
}

kj::Promise<void> ClaimStream::set_window(std::size_t slots) {
  auto request = registration_.setWindowRequest();
  request.setSlots(static_cast<std::uint32_t>(slots));
  return request.send().ignoreResult();
}

kj::Promise<void> ClaimStream::take(std::size_t count) {
  auto paf = kj::newPromiseAndFulfiller<void>();
  expected_ = count;
  taken_ = kj::mv(paf.fulfiller);
  return set_window(count).then([came = kj::mv(paf.promise)]() mutable { return kj::mv(came); });
}

kj::Promise<void> ClaimStream::resolve(const std::vector<HeldRun>& runs) {
  auto request = registration_.resolveRequest();
  auto reports = request.initReports(static_cast<unsigned>(runs.size()));
  for (unsigned i = 0; i < reports.size(); ++i) {
    auto held = reports[i].initHeld();
    held.setTaskId(text(runs[i].task));
    held.setRunId(runs[i].run);
    held.setToken(runs[i].token);
    reports[i].setOutcome(schema::Outcome::COMPLETED);
  }
  return request.send().then([](auto answer) {
    for (const auto one : answer.getAnswers()) {
      if (one.isError()) fail("a report: " + str(one.getError().getMessage()));
    }
  });
}

void ClaimStream::on_claim(HeldRun run) {
  listener_(std::move(run));
  if (expected_ == 0 || --expected_ > 0) return;
  // What is not answered yet counts as part of the next window: first our answer leaves.
  answered_ = kj::evalLast([this] { taken_->fulfill(); }).eagerlyEvaluate(nullptr);
}

}  // namespace troupe::bench
