#include "runtime/actor/dead_letters.h"

#include "runtime/actor/envelope.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <utility>

namespace troupe {
namespace {

std::string letter_key(std::uint64_t number) {
  return KeyWriter().u64(number).key();
}

}  // namespace

DeadLetter decode_dead_letter(std::uint64_t number, WordSpan row) {
  DeadLetter letter;
  letter.delivery = decode_envelope(number, row);
  Stored<schema::Envelope> stored(row);
  letter.error = str(stored.get().getError());
  letter.parked = Instant{stored.get().getParked()};
  return letter;
}

std::optional<DeadLetter> find_dead_letter(const Snapshot& snapshot, std::uint64_t number) {
  const auto row = snapshot.get(tables::dead_letters.id, letter_key(number));
  if (!row) return std::nullopt;
  return decode_dead_letter(number, *row);
}

void scan_dead_letters(const Snapshot& snapshot,
                       std::uint64_t after,
                       const std::function<bool(const DeadLetter&)>& visit) {
  const std::string behind = letter_key(after);
  snapshot.scan(tables::dead_letters.id, behind, [&](std::string_view key, WordSpan row) {
    if (key <= behind) return true;
    return visit(decode_dead_letter(KeyReader(key).u64(), row));
  });
}

std::optional<Delivery> DeadLetters::retry(std::uint64_t number, OnSettled done) {
  return settle(number, true, std::move(done));
}

void DeadLetters::discard(std::uint64_t number, OnSettled done) {
  settle(number, false, std::move(done));
}

std::optional<Delivery> DeadLetters::settle(std::uint64_t number, bool retry, OnSettled done) {
  Commit commit;
  const std::lock_guard lock(mutex_);
  auto letter =
      settling_.contains(number) ? std::nullopt : find_dead_letter(*store_.snapshot(), number);
  if (!letter) {
    commit.outputs.push_back([done = std::move(done), number] {
      done(Error{Errc::not_found, "no dead letter " + std::to_string(number)});
    });
    committer_.enqueue(std::move(commit));
    return std::nullopt;
  }
  settling_.insert(number);
  Delivery delivery = std::move(letter->delivery);
  delivery.attempts = 0;
  commit.rows.push_back({tables::dead_letters.id, letter_key(number), std::nullopt});
  if (retry) {
    commit.inbox_puts.push_back({number, [delivery] { return encode_envelope(delivery); }});
  }
  commit.outputs.push_back([this, done = std::move(done), number] {
    {
      const std::lock_guard settled(mutex_);
      settling_.erase(number);
    }
    done(Done{});
  });
  committer_.enqueue(std::move(commit));
  return delivery;
}

}  // namespace troupe
