#include "tests/actors/support/queue_messages.h"

#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"

namespace troupe::test {
namespace {

using Builder = schema::TaskQueueMessage::Builder;

template <class Fill>
Bytes to_queue(Fill&& fill) {
  return build<schema::TaskQueueMessage>(std::forward<Fill>(fill));
}

void fill_name(schema::WorkerName::Builder name, const std::string& worker) {
  const auto slash = worker.find('/');
  name.setWorkerGroup(text(worker.substr(0, slash)));
  name.setWorkerId(text(worker.substr(slash + 1)));
}

void fill_resources(Builder m, const Resources& resources) {
  auto list = m.initResources(static_cast<unsigned>(resources.size()));
  unsigned i = 0;
  for (const auto& [name, amount] : resources) {
    list[i].setName(text(name));
    list[i++].setAmount(amount);
  }
}

}  // namespace

Bytes put_entry(const NewEntry& entry) {
  return to_queue([&](Builder m) {
    auto put = m.initPutEntry();
    put.setRunId(entry.run);
    put.setPriority(entry.priority);
    put.setNumber(entry.number);
    m.setConcurrencyKey(text(entry.key));
    m.setConcurrencyLimit(entry.limit);
    m.setTaskCreated(entry.created.ms);
    fill_resources(m, entry.demands);
  });
}

Bytes remove_entry(Priority priority, std::uint64_t number) {
  return to_queue([&](Builder m) {
    auto remove = m.initRemoveEntry();
    remove.setAtPriority(priority);
    remove.setAtNumber(number);
  });
}

Bytes move_entry(Priority from, std::uint64_t number, Priority to) {
  return to_queue([&](Builder m) {
    auto move = m.initMoveEntry();
    move.setMovedFrom(from);
    move.setMovedNumber(number);
    move.setMovedTo(to);
  });
}

Bytes claim_done(std::uint64_t number) {
  return to_queue([number](Builder m) { m.setClaimDone(number); });
}

Bytes claim_entry(Priority priority, std::uint64_t number, const std::string& worker) {
  return to_queue([&](Builder m) {
    auto claim = m.initClaimEntry();
    claim.setClaimedPriority(priority);
    claim.setClaimedEntry(number);
    fill_name(claim.initClaimedBy(), worker);
    m.setQuestion(number);
  });
}

Bytes claim_answer(const Answer& answer) {
  return to_queue([&](Builder m) {
    auto said = m.initClaimAnswer();
    said.setOfSession(answer.session);
    said.setAccepted(answer.accepted);
    said.setToken(answer.token);
    said.setClaimedNumber(answer.number);
    said.setClaimedRunId(answer.run);
  });
}

Bytes await_within(const Slots& slots, const Resources& offer) {
  return to_queue([&](Builder m) {
    auto await = m.initAwait();
    fill_name(await.initWorker(), slots.worker);
    await.setSession(slots.session);
    await.setSlots(slots.count);
    m.setLimited(true);
    fill_resources(m, offer);
  });
}

Bytes claim_work(const WorkWanted& wanted) {
  return to_queue([&](Builder m) {
    auto claim = m.initClaimWork();
    fill_name(claim.initClaimant(), wanted.worker);
    claim.setClaimSession(wanted.session);
    claim.setTasks(wanted.tasks);
    claim.setRequestId(text(wanted.request_id));
  });
}

Bytes stop_waiting(std::uint64_t session) {
  return to_queue([session](Builder m) { m.setStopWaiting(session); });
}

Bytes quarantine(const std::string& worker, Instant until) {
  return to_queue([&](Builder m) {
    auto quarantine = m.initQuarantine();
    fill_name(quarantine.initQuarantined(), worker);
    quarantine.setUntil(until.ms);
  });
}

Bytes keep_active(Instant until) {
  return to_queue([until](Builder m) { m.setActive(until.ms); });
}

}  // namespace troupe::test
