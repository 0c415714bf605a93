#include "actors/task_queue/codec.h"

#include "actors/each_row.h"
#include "actors/kinds.h"
#include "runtime/actor/durable_actor.h"
#include "runtime/store/message.h"

namespace troupe::task_queue {
namespace {

// The parts of queue_admitted, by the first byte of their keys.
constexpr std::uint8_t part_waiting = 0;
constexpr std::uint8_t part_claimed = 1;
constexpr std::uint8_t part_open = 2;
constexpr std::size_t entry_key_bytes = 9;

std::optional<Entry> read_entry(const Rows& rows,
                                TableId table,
                                const std::string& prefix,
                                const EntryKey& key) {
  const std::string own = entry_key(key);
  const auto row = rows.get(table, prefix + own);
  if (!row) return std::nullopt;
  return decode_entry(own, row->words());
}

// Neither half holds a line's end. One text, so that the store shortens it if it has to.
std::string group_of(const std::string& concurrency_key, const Amounts& demands) {
  return concurrency_key + "\n" + lane_of(demands);
}

}  // namespace

Line QueueState::entries_line() {
  return Line(tables::queue_entries.id, "", {}, false);
}

Bytes encode_row(const QueueState& state) {
  return build<schema::TaskQueueRow>([&state](schema::TaskQueueRow::Builder row) {
    row.setTaskQueueId(text(state.task_queue_id));
    row.setPending(state.pending);
    row.setLastDateActive(state.last_active.ms);
    row.setExpires(state.expires.ms);
  });
}

void decode_row(WordSpan words, QueueState& state) {
  Stored<schema::TaskQueueRow> stored(words);
  const auto row = stored.get();
  state.exists = true;
  state.task_queue_id = str(row.getTaskQueueId());
  state.pending = row.getPending();
  state.last_active = Instant{row.getLastDateActive()};
  state.expires = Instant{row.getExpires()};
}

void read_state(const Rows& rows, QueueState& state) {
  const auto own = rows.get(tables::queue_state.id, "");
  if (own) decode_row(own->words(), state);
  state.entries.first(rows);
  state.lanes.next_slice(rows);
  each_row(rows, tables::queue_admitted.id, claimed_prefix(), [&](const auto&, WordSpan words) {
    const Claimed claimed = decode_claimed(words);
    if (!claimed.demands.empty()) add(state.used[claimed.worker], claimed.demands);
  });
  each_row(rows, tables::queue_quarantines.id, "", [&](const std::string& key, WordSpan words) {
    KeyReader reader(key);
    std::string worker(reader.text());
    worker += "/" + std::string(reader.text());
    state.quarantines[worker] = Instant{Stored<schema::QuarantineRow>(words).get().getUntil()};
  });
  each_row(rows, tables::queue_requests.id, "", [&](const std::string& key, WordSpan words) {
    const std::string request = str(Stored<schema::WorkRequestRow>(words).get().getRequestId());
    state.answered.add(request, KeyReader(key).u64());
  });
}

Amounts read_amounts(capnp::List<schema::Resource>::Reader list) {
  Amounts amounts;
  for (const auto resource : list) {
    if (resource.getAmount() != 0) amounts[str(resource.getName())] = resource.getAmount();
  }
  return amounts;
}

void fill_amounts(const Amounts& amounts, capnp::List<schema::Resource>::Builder list) {
  unsigned i = 0;
  for (const auto& [name, amount] : amounts) {
    list[i].setName(text(name));
    list[i].setAmount(amount);
    ++i;
  }
}

EntryKey make_entry_key(schema::Priority priority, std::uint64_t number) {
  return {static_cast<std::uint8_t>(6 - static_cast<int>(priority)), number};
}

// ---- Entries ----

std::string entry_key(const EntryKey& key) {
  return KeyWriter().u8(key.behind).u64(key.number).prefix();
}

std::string lane_prefix(const std::string& lane) {
  return KeyWriter().text(lane).prefix();
}

std::string held_prefix(const std::string& concurrency_key) {
  return concurrency_key + "\n";
}

std::string held_prefix(const std::string& concurrency_key, const Amounts& demands) {
  return KeyWriter().text(group_of(concurrency_key, demands)).prefix();
}

std::string behind_group(const std::string& prefix) {
  return prefix + std::string(entry_key_bytes, '\xff');
}

EntryKey decode_entry_key(std::string_view key) {
  KeyReader reader(key);
  EntryKey read;
  read.behind = reader.u8();
  read.number = reader.u64();
  return read;
}

Entry decode_entry(std::string_view key, WordSpan words) {
  Stored<schema::EntryRow> stored(words);
  const auto row = stored.get();
  Entry entry;
  entry.key = decode_entry_key(key);
  entry.task_id = str(row.getTaskId());
  entry.run_id = row.getRunId();
  entry.inserted = Instant{row.getInserted()};
  entry.concurrency_key = str(row.getConcurrencyKey());
  entry.concurrency_limit = row.getConcurrencyLimit();
  entry.demands = read_amounts(row.getResources());
  return entry;
}

Bytes encode_entry(const Entry& entry) {
  return build<schema::EntryRow>([&entry](schema::EntryRow::Builder row) {
    row.setTaskId(text(entry.task_id));
    row.setRunId(entry.run_id);
    row.setInserted(entry.inserted.ms);
    if (entry.plain()) return;
    row.setConcurrencyKey(text(entry.concurrency_key));
    row.setConcurrencyLimit(entry.concurrency_limit);
    fill_amounts(entry.demands, row.initResources(static_cast<unsigned>(entry.demands.size())));
  });
}

Amounts decode_demands(WordSpan entry_row) {
  return read_amounts(Stored<schema::EntryRow>(entry_row).get().getResources());
}

// ---- Those with a limit or demands ----

std::string waiting_prefix() {
  return KeyWriter().u8(part_waiting).prefix();
}

std::string claimed_prefix() {
  return KeyWriter().u8(part_claimed).prefix();
}

std::string waiting_key(std::uint64_t number) {
  return KeyWriter().u8(part_waiting).u64(number).prefix();
}

std::string claimed_key(std::uint64_t number) {
  return KeyWriter().u8(part_claimed).u64(number).prefix();
}

Bytes encode_waiting(const Entry& entry) {
  return build<schema::AdmittedRow>([&entry](schema::AdmittedRow::Builder row) {
    row.setConcurrencyKey(text(entry.concurrency_key));
    fill_amounts(entry.demands, row.initResources(static_cast<unsigned>(entry.demands.size())));
    row.setBehind(entry.key.behind);
  });
}

Bytes encode_claimed(const Entry& entry, std::uint64_t worker) {
  return build<schema::AdmittedRow>([&](schema::AdmittedRow::Builder row) {
    row.setConcurrencyKey(text(entry.concurrency_key));
    row.setSession(worker);
    fill_amounts(entry.demands, row.initResources(static_cast<unsigned>(entry.demands.size())));
    row.setBehind(entry.key.behind);
  });
}

Waiting decode_waiting(std::uint64_t number, WordSpan words) {
  Stored<schema::AdmittedRow> stored(words);
  const auto row = stored.get();
  return {
      {row.getBehind(), number}, str(row.getConcurrencyKey()), read_amounts(row.getResources())};
}

Claimed decode_claimed(WordSpan words) {
  Stored<schema::AdmittedRow> stored(words);
  const auto row = stored.get();
  return {str(row.getConcurrencyKey()), row.getSession(), read_amounts(row.getResources())};
}

std::optional<Waiting> find_waiting(const Rows& rows, std::uint64_t number) {
  const auto row = rows.get(tables::queue_admitted.id, waiting_key(number));
  if (!row) return std::nullopt;
  return decode_waiting(number, row->words());
}

std::optional<Entry> find_open(const Rows& rows, const Waiting& waiting) {
  if (waiting.demands.empty()) return read_entry(rows, tables::queue_entries.id, "", waiting.key);
  return read_entry(rows, tables::queue_lanes.id, lane_prefix(lane_of(waiting.demands)),
                    waiting.key);
}

std::optional<Entry> find_stored_entry(const Rows& rows, const EntryKey& key) {
  if (auto plain = read_entry(rows, tables::queue_entries.id, "", key)) return plain;
  const auto waiting = find_waiting(rows, key.number);
  if (!waiting) return std::nullopt;
  if (!waiting->concurrency_key.empty()) {
    auto held = read_entry(rows, tables::queue_held.id,
                           held_prefix(waiting->concurrency_key, waiting->demands), waiting->key);
    if (held) return held;
  }
  return find_open(rows, *waiting);
}

std::string open_prefix(const std::string& concurrency_key, const Amounts& demands) {
  return KeyWriter().u8(part_open).text(group_of(concurrency_key, demands)).prefix();
}

Bytes encode_open() {
  return build<schema::AdmittedRow>([](schema::AdmittedRow::Builder) {});
}

std::string concurrency_row_key(const std::string& concurrency_key) {
  return KeyWriter().text(concurrency_key).prefix();
}

Bytes encode_concurrency(const Concurrency& concurrency) {
  return build<schema::ConcurrencyRow>([&](schema::ConcurrencyRow::Builder row) {
    row.setLimit(concurrency.limit);
    row.setClaimed(concurrency.claimed);
    row.setWaiting(concurrency.waiting);
    row.setNewest(concurrency.newest.ms);
  });
}

Concurrency decode_concurrency(WordSpan words) {
  Stored<schema::ConcurrencyRow> stored(words);
  const auto row = stored.get();
  return {row.getLimit(), row.getClaimed(), row.getWaiting(), Instant{row.getNewest()}};
}

// ---- Workers and their requests ----

std::string quarantine_key(const std::string& worker) {
  const auto slash = worker.find('/');
  return KeyWriter().text(worker.substr(0, slash)).text(worker.substr(slash + 1)).prefix();
}

std::string request_key(std::uint64_t number) {
  return KeyWriter().u64(number).prefix();
}

void fill_claims(const std::vector<ClaimedRun>& claims,
                 capnp::List<schema::HeldClaim>::Builder list) {
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setTaskId(text(claims[i].task_id));
    list[i].setRunId(claims[i].run_id);
    list[i].setToken(claims[i].token);
  }
}

Bytes encode_request(const WorkRequest& request, const std::string& worker) {
  const auto slash = worker.find('/');
  return build<schema::WorkRequestRow>([&](schema::WorkRequestRow::Builder row) {
    row.setRequestId(text(request.request_id));
    row.setWorkerGroup(text(worker.substr(0, slash)));
    row.setWorkerId(text(worker.substr(slash + 1)));
    fill_claims(request.claims, row.initClaims(static_cast<unsigned>(request.claims.size())));
  });
}

std::string decode_claimant(WordSpan request_row) {
  Stored<schema::WorkRequestRow> stored(request_row);
  return str(stored.get().getWorkerGroup()) + "/" + str(stored.get().getWorkerId());
}

std::vector<ClaimedRun> decode_claims(WordSpan request_row) {
  Stored<schema::WorkRequestRow> stored(request_row);
  std::vector<ClaimedRun> claims;
  for (const auto claim : stored.get().getClaims()) {
    claims.push_back({str(claim.getTaskId()), claim.getRunId(), claim.getToken(), 0});
  }
  return claims;
}

}  // namespace troupe::task_queue
