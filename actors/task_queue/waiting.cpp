// Who waits for tasks. Source: spec/queue.md, section 7.1.
#include "actors/task_queue/step.h"

#include <algorithm>

namespace troupe::task_queue {
namespace {

// Claims of one request.
constexpr std::uint32_t tasks_max = 1'000;

std::string name_of(schema::WorkerName::Reader worker) {
  return str(worker.getWorkerGroup()) + "/" + str(worker.getWorkerId());
}

Waiter new_waiter(const Step& t, std::uint64_t session, schema::WorkerName::Reader worker) {
  Waiter waiter;
  waiter.session = session;
  waiter.worker = name_of(worker);
  waiter.mark = worker_mark(waiter.worker);
  waiter.quarantined = is_quarantined(t, waiter.worker);
  return waiter;
}

Bytes encode_claims(const std::vector<ClaimedRun>& claims) {
  return build<schema::ClaimWorkAnswer>([&claims](schema::ClaimWorkAnswer::Builder answer) {
    fill_claims(claims, answer.initClaims(static_cast<unsigned>(claims.size())));
  });
}

// Only an answer with claims must not be made twice.
void remember(Step& t, const Waiter& waiter) {
  const WorkRequest& request = *waiter.request;
  if (request.request_id.empty() || request.claims.empty()) return;
  AnsweredRequests& answered = t.state.answered;
  if (answered.size() >= answered_max) {
    t.rows.erase(tables::queue_requests.id, request_key(answered.oldest()));
    answered.remove(answered.oldest());
  }
  t.rows.put_new(tables::queue_requests.id, request_key(t.context.number),
                 encode_request(request, waiter.worker));
  answered.add(request.request_id, t.context.number);
}

void listen(Step& t, Waiter waiter, std::uint64_t session) {
  waiter.request->listeners.push_back({session, t.message.reply_to});
  t.state.waiters.put(std::move(waiter));
}

// Who knows the id of another worker's request gets nothing by it.
void refuse_request(Step& t, const std::string& request_id) {
  const std::string why = "requestId " + request_id + " is that of another worker's request";
  if (t.message.reply_to) {
    t.effects.replies.push_back({t.message.reply_to, Error{Errc::conflict, why}, false});
  }
}

// False: no request of this id is known.
bool answer_repeat(Step& t, M::ClaimWork::Reader m) {
  const std::string request_id = str(m.getRequestId());
  if (request_id.empty()) return false;
  const std::string worker = name_of(m.getClaimant());
  const auto number = t.state.answered.find(request_id);
  const auto row =
      number ? t.rows.get(tables::queue_requests.id, request_key(*number)) : std::nullopt;
  const Waiter* same = row ? nullptr : t.state.waiters.find_request(request_id);
  if (!row && same == nullptr) return false;
  if (worker != (row ? decode_claimant(row->words()) : same->worker)) {
    refuse_request(t, request_id);
    return true;
  }
  note_active(t);
  if (row) {
    reply(t, t.message.reply_to, encode_claims(decode_claims(row->words())));
  } else {
    listen(t, *same, m.getClaimSession());
  }
  return true;
}

// Runs answer in any order; whoever asked gets them as they were handed out.
void sort_claims(WorkRequest& request) {
  const auto place = [&request](const ClaimedRun& claim) {
    return std::ranges::find(request.handed_out, claim.number) - request.handed_out.begin();
  };
  std::ranges::sort(request.claims, {}, place);
}

// All that was under way for it has answered: so is it.
void finish(Step& t, Waiter waiter) {
  WorkRequest& request = *waiter.request;
  sort_claims(request);
  remember(t, waiter);
  for (const auto& listener : request.listeners) {
    reply(t, listener.to, encode_claims(request.claims));
  }
  for (const ReplyTo stopper : request.stoppers) reply(t, stopper);
  t.state.waiters.remove(waiter.session);
}

void note_answer(Step& t, Waiter waiter, M::ClaimAnswer::Reader m) {
  WorkRequest& request = *waiter.request;
  request.under_way -= std::min<std::uint32_t>(request.under_way, 1);
  if (m.getAccepted()) {
    request.claims.push_back(
        {t.message.from.key, m.getClaimedRunId(), m.getToken(), m.getClaimedNumber()});
  } else {
    waiter.slots += 1;
  }
  const bool over = !request.claims.empty() || request.stopped;
  if (over && request.under_way == 0) {
    finish(t, waiter);
  } else {
    t.state.waiters.put(std::move(waiter));  // in line again, at its old turn
  }
}

void free_slot(Step& t, Waiter waiter) {
  if (waiter.slots == 0) waiter.turn = t.state.waiters.new_turn();
  waiter.slots += 1;
  t.state.waiters.put(std::move(waiter));
}

}  // namespace

void on_await(Step& t, M::Reader message) {
  const auto m = message.getAwait();
  note_active(t);
  std::int32_t removed = 0;
  const Waiter* known = t.state.waiters.find(m.getSession());
  if (known != nullptr || m.getSlots() > 0) {
    Waiter waiter = known != nullptr ? *known : new_waiter(t, m.getSession(), m.getWorker());
    if (waiter.slots <= 0) waiter.turn = t.state.waiters.new_turn();
    removed = std::clamp(-m.getSlots(), 0, std::max(waiter.slots, 0));
    waiter.slots = std::max(waiter.slots + m.getSlots(), 0);
    if (m.getSlots() > 0) {
      waiter.offer.reset();
      if (message.getLimited()) waiter.offer = read_amounts(message.getResources());
    }
    t.state.waiters.put(std::move(waiter));
  }
  reply(t, t.message.reply_to, build<schema::AwaitAnswer>([removed](auto answer) {
          answer.setRemoved(static_cast<std::uint32_t>(removed));
        }));
  match(t);
}

void on_leave(Step& t, std::uint64_t session) {
  t.state.waiters.remove(session);
  reply(t, t.message.reply_to);
}

void on_claim_work(Step& t, M::ClaimWork::Reader m) {
  if (answer_repeat(t, m)) return;
  note_active(t);
  Waiter waiter = new_waiter(t, m.getClaimSession(), m.getClaimant());
  waiter.slots = static_cast<std::int32_t>(std::clamp<std::uint32_t>(m.getTasks(), 1, tasks_max));
  waiter.turn = t.state.waiters.new_turn();
  waiter.request.emplace();
  waiter.request->request_id = str(m.getRequestId());
  listen(t, std::move(waiter), m.getClaimSession());
  match(t);
}

void on_stop_waiting(Step& t, std::uint64_t session) {
  const Waiter* found = t.state.waiters.find(session);
  if (found == nullptr || !found->request) return reply(t, t.message.reply_to);
  Waiter waiter = *found;
  WorkRequest& request = *waiter.request;
  const auto leaving = std::ranges::partition(
      request.listeners, [session](const Listener& l) { return l.session != session; });
  if (leaving.size() < request.listeners.size()) {
    // The same request was made again, by one who still waits.
    for (const auto& listener : leaving) reply(t, listener.to, encode_claims({}));
    request.listeners.erase(leaving.begin(), leaving.end());
    t.state.waiters.put(std::move(waiter));
    return reply(t, t.message.reply_to);
  }
  request.stopped = true;
  request.stoppers.push_back(t.message.reply_to);
  if (request.under_way == 0) return finish(t, waiter);
  t.state.waiters.put(std::move(waiter));
}

void on_claim_answer(Step& t, M::ClaimAnswer::Reader m) {
  if (!m.getAccepted()) release(t, m.getClaimedNumber());
  const Waiter* waiter = t.state.waiters.find(m.getOfSession());
  if (waiter != nullptr && waiter->request) {
    note_answer(t, *waiter, m);
  } else if (waiter != nullptr && !m.getAccepted()) {
    free_slot(t, *waiter);
  }
  if (!m.getAccepted()) match(t);
}

}  // namespace troupe::task_queue
