#include "runtime/actor/suspects.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <initializer_list>
#include <new>
#include <string_view>
#include <system_error>

namespace troupe {
namespace {

// Enough of a body to tell messages apart; all of a long one would cost more than handling it.
constexpr std::size_t body_bytes_named = 128;

std::uint64_t mix(std::initializer_list<std::uint64_t> parts) {
  std::uint64_t mixed = 0;
  for (const auto part : parts) mixed = (mixed ^ part) * 0x9e3779b97f4a7c15ULL + (mixed >> 29);
  return mixed;
}

std::uint64_t hash(std::string_view text) {
  return std::hash<std::string_view>()(text);
}

// Room for `size` bytes in the file, mapped; nothing and errno if that cannot be.
void* map_file(const std::string& path, std::size_t size) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return nullptr;
  // Pages that the disk has no room for would end the process when they are written.
  int code = posix_fallocate(fd, 0, static_cast<off_t>(size));
  void* memory = nullptr;
  if (code == 0) {
    memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) code = errno;
  }
  close(fd);
  errno = code;
  return code == 0 ? memory : nullptr;
}

}  // namespace

Suspects::Name Suspects::name_of(const Delivery& delivery) {
  const Message& message = delivery.message;
  if (message.source == Message::Source::command) return 0;
  const auto words = message.body.words();
  const std::string_view body(reinterpret_cast<const char*>(words.data()), words.size_bytes());
  const auto name = mix({static_cast<std::uint64_t>(message.source), delivery.to.kind.value,
                         hash(delivery.to.key), message.from.kind.value, hash(message.from.key),
                         hash(message.timer), static_cast<std::uint64_t>(message.due.ms),
                         message.attempt, body.size(), hash(body.substr(0, body_bytes_named))});
  return name | 1;
}

Suspects::Suspects(const std::string& path) {
  if (!path.empty()) {
    if (void* memory = map_file(path, sizeof(Slots))) {
      slots_ = static_cast<Slots*>(memory);  // zeros, or what an earlier process wrote
      take_over();
      return;
    }
    problem_ = path + ": " + std::generic_category().message(errno);
  }
}

Suspects::~Suspects() {
  if (slots_ != nullptr) munmap(slots_, sizeof(Slots));
}

void Suspects::take_over() {
  for (Slot& slot : *slots_) {
    const auto name = slot.name.load();
    if (name != 0) ends_[name] = slot.ends.load() + 1;
    slot.ends = 0;
    slot.name = 0;
  }
  any_ = !ends_.empty();
}

std::uint32_t Suspects::ends(Name name) const {
  if (!any_.load(std::memory_order_relaxed)) return 0;
  const std::lock_guard lock(mutex_);
  const auto found = ends_.find(name);
  return found == ends_.end() ? 0 : found->second;
}

void Suspects::acquit(Name name) {
  if (!any_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  ends_.erase(name);
  any_ = !ends_.empty();
}

Suspects::Handling::Handling(Suspects& suspects, Name name) {
  static std::atomic<std::size_t> threads{0};
  static thread_local const std::size_t own = threads++;
  if (name == 0 || suspects.slots_ == nullptr) return;
  const auto ends = suspects.ends(name);
  for (std::size_t i = 0; i < slots_max; ++i) {
    Slot& slot = (*suspects.slots_)[(own + i) % slots_max];
    Name none = 0;
    if (!slot.name.compare_exchange_strong(none, name)) continue;
    slot.ends = ends;
    slot_ = &slot;
    return;
  }
}

Suspects::Handling::~Handling() {
  if (slot_ == nullptr) return;
  slot_->ends = 0;
  slot_->name = 0;
}

}  // namespace troupe
