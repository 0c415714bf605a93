// What a load has asked for and what it was told: the record against which a test holds the data.
//
//   FOLDER/ledger   one line for each thing that happened, in its order, words with blanks between:
//                     sent NUMBER KIND ...         a command, when it is first sent
//                     again NUMBER                 ... and once more, as no answer came
//                     ack NUMBER KIND TASK ...     its answer
//                     refused NUMBER KIND TASK CODE ...
//                     claim TASK RUN TOKEN WORKER  a claim as a worker got it, once
//                     busy TEXT                    an answer that asked to try again later
//   FOLDER/gauge    `Gauge`, mapped: what a test waits for
#pragma once

#include "schema/api/queue.capnp.h"

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <string>

namespace troupe::load {

/// Counters since the start, read by another process.
struct Gauge {
  std::atomic<std::uint64_t> sent;      // commands
  std::atomic<std::uint64_t> answered;  // of these, acknowledged or refused for good
  std::atomic<std::uint64_t> created;   // creations acknowledged
  std::atomic<std::uint64_t> resolved;  // reports of workers acknowledged
  std::atomic<std::uint64_t> busy;      // answers that asked to try again later
};

class Ledger {
 public:
  /// Makes both files; ends the process if it cannot.
  explicit Ledger(const std::string& folder);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::print(file_, format, std::forward<Args>(args)...);
    std::fputc('\n', file_);
  }

  /// Answers the command's number.
  std::uint64_t sent(const std::string& command);
  void sent_again(std::uint64_t number) { line("again {}", number); }
  void acknowledged(std::uint64_t number, const std::string& answer);
  void refused(std::uint64_t number, const std::string& command, const kj::Exception& why);

  /// Notes it if the answer asks for another attempt; in any case the caller goes on with it.
  void note_busy(const kj::Exception& why);

  Gauge& gauge() { return *gauge_; }

  /// To be called before others read the ledger.
  void flush() { std::fflush(file_); }

 private:
  std::FILE* file_;
  Gauge* gauge_;
};

/// A status on one line: task, state, and for each run its state, reasons, worker and times.
std::string words_of(schema::TaskStatus::Reader status);

}  // namespace troupe::load
