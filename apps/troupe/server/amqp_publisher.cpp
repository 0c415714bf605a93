#include "apps/troupe/server/amqp_publisher.h"

#include "actors/kinds.h"
#include "actors/subscription/subscription_actor.h"
#include "apps/troupe/server/metric_types.h"
#include "runtime/base/assert.h"
#include "runtime/clock/stopwatch.h"
#include "runtime/process/log.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

namespace troupe::server {
namespace {

constexpr Duration first_pause{250};
constexpr Duration longest_pause{15'000};
// A broker that confirms nothing for so long is given up.
constexpr Duration settle_time_max{60'000};
constexpr Duration settle_look{500};
// What a queue refuses is sent again so often, each time after twice the pause: 8 s in all. After
// that its next refusals are final, until a whole page is taken at once: all that have taken a
// message get it anew with each repeat, and wait meanwhile.
constexpr int repeats_max = 5;
// Heartbeats are answered when somebody looks.
constexpr Duration quiet_time_max{5'000};
// So often the position is written: what came after it is sent again after a crash.
constexpr Duration advance_pause{1'000};

bool has_passed(const Stopwatch& since, Duration time) {
  return since.seconds() * 1'000 >= static_cast<double>(time.count());
}

/// Wakes a thread that polls. From any thread.
class Bell {
 public:
  Bell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { TROUPE_INVARIANT(fd_ >= 0); }
  ~Bell() { ::close(fd_); }
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  void ring() const {
    if (::eventfd_write(fd_, 1) != 0) return;  // it rings already
  }
  /// Waits until it rings, or `other` (-1: none) can be read, or so long.
  void wait(int other, Duration time) const {
    std::array<pollfd, 2> fds{{{fd_, POLLIN, 0}, {other, POLLIN, 0}}};
    ::poll(fds.data(), other < 0 ? 1 : 2, static_cast<int>(time.count()));
    eventfd_t rung = 0;
    if (::eventfd_read(fd_, &rung) != 0) return;  // it was the other, or nobody
  }

 private:
  const int fd_;
};

using Entries = std::vector<const EventEntry*>;

class Publisher final : public AmqpPublisher {
 public:
  Publisher(Host& host, EventFeed& events, metrics::Registry& registry, PublisherOptions options)
      : host_(host), events_(events), options_(std::move(options)), position_(options_.begin) {
    figures_ = registry.add_collector([this](metrics::Samples& samples) { collect(samples); });
    watch_ = host_.watch_events([this] { bell_.ring(); });
    thread_ = std::thread([this] { run(); });
  }

  ~Publisher() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      if (connection_) connection_->interrupt();
    }
    bell_.ring();
    thread_.join();
    host_.unwatch_events(watch_);
  }

 private:
  void run();
  Result<std::shared_ptr<amqp::Connection>> connect();
  Error serve(amqp::Connection& connection);
  Result<EventPage> next_page();
  Status deliver(amqp::Connection& connection, const std::vector<EventEntry>& events);
  Result<Entries> publish(amqp::Connection& connection, const Entries& entries);
  Status send(amqp::Connection& connection, const EventEntry& entry);
  Status await_word(amqp::Connection& connection);
  void give_up(const Entries& refused);
  void rest(Duration time) const;
  void move_to(EventPosition position);
  void advance();
  void hold(std::shared_ptr<amqp::Connection> connection);
  void collect(metrics::Samples& samples);

  Host& host_;
  EventFeed& events_;
  const PublisherOptions options_;
  const Bell bell_;
  std::unique_ptr<metrics::CollectorRegistration> figures_;
  std::uint64_t watch_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> is_connected_{false};
  std::atomic<std::uint64_t> published_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::uint64_t> reconnects_{0};

  std::mutex mutex_;  // guards the next two
  std::shared_ptr<amqp::Connection> connection_;
  EventPosition position_;  // all before it is confirmed, or given up

  // Owned by the thread.
  std::set<std::string, std::less<>> declared_;  // on this connection
  std::uint64_t sent_ = 0;                       // on this connection
  int repeats_left_ = repeats_max;
  bool told_refused_ = false;  // of this time that it refuses
  bool unwritten_ = false;     // the position is newer than its row
  Stopwatch since_advance_;
  std::thread thread_;
};

void Publisher::hold(std::shared_ptr<amqp::Connection> connection) {
  const std::lock_guard lock(mutex_);
  connection_ = std::move(connection);
  if (stopping_ && connection_) connection_->interrupt();
}

void Publisher::collect(metrics::Samples& samples) {
  EventPosition position;
  {
    const std::lock_guard lock(mutex_);
    position = position_;
  }
  samples.gauge(metric("amqp_connected"), is_connected_ ? 1 : 0);
  samples.gauge(metric("amqp_lag_events"),
                static_cast<double>(distance(position, host_.last_events())));
  samples.counter(metric("amqp_published_total"), static_cast<double>(published_.load()));
  samples.counter(metric("amqp_refused_events_total"), static_cast<double>(refused_.load()));
  samples.counter(metric("amqp_lost_events_total"), static_cast<double>(lost_.load()));
  samples.counter(metric("amqp_reconnects_total"), static_cast<double>(reconnects_.load()));
}

void Publisher::run() {
  Duration pause = first_pause;
  bool told = false;
  while (!stopping_) {
    auto connected = connect();
    Error why{Errc::unavailable, ""};
    if (connected.ok()) {
      log_event(LogLevel::info, "amqp_connected",
                {{"broker", amqp::to_string(options_.broker.address)}});
      told = false;
      const std::uint64_t before = published_;
      is_connected_ = true;
      why = serve(*connected.value());
      is_connected_ = false;
      if (published_ != before) pause = first_pause;
    } else {
      why = connected.error();
    }
    hold(nullptr);
    if (stopping_) break;
    if (!std::exchange(told, true)) {
      log_event(LogLevel::warning, "amqp_unavailable",
                {{"broker", amqp::to_string(options_.broker.address)},
                 {"error", why.detail},
                 {"position", events_.write(position_)}});
    }
    rest(pause);
    pause = std::min(pause * 2, longest_pause);
    ++reconnects_;
  }
  if (unwritten_) advance();
}

// What it answers is held, so that a stop interrupts it.
Result<std::shared_ptr<amqp::Connection>> Publisher::connect() {
  auto connected = amqp::connect(options_.broker);
  if (!connected.ok()) return connected.error();
  std::shared_ptr<amqp::Connection> connection = std::move(connected).value();
  hold(connection);
  declared_.clear();
  sent_ = 0;
  for (const auto& exchange : options_.exchanges) {
    auto declared = connection->declare_topic_exchange(exchange);
    if (!declared.ok()) return declared.error();
    declared_.insert(exchange);
  }
  return connection;
}

// Until something fails, or it is to stop.
Error Publisher::serve(amqp::Connection& connection) {
  while (!stopping_) {
    auto page = next_page();
    if (!page.ok()) return page.error();
    if (!page.value().events.empty()) {
      const auto delivered = deliver(connection, page.value().events);
      if (!delivered.ok()) return delivered.error();
    }
    const bool moved = page.value().last != position_;
    if (moved) move_to(page.value().last);
    if (unwritten_ && has_passed(since_advance_, advance_pause)) advance();
    if (moved || is_behind(position_, host_.last_events())) continue;
    bell_.wait(connection.descriptor(), unwritten_ ? advance_pause : quiet_time_max);
    // What the broker says of itself: heartbeats, or that it ends.
    if (const auto news = connection.settled(Duration{0}); !news.ok()) return news.error();
  }
  return {Errc::unavailable, "stopping"};
}

Result<EventPage> Publisher::next_page() {
  auto page = events_.read(position_, {.events = options_.window}, {});
  if (page.ok() || page.error().code != Errc::expired) return page;
  // They were kept as long as there was room (amqp.backlog_bytes), or nothing was to be published.
  auto oldest = oldest_position(host_);
  const auto lost = distance(position_, oldest);
  log_event(LogLevel::error, "amqp_events_lost",
            {{"events", lost},
             {"from", events_.write(position_)},
             {"to", events_.write(oldest)},
             {"detail", "they were deleted before the broker had taken them"}});
  lost_ += lost;
  move_to(std::move(oldest));
  return events_.read(position_, {.events = options_.window}, {});
}

// Until each is taken, or refused for the last time.
Status Publisher::deliver(amqp::Connection& connection, const std::vector<EventEntry>& events) {
  Entries all;
  for (const auto& entry : events) all.push_back(&entry);
  auto refused = publish(connection, all);
  if (refused.ok() && refused.value().empty()) {
    repeats_left_ = repeats_max;
    told_refused_ = false;
  }
  for (Duration pause = first_pause; refused.ok() && !refused.value().empty(); pause = pause * 2) {
    if (repeats_left_ == 0) {
      give_up(refused.value());
      return Done{};
    }
    --repeats_left_;
    rest(pause);
    refused = publish(connection, refused.value());
  }
  if (!refused.ok()) return refused.error();
  return Done{};
}

// Answers those that are refused, in their order.
Result<Entries> Publisher::publish(amqp::Connection& connection, const Entries& entries) {
  const std::uint64_t before = sent_;
  for (const EventEntry* entry : entries) {
    if (auto sent = send(connection, *entry); !sent.ok()) return sent.error();
    ++sent_;
  }
  if (auto word = await_word(connection); !word.ok()) return word.error();
  Entries refused;
  for (const auto number : connection.take_refused()) {
    refused.push_back(entries.at(number - before - 1));
  }
  published_ += entries.size() - refused.size();
  return refused;
}

Status Publisher::send(amqp::Connection& connection, const EventEntry& entry) {
  Stored<schema::EventRow> stored(entry.row);
  const auto row = stored.get();
  const auto exchange = view(row.getExchange());
  if (!declared_.contains(exchange)) {
    auto declared = connection.declare_topic_exchange(std::string(exchange));
    if (!declared.ok()) return declared;
    declared_.emplace(exchange);
  }
  amqp::Outgoing message{exchange, view(row.getRoutingKey()), {}, view(row.getPayload())};
  for (const auto copy : row.getCc()) message.cc.push_back(view(copy));
  return connection.publish(message);
}

// The broker's, about all that was sent.
Status Publisher::await_word(amqp::Connection& connection) {
  std::uint64_t before = 0;
  Stopwatch since_news;
  for (;;) {
    const auto settled = connection.settled(settle_look);
    if (!settled.ok()) return settled.error();
    if (settled.value() == sent_) return Done{};
    if (settled.value() != before) since_news = {};
    before = settled.value();
    if (stopping_) return Error{Errc::unavailable, "stopping"};
    if (has_passed(since_news, settle_time_max)) {
      return Error{Errc::unavailable, "the broker confirms nothing"};
    }
  }
}

void Publisher::give_up(const Entries& refused) {
  refused_ += refused.size();
  if (std::exchange(told_refused_, true)) return;
  const EventEntry& first = *refused.front();
  Stored<schema::EventRow> stored(first.row);
  log_event(LogLevel::warning, "amqp_events_refused",
            {{"events", refused.size()},
             {"exchange", str(stored.get().getExchange())},
             {"routing_key", str(stored.get().getRoutingKey())},
             {"position", events_.write(first.position)},
             {"detail",
              "a queue that is bound there takes no more (overflow reject-publish): it "
              "lacks them, and what follows until it has room again"}});
}

void Publisher::rest(Duration time) const {
  const Stopwatch waited;
  while (!stopping_ && !has_passed(waited, time)) bell_.wait(-1, time);
}

void Publisher::move_to(EventPosition position) {
  const std::lock_guard lock(mutex_);
  position_ = std::move(position);
  unwritten_ = true;
}

void Publisher::advance() {
  host_.ask({kinds::subscription, subscription::amqp_name}, subscription::advance(position_),
            ReplyTo{});
  unwritten_ = false;
  since_advance_ = {};
}

}  // namespace

std::unique_ptr<AmqpPublisher> start_publisher(Host& host,
                                               EventFeed& events,
                                               metrics::Registry& registry,
                                               PublisherOptions options) {
  return std::make_unique<Publisher>(host, events, registry, std::move(options));
}

}  // namespace troupe::server
