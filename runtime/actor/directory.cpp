#include "runtime/actor/directory.h"

#include <utility>

namespace troupe {

Directory::Directory(std::function<void(const std::shared_ptr<Entry>&)> activate)
    : activate_(std::move(activate)) {}

Directory::Slice& Directory::slice_of(const ActorId& id) {
  return slices_[std::hash<ActorId>()(id) % slices];
}

std::shared_ptr<Entry> Directory::find_or_make(const ActorId& id, bool& made) {
  Slice& slice = slice_of(id);
  const std::lock_guard lock(slice.mutex);
  auto& entry = slice.entries[id];
  made = entry == nullptr;
  if (made) entry = std::make_shared<Entry>(id);
  return entry;
}

void Directory::deliver(Delivery delivery, std::int64_t now_ms) {
  for (;;) {
    bool made = false;
    const auto entry = find_or_make(delivery.to, made);
    {
      const std::lock_guard lock(entry->mutex);
      if (entry->gone) continue;
      entry->mailbox.push_back(std::move(delivery));
      entry->used_ms = now_ms;
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
  slice.entries.erase(entry->id);
  return true;
}

std::vector<std::shared_ptr<Entry>> Directory::idle(KindId kind,
                                                    std::int64_t before_ms,
                                                    std::size_t slice) {
  std::vector<std::shared_ptr<Entry>> found;
  Slice& s = slices_[slice % slices];
  const std::lock_guard slice_lock(s.mutex);
  for (const auto& [id, entry] : s.entries) {
    if (id.kind != kind) continue;
    const std::lock_guard lock(entry->mutex);
    if (!entry->awake && entry->wake && entry->used_ms < before_ms) found.push_back(entry);
  }
  return found;
}

void Directory::drop_mail() {
  for (auto& slice : slices_) {
    const std::lock_guard slice_lock(slice.mutex);
    for (auto& [id, entry] : slice.entries) {
      const std::lock_guard lock(entry->mutex);
      entry->mailbox.clear();
    }
  }
}

void Directory::clear() {
  for (auto& slice : slices_) {
    const std::lock_guard lock(slice.mutex);
    slice.entries.clear();
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
