// A kind of actor for tests: a counter that does what a line of text tells it.
//
//   add N            counts, answers the sum
//   get              answers the sum
//   send KEY LINE... has another counter do LINE
//   timer NAME MS A  sets a timer for then, attempt A
//   delay NAME MS A  the same, as a delay
//   clear NAME       clears it
//   refuse           an Error
//   throw            throws, always
//   flaky N          adds, but throws first as often as the world says
//   event            writes an event
//   long             a row whose key is too long
//   remove           leaves no trace
//   listen           stays in memory for a listener, who hears each change from then on
//
// A timer that fires adds 1,000.
#pragma once

#include "runtime/actor/durable_actor.h"
#include "tests/runtime/store/store_support.h"

#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace troupe::test {

inline constexpr KindId toy_kind{40};
inline constexpr std::uint64_t undecodable = 666;

inline ActorId toy(std::string key) {
  return {toy_kind, std::move(key)};
}

/// A line as a message.
inline Bytes line(const std::string& text) {
  std::vector<std::uint64_t> words(1 + (text.size() + 7) / 8);
  words[0] = text.size();
  if (!text.empty()) std::memcpy(words.data() + 1, text.data(), text.size());
  return Bytes(std::move(words));
}

inline std::string line_of(const Bytes& bytes) {
  const auto words = bytes.words();
  if (words.empty()) return {};
  return {reinterpret_cast<const char*>(words.data() + 1), words[0]};
}

/// What the test sees of all counters, and how it makes them fail.
class ToyWorld {
 public:
  Signal activated;
  Signal destroyed;
  Signal called;  // of handlers

  void fail_next(int count) {
    const std::lock_guard lock(mutex_);
    failures_ = count;
  }
  bool fails() {
    const std::lock_guard lock(mutex_);
    return failures_-- > 0;
  }
  /// Handlers of timers throw, or no longer do.
  void break_timers(bool broken) { timers_broken_ = broken; }
  bool timers_broken() const { return timers_broken_; }
  void saw(const std::string& what) {
    {
      const std::lock_guard lock(mutex_);
      lines_.push_back(what);
    }
    called.raise();
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  int failures_ = 0;
  std::atomic<bool> timers_broken_{false};
  std::vector<std::string> lines_;
};

class Toy final : public DurableActor {
 public:
  Toy(ToyWorld& world, const Rows& rows) : world_(world) {
    const auto row = rows.get(things.id, "");
    sum_ = row ? number_in(*row) : 0;
    if (sum_ == undecodable) throw std::runtime_error("the sum does not decode");
    world_.activated.raise();
  }
  ~Toy() override { world_.destroyed.raise(); }

  Result<Effects> handle(const Message& message, const Context& context) override {
    const bool timer = message.source == Message::Source::timer;
    const std::string text = timer ? "add 1000" : line_of(message.body);
    world_.saw(context.self.key + ": " + (timer ? "timer " + message.timer : text));
    if (timer && world_.timers_broken()) throw std::runtime_error("timers are broken");
    std::istringstream in(text);
    std::string what;
    in >> what;
    if (what == "refuse") return Error{Errc::conflict, "refused"};
    if (what == "throw") throw std::runtime_error("told to throw");
    if (what == "flaky" && world_.fails()) throw std::runtime_error("flaky");

    Effects effects;
    fill(what, in, context, effects);
    if (what == "listen") listener_ = message.reply_to;
    if (message.reply_to) {
      effects.replies.push_back({message.reply_to, line(std::to_string(sum_)), what == "listen"});
    }
    if (listener_ && what != "listen" && what != "get") {
      effects.replies.push_back({listener_, line(std::to_string(sum_)), what != "remove"});
    }
    return effects;
  }

  bool is_volatile() const override { return static_cast<bool>(listener_); }

 private:
  void fill(const std::string& what,
            std::istringstream& in,
            const Context& context,
            Effects& effects) {
    if (what == "add" || what == "flaky") {
      std::uint64_t amount = 0;
      in >> amount;
      sum_ += amount;
      effects.rows.push_back({things.id, "", word(sum_)});
    } else if (what == "send") {
      std::string key;
      std::string rest;
      in >> key;
      std::getline(in >> std::ws, rest);
      effects.sends.push_back({toy(key), line(rest)});
    } else if (what == "timer" || what == "delay") {
      TimerChange timer;
      timer.delay = what == "delay";
      std::int64_t ms = 0;
      in >> timer.name >> ms >> timer.attempt;
      timer.due = context.now + Duration{ms};
      effects.timers.push_back(timer);
    } else if (what == "clear") {
      TimerChange timer;
      in >> timer.name;
      effects.timers.push_back(timer);
    } else if (what == "event") {
      effects.events.push_back({"exchange/toy", context.self.key, {"cc"}, "{}"});
    } else if (what == "long") {
      effects.rows.push_back({things.id, std::string(600, 'x'), word(1)});
    } else if (what == "remove") {
      effects.rows.push_back({things.id, "", std::nullopt});
      effects.remove = true;
      sum_ = 0;
    }
  }

  ToyWorld& world_;
  std::uint64_t sum_ = 0;
  ReplyTo listener_;
};

inline Kind toy_kind_in(ToyWorld& world) {
  Kind kind;
  kind.id = toy_kind;
  kind.name = "toy";
  kind.tables = {things, others};
  kind.activate = [&world](const ActorId&, const Rows& rows) -> std::unique_ptr<DurableActor> {
    return std::make_unique<Toy>(world, rows);
  };
  return kind;
}

/// Lines of a log: `event actor: detail`.
class Reports {
 public:
  void add(const std::string& event, const std::string& actor, const std::string& detail) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(event + " " + actor + ": " + detail);
    changed_.notify_all();
  }
  std::size_t count(const std::string& start) const {
    const std::lock_guard lock(mutex_);
    return count_of(start);
  }
  void wait(const std::string& start, std::size_t count = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, &start, count] { return count_of(start) >= count; });
  }

 private:
  std::size_t count_of(const std::string& start) const {
    std::size_t found = 0;
    for (const auto& one : lines_) found += one.starts_with(start) ? 1 : 0;
    return found;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

}  // namespace troupe::test
