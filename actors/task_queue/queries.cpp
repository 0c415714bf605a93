#include "actors/task_queue/queries.h"

#include "actors/kinds.h"
#include "actors/task_queue/queue_actor.h"

#include <algorithm>

namespace troupe::task_queue {
namespace {

constexpr std::uint8_t ranks = 7;

QueueView to_view(std::uint64_t number, WordSpan words) {
  QueueState state;
  decode_row(words, state);
  return {number, state.task_queue_id, state.pending, state.last_active, state.expires};
}

std::uint64_t token_number(const Page& page) {
  return page.after.size() == 8 ? KeyReader(page.after).u64() : 0;
}

}  // namespace

EntryKey make_entry_key(schema::Priority priority, std::uint64_t number) {
  return {static_cast<std::uint8_t>(6 - static_cast<int>(priority)), number};
}

std::optional<QueueView> find_queue(const Snapshot& snapshot, const std::string& task_queue_id) {
  if (task_queue_id.empty() || task_queue_id.find('\0') != std::string::npos) return std::nullopt;
  const auto number = find_actor_number(snapshot, troupe::task_queue_id(task_queue_id));
  const auto words = own_row(snapshot, tables::queue_state, number);
  if (!words) return std::nullopt;
  return to_view(number, *words);
}

std::vector<QueueView> list_queues(const Snapshot& snapshot, const Page& page, std::string& next) {
  std::vector<QueueView> found;
  scan_names(snapshot, kinds::task_queue, "", [&](std::string_view key, std::uint64_t number) {
    if (!page.after.empty() && key <= page.after) return true;
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

// Rows sort by rank first, the answer by number: the first `limit` of each rank, merged.
std::vector<Entry> list_pending(const Snapshot& snapshot,
                                const QueueView& queue,
                                const Page& page,
                                std::string& next) {
  std::vector<Entry> all;
  const std::uint64_t after = token_number(page);
  for (std::uint8_t behind = 0; behind < ranks; ++behind) {
    std::size_t seen = 0;
    scan_own(snapshot, tables::queue_entries, queue.number, KeyWriter().u8(behind).prefix(),
             KeyWriter().u8(behind).u64(after).prefix(), [&](std::string_view key, WordSpan row) {
               all.push_back(decode_entry(key, row));
               return ++seen <= page.limit;
             });
  }
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
  std::size_t ahead = 0;
  scan_own(snapshot, tables::queue_entries, queue.number, "", "",
           [&](std::string_view row_key, WordSpan) {
             KeyReader reader(row_key);
             EntryKey other;
             other.behind = reader.u8();
             other.number = reader.u64();
             if (other >= key) return false;
             return ++ahead < limit;
           });
  return ahead;
}

}  // namespace troupe::task_queue
