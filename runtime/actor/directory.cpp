#include "runtime/actor/directory.h"

#include <utility>

namespace troupe {

Directory::Directory(std::function<void(const std::shared_ptr<Entry>&)> activate)
    : activate_(std::move(activate)) {}

Directory::Slice& Directory::slice_of(const ActorId& id) {
  return slices_[std::hash<ActorId>()(id) % slices];
}

std::shared_ptr<Entry> Directory::find_or_make(const ActorId& id, std::int64_t now_ms, bool& made) {
  Slice& slice = slice_of(id);
  const std::lock_guard lock(slice.mutex);
  ByUse& by_use = slice.by_use[id.kind.value];
  const auto [found, is_new] = slice.entries.try_emplace(id);
  made = is_new;
  if (is_new) {
    found->second = by_use.insert(by_use.end(), std::make_shared<Entry>(id));
  } else {
    by_use.splice(by_use.end(), by_use, found->second);
  }
  const auto& entry = *found->second;
  entry->used_ms = now_ms;
  return entry;
}

void Directory::deliver(Delivery delivery, std::int64_t now_ms) {
  for (;;) {
    bool made = false;
    const auto entry = find_or_make(delivery.to, now_ms, made);
    {
      const std::lock_guard lock(entry->mutex);
      if (entry->gone) continue;
      entry->mailbox.push_back(std::move(delivery));
      if (!entry->awake && entry->wake) {
        entry->awake = true;
        entry->wake();  // only puts the actor into the scheduler's queue
      }
    }
    if (made) activate_(entry);
    return;
  }
}

std::optional<Delivery> Directory::next(Entry& entry) {
  const std::lock_guard lock(entry.mutex);
  if (entry.mailbox.empty()) {
    entry.awake = false;
    return std::nullopt;
  }
  auto delivery = std::move(entry.mailbox.front());
  entry.mailbox.pop_front();
  return delivery;
}

bool Directory::remove_if_idle(const std::shared_ptr<Entry>& entry,
                               const std::function<bool()>& may_leave) {
  Slice& slice = slice_of(entry->id);
  const std::lock_guard slice_lock(slice.mutex);
  const std::lock_guard lock(entry->mutex);
  if (entry->awake || !entry->mailbox.empty() || !may_leave()) return false;
  entry->gone = true;
  const auto place = slice.entries.find(entry->id);
  slice.by_use[entry->id.kind.value].erase(place->second);
  slice.entries.erase(place);
  return true;
}

std::vector<std::shared_ptr<Entry>> Directory::idle(KindId kind,
                                                    std::int64_t before_ms,
                                                    std::size_t slice) {
  std::vector<std::shared_ptr<Entry>> found;
  Slice& s = slices_[slice % slices];
  const std::lock_guard slice_lock(s.mutex);
  for (const auto& entry : s.by_use[kind.value]) {
    if (entry->used_ms >= before_ms) break;
    const std::lock_guard lock(entry->mutex);
    if (!entry->awake && entry->wake) found.push_back(entry);
  }
  return found;
}

void Directory::drop_mail() {
  for (auto& slice : slices_) {
    const std::lock_guard slice_lock(slice.mutex);
    for (const auto& [id, place] : slice.entries) {
      const std::lock_guard lock((*place)->mutex);
      (*place)->mailbox.clear();
    }
  }
}

void Directory::clear() {
  for (auto& slice : slices_) {
    const std::lock_guard lock(slice.mutex);
    slice.entries.clear();
    slice.by_use.clear();
  }
}

std::size_t Directory::size() const {
  std::size_t total = 0;
  for (const auto& slice : slices_) {
    const std::lock_guard lock(slice.mutex);
    total += slice.entries.size();
  }
  return total;
}

}  // namespace troupe
