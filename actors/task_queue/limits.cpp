// Entries on their way: written, held back, opened, claimed. A limit counts claims alone: what
// waits takes no place from others, be there a worker for it or not. Of the entries of a key that
// ask for the same only the most urgent is open; the others would have to wait for it anyway.
#include "actors/task_queue/step.h"

#include <algorithm>

namespace troupe::task_queue {
namespace {

// Groups that one handler looks at: some rows each, though nothing may come of it.
constexpr std::size_t groups_max = 64;

Concurrency read_concurrency(const Step& t, const std::string& concurrency_key) {
  const auto row = t.rows.get(tables::queue_concurrency.id, concurrency_row_key(concurrency_key));
  return row ? decode_concurrency(row->words()) : Concurrency{};
}

void write_concurrency(Step& t, const std::string& concurrency_key, const Concurrency& counts) {
  const std::string key = concurrency_row_key(concurrency_key);
  const bool known = t.rows.get(tables::queue_concurrency.id, key).has_value();
  if (counts.claimed == 0 && counts.waiting == 0) {
    if (known) t.rows.erase(tables::queue_concurrency.id, key);
  } else if (known) {
    t.rows.put(tables::queue_concurrency.id, key, encode_concurrency(counts));
  } else {
    t.rows.put_new(tables::queue_concurrency.id, key, encode_concurrency(counts));
  }
}

std::string lane_key(const Entry& entry) {
  return lane_prefix(lane_of(entry.demands)) + entry_key(entry.key);
}

std::string held_key(const Entry& entry) {
  return held_prefix(entry.concurrency_key, entry.demands) + entry_key(entry.key);
}

std::string open_key(const Entry& entry) {
  return open_prefix(entry.concurrency_key, entry.demands) + entry_key(entry.key);
}

// The newest task of the key says how many; of those that were created at once the last to come. A
// retry makes no task newer.
void note_limit(Concurrency& counts, const Entry& entry, Instant created) {
  const bool newer = created > counts.newest || (created == counts.newest && entry.run_id == 0);
  if (counts.limit > 0 && !newer) return;
  // At a limit of nothing its entries would wait for ever.
  counts.limit = std::max<std::uint32_t>(entry.concurrency_limit, 1);
  counts.newest = created;
}

// Among those that may be claimed.
void open(Step& t, const Entry& entry) {
  if (entry.demands.empty()) {
    t.rows.put_new(tables::queue_entries.id, entry_key(entry.key), encode_entry(entry));
    t.state.entries.add(entry);
  } else {
    t.rows.put_new(tables::queue_lanes.id, lane_key(entry), encode_entry(entry));
    if (!t.state.lanes.add(entry, t.rows)) t.state.waiters.look_again();
  }
  if (!entry.limited()) return;
  t.rows.put_new(tables::queue_admitted.id, open_key(entry), encode_open());
}

void close(Step& t, const Entry& entry) {
  if (entry.demands.empty()) {
    t.rows.erase(tables::queue_entries.id, entry_key(entry.key));
    t.state.entries.remove(entry.key);
  } else {
    t.rows.erase(tables::queue_lanes.id, lane_key(entry));
    t.state.lanes.remove(entry, t.rows);
  }
  if (!entry.limited()) return;
  t.rows.erase(tables::queue_admitted.id, open_key(entry));
}

void hold(Step& t, const Entry& entry) {
  t.rows.put_new(tables::queue_held.id, held_key(entry), encode_entry(entry));
}

// From wherever it waits.
void lift(Step& t, const Entry& entry) {
  if (entry.limited() && t.rows.get(tables::queue_held.id, held_key(entry))) {
    t.rows.erase(tables::queue_held.id, held_key(entry));
  } else {
    close(t, entry);
  }
}

// The most urgent that is held back of those that share the key and the demands of `like`.
std::optional<Entry> first_held(const Step& t, const Entry& like) {
  const std::string prefix = held_prefix(like.concurrency_key, like.demands);
  const auto rows = t.rows.scan(tables::queue_held.id, prefix, "", 1);
  if (rows.empty()) return std::nullopt;
  return decode_entry(rows.front().key.substr(prefix.size()), rows.front().value.words());
}

// The one of those that is open.
std::optional<Entry> open_one(const Step& t, const Entry& like) {
  const std::string prefix = open_prefix(like.concurrency_key, like.demands);
  const auto rows = t.rows.scan(tables::queue_admitted.id, prefix, "", 1);
  if (rows.empty()) return std::nullopt;
  const EntryKey key = decode_entry_key(rows.front().key.substr(prefix.size()));
  return find_open(t.rows, {key, like.concurrency_key, like.demands});
}

// Opens the most urgent of those, unless the limit is reached.
void settle(Step& t, const Entry& like, const Concurrency& counts) {
  if (counts.is_reached()) return;
  const auto next = first_held(t, like);
  if (!next) return;
  if (const auto present = open_one(t, like)) {
    if (present->key < next->key) return;
    close(t, *present);
    hold(t, *present);
  }
  lift(t, *next);
  open(t, *next);
}

}  // namespace

void settle_all(Step& t, const std::string& concurrency_key, const Amounts& behind) {
  const Concurrency counts = read_concurrency(t, concurrency_key);
  if (counts.is_reached()) return;
  Entry like;
  like.concurrency_key = concurrency_key;
  like.demands = behind;
  std::string after;
  if (!behind.empty()) after = behind_group(held_prefix(concurrency_key, behind));
  for (std::size_t groups = 0;; ++groups) {
    const auto rows = t.rows.scan(tables::queue_held.id, held_prefix(concurrency_key), after, 1);
    if (rows.empty()) return;
    if (t.is_full() || groups >= groups_max) return go_on_later(t, concurrency_key, like.demands);
    like.demands = decode_demands(rows.front().value.words());
    settle(t, like, counts);
    after = behind_group(held_prefix(concurrency_key, like.demands));
  }
}

void insert(Step& t, const Entry& entry, Instant created) {
  t.state.pending += 1;
  if (!entry.plain()) {
    t.rows.put_new(tables::queue_admitted.id, waiting_key(entry.key.number), encode_waiting(entry));
  }
  if (!entry.limited()) return open(t, entry);
  Concurrency counts = read_concurrency(t, entry.concurrency_key);
  const bool was_reached = counts.is_reached();
  counts.waiting += 1;
  note_limit(counts, entry, created);
  write_concurrency(t, entry.concurrency_key, counts);
  hold(t, entry);
  if (was_reached) {
    settle_all(t, entry.concurrency_key);
  } else {
    settle(t, entry, counts);
  }
}

void withdraw(Step& t, const Entry& entry) {
  t.state.pending -= 1;
  lift(t, entry);
  if (entry.plain()) return;
  t.rows.erase(tables::queue_admitted.id, waiting_key(entry.key.number));
  if (!entry.limited()) return;
  Concurrency counts = read_concurrency(t, entry.concurrency_key);
  counts.waiting -= 1;
  write_concurrency(t, entry.concurrency_key, counts);
  settle(t, entry, counts);
}

void move(Step& t, Entry entry, const EntryKey& to) {
  lift(t, entry);
  entry.key = to;
  if (!entry.plain()) {
    t.rows.put(tables::queue_admitted.id, waiting_key(to.number), encode_waiting(entry));
  }
  if (!entry.limited()) return open(t, entry);
  hold(t, entry);
  settle(t, entry, read_concurrency(t, entry.concurrency_key));
}

std::optional<Entry> find_entry(Step& t, const EntryKey& key) {
  if (const Entry* known = t.state.entries.find(key)) return *known;
  return find_stored_entry(t.rows, key);
}

std::uint32_t reached_limit(const Step& t, const Entry& entry) {
  if (!entry.limited()) return 0;
  const Concurrency counts = read_concurrency(t, entry.concurrency_key);
  return counts.is_reached() ? counts.limit : 0;
}

void set_aside(Step& t, const Entry& entry) {
  close(t, entry);
  hold(t, entry);
}

void take(Step& t, const Entry& entry, std::uint64_t worker) {
  t.state.pending -= 1;
  lift(t, entry);
  if (entry.plain()) return;
  t.rows.erase(tables::queue_admitted.id, waiting_key(entry.key.number));
  t.rows.put_new(tables::queue_admitted.id, claimed_key(entry.key.number),
                 encode_claimed(entry, worker));
  if (!entry.demands.empty()) add(t.state.used[worker], entry.demands);
  if (!entry.limited()) return;
  Concurrency counts = read_concurrency(t, entry.concurrency_key);
  counts.waiting -= 1;
  counts.claimed += 1;
  write_concurrency(t, entry.concurrency_key, counts);
  settle(t, entry, counts);
}

void release(Step& t, std::uint64_t number) {
  const auto row = t.rows.get(tables::queue_admitted.id, claimed_key(number));
  if (!row) return;
  const Claimed claimed = decode_claimed(row->words());
  t.rows.erase(tables::queue_admitted.id, claimed_key(number));
  if (!claimed.demands.empty()) {
    Amounts& used = t.state.used[claimed.worker];
    subtract(used, claimed.demands);
    if (used.empty()) t.state.used.erase(claimed.worker);
    t.state.waiters.look_again(claimed.worker);
  }
  if (claimed.concurrency_key.empty()) return;
  Concurrency counts = read_concurrency(t, claimed.concurrency_key);
  const bool was_reached = counts.is_reached();
  counts.claimed -= 1;
  write_concurrency(t, claimed.concurrency_key, counts);
  if (was_reached) settle_all(t, claimed.concurrency_key);
}

}  // namespace troupe::task_queue
