#include "runtime/store/map_fault.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cinttypes>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <mutex>

namespace troupe {
namespace {

// Offsets within a page have 16 bits: so far behind the mapping a wrong one leads. A wrong size
// leads further, but whoever reads on and on meets the end of the file first, which is within.
// Behind it may be anything, and what goes wrong there is nobody's damage.
constexpr std::uint64_t reach = 1ULL << 16;

// Read by the handler, which may take no lock: `text` is set last and cleared first.
struct Slot {
  std::atomic<std::uint64_t> begin{0};
  std::atomic<std::uint64_t> end{0};
  std::atomic<std::size_t> size{0};
  std::atomic<const char*> text{nullptr};
  bool taken = false;  // under `slots_mutex`
};

std::array<Slot, 64> slots;
std::mutex slots_mutex;
struct sigaction bus_before;
struct sigaction segv_before;

void on_fault(int number, siginfo_t* info, void*) {
  const auto at = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (const Slot& slot : slots) {
    const char* text = slot.text.load();
    if (text == nullptr || at < slot.begin || at - slot.begin >= slot.end - slot.begin) continue;
    [[maybe_unused]] const auto written = write(STDERR_FILENO, text, slot.size);
    _exit(1);
  }
  // Not ours: the access is made again, and fails as it would have.
  sigaction(number, number == SIGBUS ? &bus_before : &segv_before, nullptr);
}

// Again where another handler has been put in its place. Under `slots_mutex`.
void install(int number, struct sigaction& before) {
  struct sigaction now {};
  sigaction(number, nullptr, &now);
  if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == on_fault) return;
  before = now;
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

// Where this process has mapped the file; empty if nowhere.
struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};
Range mapped(const std::string& path) {
  std::array<char, 4096> resolved{};
  const std::string full = realpath(path.c_str(), resolved.data()) ? resolved.data() : path;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (!line.ends_with(" " + full)) continue;
    Range found;
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64, &found.begin, &found.end) == 2) {
      return found;
    }
  }
  return {};
}

}  // namespace

MapFaultNotice::MapFaultNotice(const std::string& path, std::string text) : text_(std::move(text)) {
  const Range range = mapped(path);
  if (range.begin == range.end) return;
  const std::lock_guard lock(slots_mutex);
  install(SIGBUS, bus_before);
  install(SIGSEGV, segv_before);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Slot& slot = slots.at(i);
    if (slot.taken) continue;
    slot.taken = true;
    slot.begin = range.begin;
    slot.end = range.end + reach;
    slot.size = text_.size();
    slot.text = text_.c_str();
    slot_ = static_cast<int>(i);
    return;
  }
}

MapFaultNotice::~MapFaultNotice() {
  if (slot_ < 0) return;
  const std::lock_guard lock(slots_mutex);
  Slot& slot = slots.at(static_cast<std::size_t>(slot_));
  slot.text = nullptr;
  slot.taken = false;
}

}  // namespace troupe
