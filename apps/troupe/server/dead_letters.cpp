#include "apps/troupe/server/dead_letters.h"

#include "actors/message_text.h"
#include "apps/troupe/server/call.h"
#include "runtime/actor/dead_letters.h"
#include "runtime/process/log.h"

#include <memory>
#include <set>
#include <vector>

namespace troupe::server {
namespace {

constexpr std::size_t letters_max = 100;  // of one call

void fill(const DeadLetter& letter, schema::DeadLetter::Builder out) {
  out.setNumber(letter.delivery.number);
  out.setTo(text(actor_name(letter.delivery.to)));
  out.setFrom(text(actor_name(letter.delivery.message.from)));
  out.setMessage(text(message_name(letter.delivery)));
  out.setAttempts(letter.delivery.attempts);
  out.setError(text(letter.error));
  out.setParked(letter.parked.ms);
}

DeadLetter find(const Snapshot& snapshot, std::uint64_t number) {
  auto letter = find_dead_letter(snapshot, number);
  if (letter) return std::move(*letter);
  throw_error({Errc::not_found, "no dead letter " + std::to_string(number) +
                                    ": `troupe dead-letters list` shows what there is"});
}

// One letter; resolves when its end is on disk.
kj::Promise<void> settle(Site& site, std::uint64_t number, LetterFate fate) {
  auto paf = kj::newPromiseAndCrossThreadFulfiller<void>();
  // std::function wants copies; the fulfiller has one owner.
  auto fulfiller =
      std::make_shared<kj::Own<kj::CrossThreadPromiseFulfiller<void>>>(kj::mv(paf.fulfiller));
  const auto done = [fulfiller](const Status& settled) {
    if (settled.ok()) {
      (*fulfiller)->fulfill();
    } else {
      (*fulfiller)->reject(exception_from(settled.error()));
    }
  };
  if (fate == LetterFate::retried) {
    site.host.retry_dead_letter(number, done);
  } else {
    site.host.discard_dead_letter(number, done);
  }
  return kj::mv(paf.promise);
}

}  // namespace

std::uint64_t list_dead_letters(const Snapshot& snapshot,
                                std::uint64_t after,
                                std::size_t limit,
                                schema::Troupe::ListDeadLettersResults::Builder out) {
  std::vector<DeadLetter> letters;
  bool more = false;
  scan_dead_letters(snapshot, after, [&](const DeadLetter& letter) {
    more = letters.size() == limit;
    if (!more) letters.push_back(letter);
    return !more;
  });
  auto list = out.initLetters(static_cast<unsigned>(letters.size()));
  for (unsigned i = 0; i < list.size(); ++i) fill(letters[i], list[i]);
  return more ? letters.back().delivery.number : 0;
}

void show_dead_letter(const Snapshot& snapshot,
                      std::uint64_t number,
                      schema::Troupe::ShowDeadLetterResults::Builder out) {
  const DeadLetter letter = find(snapshot, number);
  fill(letter, out.initLetter());
  out.setBody(text(message_text(letter.delivery)));
}

kj::Promise<void> settle_dead_letters(Site& site,
                                      const std::string& caller,
                                      capnp::List<std::uint64_t>::Reader numbers,
                                      LetterFate fate) {
  if (numbers.size() > letters_max) {
    throw_error({Errc::invalid, "at most 100 dead letters a call"});
  }
  const std::set<std::uint64_t> wanted(numbers.begin(), numbers.end());
  std::vector<DeadLetter> letters;
  {
    const auto snapshot = site.host.snapshot();
    for (const auto number : wanted) letters.push_back(find(*snapshot, number));
  }
  auto ends = kj::heapArrayBuilder<kj::Promise<void>>(letters.size());
  for (const auto& letter : letters) {
    const Delivery& delivery = letter.delivery;
    log_event(LogLevel::info,
              fate == LetterFate::retried ? "dead_letter_retried" : "dead_letter_discarded",
              {{"client", caller},
               {"number", delivery.number},
               {"to", actor_name(delivery.to)},
               {"message", message_name(delivery)}});
    ends.add(settle(site, delivery.number, fate));
  }
  return kj::joinPromises(ends.finish());
}

}  // namespace troupe::server
