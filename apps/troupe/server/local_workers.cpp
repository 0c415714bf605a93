#include "apps/troupe/server/local_workers.h"

#include "apps/troupe/server/worker_slot.h"
#include "runtime/process/log.h"

#include <charconv>
#include <filesystem>
#include <utility>

namespace troupe::server {
namespace {

// The numbers of the folders under DIR/workers.
std::vector<std::uint32_t> known_indices(const std::string& data_dir) {
  std::vector<std::uint32_t> indices;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(data_dir + "/workers", error)) {
    const std::string name = entry.path().filename().string();
    std::uint32_t index = 0;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), index);
    if (failure == std::errc{} && end == name.data() + name.size()) indices.push_back(index);
  }
  return indices;
}

}  // namespace

LocalWorkers::LocalWorkers(kj::UnixEventPort& port, kj::Timer& timer, LocalWorkersOptions options)
    : options_(std::move(options)) {
  for (std::uint32_t index = 1; index <= options_.count; ++index) {
    slots_.push_back(std::make_unique<WorkerSlot>(port, timer, options_, index));
  }
  for (const std::uint32_t index : known_indices(options_.data_dir)) {
    if (index >= 1 && index <= options_.count) continue;
    auto slot = std::make_unique<WorkerSlot>(port, timer, options_, index);
    if (slot->lives()) surplus_.push_back(std::move(slot));
  }
}

LocalWorkers::~LocalWorkers() = default;

void LocalWorkers::start() {
  for (const auto& slot : slots_) slot->keep();
  for (const auto& slot : surplus_) slot->stop_in_background();
  if (!surplus_.empty()) {
    log_event(LogLevel::info, "local_workers_surplus", {{"count", surplus_.size()}});
  }
}

kj::Promise<void> LocalWorkers::stop() {
  auto stops = kj::heapArrayBuilder<kj::Promise<void>>(slots_.size() + surplus_.size());
  for (const auto& slot : slots_) stops.add(slot->stop());
  for (const auto& slot : surplus_) stops.add(slot->stop());
  return kj::joinPromises(stops.finish());
}

std::vector<ProcessIdentity> LocalWorkers::living() const {
  std::vector<ProcessIdentity> processes;
  for (const auto* slots : {&slots_, &surplus_}) {
    for (const auto& slot : *slots) {
      if (slot->lives()) processes.push_back(slot->process());
    }
  }
  return processes;
}

}  // namespace troupe::server
