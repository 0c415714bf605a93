#include "bench/support/runner.h"

#include "bench/support/platform.h"

#include <utility>

namespace troupe::bench {

Runner::Runner(client::Connection& connection, std::string queue, std::size_t capacity)
    : connection_(connection), queue_(std::move(queue)), capacity_(capacity), tasks_(*this) {}

kj::Promise<void> Runner::start() {
  return ClaimStream::open(connection_, queue_, "runner",
                           [this](const HeldRun& run) { this->run(run); })
      .then([this](std::unique_ptr<ClaimStream> stream) {
        stream_ = std::move(stream);
        open_window();
      });
}

kj::Promise<void> Runner::completed(std::size_t count) {
  auto paf = kj::newPromiseAndFulfiller<void>();
  goal_ = count;
  reached_ = kj::mv(paf.fulfiller);
  if (done_ >= goal_) reached_->fulfill();
  return kj::mv(paf.promise);
}

void Runner::run(const HeldRun& run) {
  busy_ += 1;
  tasks_.add(stream_->resolve({run}).then([this] { on_reported(); }));
}

void Runner::on_reported() {
  busy_ -= 1;
  done_ += 1;
  open_window();
  if (done_ == goal_) reached_->fulfill();
}

// One call at a time says how much room there is.
void Runner::open_window() {
  window_changed_ = true;
  if (window_asked_) return;
  window_asked_ = true;
  window_changed_ = false;
  tasks_.add(stream_->set_window(capacity_ - busy_).then([this] {
    window_asked_ = false;
    if (window_changed_) open_window();
  }));
}

void Runner::taskFailed(kj::Exception&& exception) {
  fail(exception.getDescription().cStr());
}

}  // namespace troupe::bench
