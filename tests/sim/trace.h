// The last things that happened, kept cheaply and written out only when somebody asks.
#pragma once

#include "runtime/actor/durable_actor.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe::sim {

class Trace {
 public:
  /// A message was handled.
  void handled(std::uint64_t step,
               Instant now,
               const ActorId& self,
               const Message& message,
               const Result<Effects>& outcome);
  /// Anything else; `what` says it.
  void note(std::uint64_t step, Instant now, std::string what);

  /// One line each, oldest first.
  std::vector<std::string> lines() const;

 private:
  static constexpr std::size_t kept = 400;

  struct Line {
    std::uint64_t step = 0;
    Instant now;
    ActorId self;  // of a handled message; else the text is in `what`
    ActorId from;
    Message::Source source = Message::Source::command;
    std::uint16_t which = 0;  // of the message's union
    std::string what;         // a note, or the name of a timer, or the refusal
    std::size_t rows = 0;
    std::size_t sends = 0;
    std::size_t events = 0;
    std::size_t replies = 0;
    bool refused = false;
  };

  Line& next();
  static std::string to_text(const Line& line);

  std::array<Line, kept> lines_;
  std::uint64_t count_ = 0;
};

}  // namespace troupe::sim
