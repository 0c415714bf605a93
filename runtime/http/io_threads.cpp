#include "runtime/http/io_threads.h"

#include "runtime/base/assert.h"
#include "runtime/process/log.h"

#include <kj/exception.h>
#include <kj/io.h>
#include <kj/vector.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <exception>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace troupe::http {
namespace {

constexpr auto accept_retry = 1 * kj::SECONDS;
// With a request under way on every connection, how long until it is looked again.
constexpr auto full_pause = 50 * kj::MILLISECONDS;
// After so many newcomers who took another's place there is a pause. So a flood leaves the loop
// time for those who are in, and each newcomer has time to send its request.
constexpr std::size_t newcomers_max = 4;
constexpr auto crowded_pause = 1 * kj::MILLISECONDS;
// A flood is told of now and then, not once for each of its connections.
constexpr auto report_pause = 10 * kj::SECONDS;

using Work = std::function<void(LoopService&, kj::AsyncIoContext&)>;
using Fulfiller = kj::Own<kj::CrossThreadPromiseFulfiller<void>>;

void wake(Fulfiller fulfiller) {
  if (fulfiller.get() != nullptr) fulfiller->fulfill();
}

}  // namespace

/// One thread, and what the others want of it.
class IoThreads::Thread {
 public:
  /// Returns at once; `made` says when the service is there, or what `make` threw.
  Thread(std::size_t index, const MakeLoopService& make, std::promise<void>& made)
      : thread_([this, index, &make, &made] { run(index, make, made); }) {}

  ~Thread() {
    end(Duration{0}, {});
    thread_.join();
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  void post(Work work) {
    Fulfiller sleeper;
    {
      const std::lock_guard lock(mutex_);
      if (over_) return;
      work_.push_back(std::move(work));
      sleeper = kj::mv(wake_);
    }
    wake(kj::mv(sleeper));
  }

  /// Drains for so long, then ends. `ended` is told, if it is given.
  void end(Duration grace, Fulfiller ended) {
    Fulfiller sleeper;
    Fulfiller hurry;
    {
      const std::lock_guard lock(mutex_);
      if (over_) {
        sleeper = kj::mv(ended);  // it has ended by itself
      } else {
        if (ended.get() != nullptr) ended_ = kj::mv(ended);
        sleeper = kj::mv(wake_);
        if (ending_) hurry = kj::mv(hurry_);
        ending_ = true;
        grace_ = grace;
      }
    }
    wake(kj::mv(sleeper));
    wake(kj::mv(hurry));
  }

 private:
  void run(std::size_t index, const MakeLoopService& make, std::promise<void>& made);
  void serve(LoopService& service, kj::AsyncIoContext& io);
  bool run_work(LoopService& service, kj::AsyncIoContext& io);
  void close();

  std::mutex mutex_;  // guards the next
  std::vector<Work> work_;
  bool ending_ = false;
  bool over_ = false;  // nobody looks at the work any more
  Duration grace_{0};
  Fulfiller wake_;   // null while the loop is awake
  Fulfiller hurry_;  // ends the grace
  Fulfiller ended_;

  std::thread thread_;  // last: it uses all above
};

void IoThreads::Thread::run(std::size_t index,
                            const MakeLoopService& make,
                            std::promise<void>& made) {
  auto failure = kj::runCatchingExceptions([&] {
    auto io = kj::setupAsyncIo();
    std::unique_ptr<LoopService> service;
    try {
      service = make(io, index);
    } catch (...) {
      made.set_exception(std::current_exception());
      return;
    }
    made.set_value();
    serve(*service, io);
  });
  close();
  KJ_IF_MAYBE (exception, failure) {
    log_event(LogLevel::error, "http_thread_failed",
              {{"thread", index}, {"error", std::string(exception->getDescription().cStr())}});
  }
}

void IoThreads::Thread::close() {
  Fulfiller ended;
  std::vector<Work> dropped;  // descriptors are closed without the lock
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    dropped.swap(work_);
    ended = kj::mv(ended_);
  }
  wake(kj::mv(ended));
}

// Runs what was posted; false once the thread has to end.
bool IoThreads::Thread::run_work(LoopService& service, kj::AsyncIoContext& io) {
  std::vector<Work> work;
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return false;
    work.swap(work_);
  }
  for (const auto& item : work) {
    auto failure = kj::runCatchingExceptions([&] { item(service, io); });
    KJ_IF_MAYBE (exception, failure) {
      log_event(LogLevel::warning, "http_hand_over_failed",
                {{"error", std::string(exception->getDescription().cStr())}});
    }
  }
  return true;
}

void IoThreads::Thread::serve(LoopService& service, kj::AsyncIoContext& io) {
  while (run_work(service, io)) {
    auto pair = kj::newPromiseAndCrossThreadFulfiller<void>();
    {
      const std::lock_guard lock(mutex_);
      if (!work_.empty() || ending_) continue;
      wake_ = kj::mv(pair.fulfiller);
    }
    pair.promise.wait(io.waitScope);
  }
  auto pair = kj::newPromiseAndCrossThreadFulfiller<void>();
  Duration grace{0};
  {
    const std::lock_guard lock(mutex_);
    grace = grace_;
    hurry_ = kj::mv(pair.fulfiller);
  }
  if (grace <= Duration{0}) return;
  auto late = io.provider->getTimer().afterDelay(grace.count() * kj::MILLISECONDS);
  service.drain()
      .catch_([](kj::Exception&&) {})  // it ends either way
      .exclusiveJoin(kj::mv(late))
      .exclusiveJoin(kj::mv(pair.promise))
      .wait(io.waitScope);
}

