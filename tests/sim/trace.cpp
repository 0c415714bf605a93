#include "tests/sim/trace.h"

#include "actors/kinds.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"

#include <capnp/dynamic.h>
#include <fmt/format.h>

#include <utility>

namespace troupe::sim {
namespace {

// The name of a member of a message's union.
std::string name_of(KindId kind, std::uint16_t which) {
  const auto find = [which](capnp::StructSchema schema) -> std::string {
    const auto fields = schema.getUnionFields();
    if (which >= fields.size()) return "?";
    return fields[which].getProto().getName().cStr();
  };
  if (kind == kinds::task) return find(capnp::Schema::from<schema::TaskMessage>());
  if (kind == kinds::task_group) return find(capnp::Schema::from<schema::TaskGroupMessage>());
  if (kind == kinds::task_queue) return find(capnp::Schema::from<schema::TaskQueueMessage>());
  if (kind == kinds::worker) return find(capnp::Schema::from<schema::WorkerMessage>());
  return "?";
}

std::uint16_t which_of(KindId kind, const Bytes& body) {
  if (kind == kinds::task) return Stored<schema::TaskMessage>(body).get().which();
  if (kind == kinds::task_group) return Stored<schema::TaskGroupMessage>(body).get().which();
  if (kind == kinds::task_queue) return Stored<schema::TaskQueueMessage>(body).get().which();
  if (kind == kinds::worker) return Stored<schema::WorkerMessage>(body).get().which();
  return 0;
}

}  // namespace

Trace::Line& Trace::next() {
  return lines_[count_++ % kept];
}

void Trace::handled(std::uint64_t step,
                    Instant now,
                    const ActorId& self,
                    const Message& message,
                    const Result<Effects>& outcome) {
  Line& line = next();
  line.step = step;
  line.now = now;
  line.self = self;
  line.from = message.from;
  line.source = message.source;
  line.refused = !outcome.ok();
  const bool timer = message.source == Message::Source::timer;
  line.which = timer ? std::uint16_t{0} : which_of(self.kind, message.body);
  line.what = timer ? message.timer : line.refused ? outcome.error().detail : std::string();
  if (line.refused) return;
  const Effects& effects = outcome.value();
  line.rows = effects.rows.size();
  line.sends = effects.sends.size();
  line.events = effects.events.size();
  line.replies = effects.replies.size();
}

void Trace::note(std::uint64_t step, Instant now, std::string what) {
  Line& line = next();
  line = {};
  line.step = step;
  line.now = now;
  line.what = std::move(what);
}

std::string Trace::to_text(const Line& line) {
  const std::string when = fmt::format("{:>6} {:>9} ", line.step, line.now.ms % 1'000'000'000);
  if (line.self.key.empty()) return when + line.what;
  if (line.source == Message::Source::timer) {
    return fmt::format("{}{} <- timer {}: {} rows, {} sends, {} events", when, line.self.key,
                       line.what, line.rows, line.sends, line.events);
  }
  const std::string name = name_of(line.self.kind, line.which);
  const std::string from = line.from.key.empty() ? "outside" : line.from.key;
  if (line.refused) {
    return fmt::format("{}{} <- {} from {}: refused: {}", when, line.self.key, name, from,
                       line.what);
  }
  return fmt::format("{}{} <- {} from {}: {} rows, {} sends, {} events, {} replies", when,
                     line.self.key, name, from, line.rows, line.sends, line.events, line.replies);
}

std::vector<std::string> Trace::lines() const {
  std::vector<std::string> lines;
  const std::uint64_t first = count_ > kept ? count_ - kept : 0;
  for (std::uint64_t i = first; i < count_; ++i) lines.push_back(to_text(lines_[i % kept]));
  return lines;
}

}  // namespace troupe::sim
