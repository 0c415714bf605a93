#include "actors/task_queue/queries.h"

#include "actors/kinds.h"
#include "actors/task_queue/codec.h"

#include <algorithm>

namespace troupe::task_queue {
namespace {

constexpr std::uint8_t ranks = 7;
// Lanes, or keys of which something is held back, that are looked into for one answer.
constexpr std::size_t groups_max = 1'000;

QueueView to_view(std::uint64_t number, WordSpan words) {
  QueueState state;
  decode_row(words, state);
  return {number, state.task_queue_id, state.pending, state.last_active, state.expires};
}

std::uint64_t token_number(const Page& page) {
  return page.after.size() == 8 ? KeyReader(page.after).u64() : 0;
}

std::optional<Entry> read_entry(const Snapshot& snapshot,
                                const QueueView& queue,
                                const TableSpec& table,
                                const std::string& prefix,
                                const EntryKey& key) {
  const std::string own = entry_key(key);
  const auto row = own_row(snapshot, table, queue.number, prefix + own);
  if (!row) return std::nullopt;
  return decode_entry(own, *row);
}

std::optional<Waiting> find_waiting(const Snapshot& snapshot,
                                    const QueueView& queue,
                                    std::uint64_t number) {
  const auto row = own_row(snapshot, tables::queue_admitted, queue.number, waiting_key(number));
  if (!row) return std::nullopt;
  return decode_waiting(number, *row);
}

std::optional<Entry> find_held(const Snapshot& snapshot,
                               const QueueView& queue,
                               const Waiting& waiting) {
  if (waiting.concurrency_key.empty()) return std::nullopt;
  return read_entry(snapshot, queue, tables::queue_held,
                    held_prefix(waiting.concurrency_key, waiting.demands), waiting.key);
}

std::optional<Entry> find_open(const Snapshot& snapshot,
                               const QueueView& queue,
                               const Waiting& waiting) {
  if (waiting.demands.empty()) {
    return read_entry(snapshot, queue, tables::queue_entries, "", waiting.key);
  }
  return read_entry(snapshot, queue, tables::queue_lanes, lane_prefix(lane_of(waiting.demands)),
                    waiting.key);
}

// Those that are limited or ask for resources are found by their numbers.
void add_special(const Snapshot& snapshot,
                 const QueueView& queue,
                 std::uint64_t after,
                 std::size_t limit,
                 std::vector<Entry>& all) {
  std::size_t seen = 0;
  scan_own(snapshot, tables::queue_admitted, queue.number, waiting_prefix(), waiting_key(after),
           [&](std::string_view key, WordSpan row) {
             KeyReader reader(key.substr(waiting_prefix().size()));
             const Waiting waiting = decode_waiting(reader.u64(), row);
             auto entry = find_held(snapshot, queue, waiting);
             if (!entry) entry = find_open(snapshot, queue, waiting);
             if (entry) all.push_back(std::move(*entry));
             return ++seen <= limit;
           });
}

// Those that nothing holds back but that others come before: one place in order, so the first
// stands for all. `others_known`: the survey has all others already.
void add_plain(const Snapshot& snapshot,
               const QueueView& queue,
               std::size_t limit,
               bool others_known,
               Survey& survey) {
  std::optional<Entry> first;
  std::uint64_t counted = 0;
  std::size_t rows = 0;
  scan_own(snapshot, tables::queue_entries, queue.number, "", "",
           [&](std::string_view key, WordSpan row) {
             Entry entry = decode_entry(key, row);
             if (entry.plain()) {
               counted += 1;
               if (!first) first = std::move(entry);
             }
             return ++rows < limit && !(first && others_known);
           });
  if (!first) return;
  if (others_known) counted = queue.pending - std::min(queue.pending, survey.looked_at);
  survey.looked_at += counted;
  survey.groups.push_back({std::move(*first), counted});
}

// Of the rows that begin with `prefix`, those before `key`.
std::size_t count_before(const Snapshot& snapshot,
                         const QueueView& queue,
                         const TableSpec& table,
                         const std::string& prefix,
                         const EntryKey& key,
                         std::size_t limit) {
  std::size_t count = 0;
  const std::string end = prefix + entry_key(key);
  scan_own(snapshot, table, queue.number, prefix, "", [&](std::string_view row_key, WordSpan) {
    if (count >= limit || row_key.substr(0, end.size()) >= end) return false;
    ++count;
    return true;
  });
  return count;
}

// Of all lanes, or of all that is held back. Skips from one group of keys to the next.
std::size_t count_before_in_groups(const Snapshot& snapshot,
                                   const QueueView& queue,
                                   const TableSpec& table,
                                   const EntryKey& key,
                                   std::size_t limit) {
  std::size_t count = 0;
  std::string after;
  for (std::size_t groups = 0; groups < groups_max && count < limit; ++groups) {
    std::string prefix;
    scan_own(snapshot, table, queue.number, "", after, [&](std::string_view row_key, WordSpan) {
      prefix = std::string(row_key.substr(0, row_key.find('\0') + 1));
      return false;
    });
    if (prefix.empty()) break;
    count += count_before(snapshot, queue, table, prefix, key, limit - count);
    after = behind_group(prefix);
  }
  return count;
}

}  // namespace

std::optional<QueueView> find_queue(const Snapshot& snapshot, const std::string& task_queue_id) {
  if (task_queue_id.empty() || task_queue_id.find('\0') != std::string::npos) return std::nullopt;
  const auto number = find_actor_number(snapshot, troupe::task_queue_id(task_queue_id));
  const auto words = own_row(snapshot, tables::queue_state, number);
  if (!words) return std::nullopt;
  return to_view(number, *words);
}

std::vector<QueueView> list_queues(const Snapshot& snapshot, const Page& page, std::string& next) {
  std::vector<QueueView> found;
  if (page.limit == 0) return found;
  scan_names(snapshot, kinds::task_queue, "", page.after,
             [&](std::string_view, std::uint64_t number) {
               if (found.size() == page.limit) {
                 next = write_token(found.back().task_queue_id);
                 return false;
               }
               if (const auto words = own_row(snapshot, tables::queue_state, number)) {
                 found.push_back(to_view(number, *words));
               }
               return true;
             });
  return found;
}

// Rows sort by rank first, the answer by number: the first `limit` of each rank, merged. Numbers
// rise with time, and an entry keeps its own when it moves, so pages neither repeat nor skip one.
std::vector<Entry> list_pending(const Snapshot& snapshot,
                                const QueueView& queue,
                                const Page& page,
                                std::string& next) {
  std::vector<Entry> all;
  const std::uint64_t after = token_number(page);
  for (std::uint8_t behind = 0; behind < ranks; ++behind) {
    std::size_t seen = 0;
    scan_own(snapshot, tables::queue_entries, queue.number, KeyWriter().u8(behind).prefix(),
             entry_key({behind, after}), [&](std::string_view key, WordSpan row) {
               Entry entry = decode_entry(key, row);
               if (entry.plain()) all.push_back(std::move(entry));
               return ++seen <= page.limit;
             });
  }
  add_special(snapshot, queue, after, page.limit, all);
  std::ranges::sort(all, {}, [](const Entry& e) { return e.key.number; });
  if (all.size() > page.limit) {
    all.resize(page.limit);
    if (!all.empty()) next = write_token(KeyWriter().u64(all.back().key.number).prefix());
  }
  return all;
}

std::size_t count_ahead(const Snapshot& snapshot,
                        const QueueView& queue,
                        const EntryKey& key,
                        std::size_t limit) {
  std::size_t ahead = count_before(snapshot, queue, tables::queue_entries, "", key, limit);
  for (const TableSpec* table : {&tables::queue_lanes, &tables::queue_held}) {
    ahead += count_before_in_groups(snapshot, queue, *table, key, limit - ahead);
  }
  return ahead;
}

std::optional<EntryView> find_entry(const Snapshot& snapshot,
                                    const QueueView& queue,
                                    const EntryKey& key) {
  const auto waiting = find_waiting(snapshot, queue, key.number);
  if (!waiting) {
    auto plain = read_entry(snapshot, queue, tables::queue_entries, "", key);
    if (!plain) return std::nullopt;
    return EntryView{std::move(*plain)};
  }
  EntryView found;
  auto entry = find_held(snapshot, queue, *waiting);
  if (!entry) entry = find_open(snapshot, queue, *waiting);
  if (!entry) return std::nullopt;
  found.entry = std::move(*entry);
  if (!found.entry.limited()) return found;
  const auto row = own_row(snapshot, tables::queue_concurrency, queue.number,
                           concurrency_row_key(found.entry.concurrency_key));
  if (row) {
    const Concurrency counts = decode_concurrency(*row);
    found.held = counts.is_reached();
    found.limit = counts.limit;
    found.claimed = counts.claimed;
  }
  return found;
}

Survey survey_waiting(const Snapshot& snapshot, const QueueView& queue, std::size_t limit) {
  struct Found {
    Waiting first;
    std::uint64_t entries = 0;
  };
  std::map<std::string, Found> found;  // by what they wait for
  std::uint64_t seen = 0;
  bool all = true;
  scan_own(snapshot, tables::queue_admitted, queue.number, waiting_prefix(), "",
           [&](std::string_view key, WordSpan row) {
             all = seen < limit;
             if (!all) return false;
             ++seen;
             KeyReader reader(key.substr(waiting_prefix().size()));
             Waiting waiting = decode_waiting(reader.u64(), row);
             Found& group = found[held_prefix(waiting.concurrency_key, waiting.demands)];
             group.entries += 1;
             if (group.entries > 1 && group.first.key < waiting.key) return true;
             group.first = std::move(waiting);
             return true;
           });
  Survey survey;
  survey.looked_at = seen;
  for (const auto& [position, group] : found) {
    auto first = find_held(snapshot, queue, group.first);
    if (!first) first = find_open(snapshot, queue, group.first);
    if (first) survey.groups.push_back({std::move(*first), group.entries});
  }
  add_plain(snapshot, queue, limit, all, survey);
  return survey;
}

std::map<std::uint64_t, Amounts> used_by_workers(const Snapshot& snapshot, const QueueView& queue) {
  std::map<std::uint64_t, Amounts> used;
  scan_own(snapshot, tables::queue_admitted, queue.number, claimed_prefix(), "",
           [&](std::string_view, WordSpan row) {
             const Claimed claimed = decode_claimed(row);
             add(used[claimed.worker], claimed.demands);
             return true;
           });
  return used;
}

}  // namespace troupe::task_queue