std::unique_ptr<IoThreads> IoThreads::start(std::size_t count, const MakeLoopService& make) {
  TROUPE_EXPECTS(count > 0);
  std::vector<std::promise<void>> made(count);
  std::unique_ptr<IoThreads> out(new IoThreads());
  for (std::size_t i = 0; i < count; ++i) {
    out->threads_.push_back(std::make_unique<Thread>(i, make, made[i]));
  }
  // All are waited for before one's failure is told: they use what is here.
  std::vector<std::future<void>> outcomes;
  for (auto& promise : made) outcomes.push_back(promise.get_future());
  for (auto& outcome : outcomes) outcome.wait();
  for (auto& outcome : outcomes) outcome.get();
  return out;
}

IoThreads::~IoThreads() = default;

void IoThreads::hand_over(kj::Own<kj::AsyncIoStream> connection) {
  int copy = -1;
  auto peer = peer_of(*connection);
  KJ_IF_MAYBE (fd, connection->getFd()) {
    copy = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
  }
  if (copy < 0) return;
  // Small writes leave at once: a response's head does not wait for an acknowledgement of its peer.
  const int on = 1;
  setsockopt(copy, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // a socket file has no such delay
  auto owned = std::make_shared<kj::AutoCloseFd>(copy);
  auto& open = *open_;
  ++open;
  auto ticket = std::shared_ptr<void>(nullptr, [open = open_](void*) { --*open; });
  next_ = (next_ + 1) % threads_.size();
  threads_[next_]->post(
      [owned, ticket, peer = std::move(peer)](LoopService& service, kj::AsyncIoContext& io) {
        constexpr auto flags = kj::LowLevelAsyncIoProvider::TAKE_OWNERSHIP |
                               kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC |
                               kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK;
        auto stream = io.lowLevelProvider->wrapSocketFd(owned->release(), flags);
        service.take(stream.attach(kj::heap<std::shared_ptr<void>>(ticket)), peer);
      });
}

kj::Promise<void> IoThreads::admit(kj::Own<kj::AsyncIoStream> connection,
                                   kj::Timer& timer,
                                   std::size_t connections_max) {
  if (connections() < connections_max) {
    hand_over(kj::mv(connection));
    return kj::READY_NOW;
  }
  return make_room(0).then([this, &timer, connections_max, connection = kj::mv(connection)](
                               bool made) mutable -> kj::Promise<void> {
    if (made) {
      // The other one is as good as gone.
      hand_over(kj::mv(connection));
      report_crowd(timer.now());
      if (ended() % newcomers_max == 0) return timer.afterDelay(crowded_pause);
      return kj::READY_NOW;
    }
    return timer.afterDelay(full_pause)
        .then([this, &timer, connections_max, connection = kj::mv(connection)]() mutable {
          return admit(kj::mv(connection), timer, connections_max);
        });
  });
}

// Whether one of the threads has ended a connection; so many of them had none that waits.
kj::Promise<bool> IoThreads::make_room(std::size_t tried) {
  if (tried == threads_.size()) return false;
  auto pair = kj::newPromiseAndCrossThreadFulfiller<bool>();
  using Teller = kj::Own<kj::CrossThreadPromiseFulfiller<bool>>;
  auto teller = std::make_shared<Teller>(kj::mv(pair.fulfiller));
  threads_[(next_ + 1 + tried) % threads_.size()]->post(
      [teller](LoopService& service, kj::AsyncIoContext&) {
        (*teller)->fulfill(service.make_room());
      });
  // A thread that has ended drops its work, and so breaks the promise.
  auto made = pair.promise.catch_([](kj::Exception&&) { return false; });
  return made.then([this, tried](bool done) -> kj::Promise<bool> {
    if (!done) return make_room(tried + 1);
    ++ended_;
    return true;
  });
}

void IoThreads::report_crowd(kj::TimePoint now) {
  if (now < next_report_) return;
  log_event(LogLevel::warning, "http_crowded",
            {{"connections", connections()}, {"ended", ended()}});
  next_report_ = now + report_pause;
}

void IoThreads::run_everywhere(const std::function<void(LoopService&)>& work) {
  for (auto& thread : threads_) {
    thread->post([work](LoopService& service, kj::AsyncIoContext&) { work(service); });
  }
}

kj::Promise<void> IoThreads::drain(Duration grace) {
  kj::Vector<kj::Promise<void>> all;
  for (auto& thread : threads_) {
    auto pair = kj::newPromiseAndCrossThreadFulfiller<void>();
    all.add(kj::mv(pair.promise));
    thread->end(grace, kj::mv(pair.fulfiller));
  }
  return kj::joinPromises(all.releaseAsArray());
}

kj::Promise<void> accept_into(IoThreads& threads,
                              kj::ConnectionReceiver& port,
                              kj::Timer& timer,
                              std::size_t connections_max) {
  return port.accept()
      .then(
          [&threads, &timer, connections_max](kj::Own<kj::AsyncIoStream> connection) {
            return threads.admit(kj::mv(connection), timer, connections_max);
          },
          [&timer](kj::Exception&& exception) -> kj::Promise<void> {
            log_event(LogLevel::warning, "http_accept_failed",
                      {{"error", std::string(exception.getDescription().cStr())}});
            return timer.afterDelay(accept_retry);
          })
      .then([&threads, &port, &timer, connections_max] {
        return accept_into(threads, port, timer, connections_max);
      });
}

}  // namespace troupe::http
