#include "tests/actors/support/desk.h"

#include "actors/kinds.h"
#include "actors/task_queue/codec.h"
#include "actors/task_queue/queue_actor.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"

#include <algorithm>

namespace troupe::test {
namespace {

const ActorId queue_id = task_queue_id("local/default");
constexpr std::size_t effects_max = 256;  // as the runtime has it

}  // namespace

Desk::Desk(const task_queue::QueueConfig& config) : config_(config) {
  restart();
}

void Desk::restart() {
  actor_ = task_queue::kind(config_).activate(queue_id, rows);
}

void Desk::tell(const std::string& task, Bytes body) {
  tell(task_id(task), std::move(body));
}

void Desk::tell(const ActorId& from, Bytes body) {
  Message message;
  message.source = Message::Source::actor;
  message.from = from;
  message.body = std::move(body);
  handle(message);
}

std::uint64_t Desk::ask(Bytes command) {
  Message message;
  message.reply_to = {1, ++calls_};
  message.body = std::move(command);
  handle(message);
  return calls_;
}

void Desk::fire(const std::string& timer) {
  Message message;
  message.source = Message::Source::timer;
  message.timer = timer;
  timers.erase(timer);
  handle(message);
}

void Desk::handle_one(const Message& message) {
  const Context context{queue_id, now, ++numbers_, rows};
  auto effects = actor_->handle(message, context);
  if (!effects.ok()) {
    faults.push_back(effects.error().detail);
    return;
  }
  land(std::move(effects).value());
}

bool Desk::go_on() {
  if (to_itself_.empty()) return false;
  Message next;
  next.source = Message::Source::actor;
  next.from = queue_id;
  next.body = std::move(to_itself_.front());
  to_itself_.pop_front();
  handle_one(next);
  return true;
}

void Desk::handle(const Message& message) {
  handle_one(message);
  while (!defers && go_on()) continue;
  if (defers) return;  // what holds at rest may not yet
  for (const auto& what : broken_in_queue(rows)) faults.push_back(what);
}

void Desk::land(Effects effects) {
  largest_effects = std::max(largest_effects, effects.rows.size() + effects.sends.size());
  if (effects.rows.size() + effects.sends.size() > effects_max) faults.emplace_back("too much");
  rows.apply(effects.rows);
  for (const auto& timer : effects.timers) {
    timers.erase(timer.name);
    if (timer.due) timers[timer.name] = timer;
  }
  removed = effects.remove;
  if (removed) timers.clear();
  for (auto& reply : effects.replies) replies_[reply.to.call].push_back(std::move(reply));
  for (Send& send : effects.sends) {
    if (send.to == queue_id) {
      to_itself_.push_back(std::move(send.body));
      own_messages += 1;
      continue;
    }
    if (send.to.kind != kinds::task) continue;
    Stored<schema::TaskMessage> stored_message(send.body);
    const auto m = stored_message.get();
    if (m.isEntryStored()) {
      stored.push_back(send.to.key + "." + std::to_string(m.getEntryStored()));
    } else if (m.isClaimRefused()) {
      refused.push_back(send.to.key + ": " + std::to_string(m.getClaimRefused().getRefusedLimit()));
    } else {
      const auto claim = m.getClaimRun();
      unanswered.push_back({send.to.key, claim.getEntryRunId(),
                            str(claim.getEntryWorker().getWorkerId()), claim.getEntrySession(),
                            m.getTimed()});
      handed_out.push_back(send.to.key + " -> " + unanswered.back().worker);
    }
  }
}

void Desk::answer(bool accepted, std::uint64_t number) {
  const HandedOut claim = unanswered.front();
  unanswered.pop_front();
  tell(claim.task,
       claim_answer({claim.session, accepted, accepted ? ++tokens_ : 0, number, claim.run}));
}

std::optional<std::vector<std::string>> Desk::claims(std::uint64_t call) {
  if (replies_[call].empty()) return std::nullopt;
  Stored<schema::ClaimWorkAnswer> answer(replies_[call].front().body.value());
  std::vector<std::string> claims;
  for (const auto claim : answer.get().getClaims()) {
    claims.push_back(str(claim.getTaskId()) + "." + std::to_string(claim.getRunId()) + "/" +
                     std::to_string(claim.getToken()));
  }
  return claims;
}

std::optional<Error> Desk::refusal(std::uint64_t call) {
  if (replies_[call].empty() || replies_[call].front().body.ok()) return std::nullopt;
  return replies_[call].front().body.error();
}

std::uint64_t Desk::pending() const {
  task_queue::QueueState queue;
  if (const auto row = rows.get(tables::queue_state.id, "")) {
    task_queue::decode_row(row->words(), queue);
  }
  return queue.pending;
}

}  // namespace troupe::test
