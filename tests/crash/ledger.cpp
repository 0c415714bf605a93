#include "tests/crash/ledger.h"

#include "runtime/rpc/errors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace troupe::load {
namespace {

[[noreturn]] void fail(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

Gauge* map_gauge(const std::string& path) {
  const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof(Gauge)) != 0) fail(path);
  void* mapped = mmap(nullptr, sizeof(Gauge), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) fail(path);
  close(fd);
  return new (mapped) Gauge{};
}

}  // namespace

Ledger::Ledger(const std::string& folder)
    : file_(std::fopen((folder + "/ledger").c_str(), "w")), gauge_(map_gauge(folder + "/gauge")) {
  if (file_ == nullptr) fail(folder + "/ledger");
}

Ledger::~Ledger() {
  std::fclose(file_);
  munmap(gauge_, sizeof(Gauge));
}

std::uint64_t Ledger::sent(const std::string& command) {
  const std::uint64_t number = gauge_->sent.load() + 1;
  line("sent {} {}", number, command);
  gauge_->sent.store(number);
  return number;
}

void Ledger::acknowledged(std::uint64_t number, const std::string& answer) {
  line("ack {} {}", number, answer);
  gauge_->answered += 1;
}

void Ledger::refused(std::uint64_t number, const std::string& command, const kj::Exception& why) {
  const Error error = error_from(why);
  line("refused {} {} {} {}", number, command, to_string(error.code), error.detail);
  gauge_->answered += 1;
}

void Ledger::note_busy(const kj::Exception& why) {
  const Error error = error_from(why);
  if (error.code != Errc::busy) return;
  line("busy {}", error.detail);
  gauge_->busy += 1;
}

std::string words_of(schema::TaskStatus::Reader status) {
  std::string text =
      fmt::format("{} {}", status.getTaskId().cStr(), static_cast<unsigned>(status.getState()));
  for (const auto run : status.getRuns()) {
    text += fmt::format(" {},{},{},{},{},{},{}", static_cast<unsigned>(run.getState()),
                        static_cast<unsigned>(run.getReasonCreated()),
                        static_cast<unsigned>(run.getReasonResolved()), run.getWorkerId().cStr(),
                        run.getScheduled(), run.getStarted(), run.getResolved());
  }
  return text;
}

}  // namespace troupe::load
