// Reading the logs of runs: as they are, or line by line; once, or as they grow.
#pragma once

#include "apps/troupe/cli/reconnect.h"

#include <kj/async.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::cli {

/// Where the bytes of a log go.
class LogOutput {
 public:
  virtual ~LogOutput() = default;
  virtual void begin_run(std::uint32_t run_id) = 0;
  virtual void write(std::string_view bytes) = 0;
  virtual void end_run() = 0;  // nothing follows in this run
};

/// To standard output, as they are.
class RawLogOutput final : public LogOutput {
 public:
  void begin_run(std::uint32_t) override {}
  void write(std::string_view bytes) override;
  void end_run() override {}
};

/// Cut into lines, without their ends; a line of more than 1 MiB comes in pieces.
class LineLogOutput final : public LogOutput {
 public:
  using OnLine = std::function<void(std::uint32_t run_id, std::string_view line)>;

  explicit LineLogOutput(OnLine on_line);
  void begin_run(std::uint32_t run_id) override { run_id_ = run_id; }
  void write(std::string_view bytes) override;
  void end_run() override;

 private:
  void flush_partial();

  OnLine on_line_;
  std::uint32_t run_id_ = 0;
  std::string partial_;
};

/// One run's log, and how much of it was written.
struct LogPlace {
  std::string task_id;
  std::uint32_t run_id = 0;
  std::uint64_t offset = 0;
};

/// Writes bytes of a log. Adds to `offset` what has been written, as it is written; stops early
/// once
/// `*active` is false: the connection was given up, and the next one sends these bytes again.
/// `bytes` and `offset` live until the promise is resolved or dropped.
using WriteLog = std::function<kj::Promise<void>(
    kj::ArrayPtr<const kj::byte> bytes, std::uint64_t& offset, std::shared_ptr<const bool> active)>;

/// Writes the log from `place` on, which moves along; with `follow` until the run has ended. Lost
/// connections are dialled again, and every byte is written once. Returns whether the run has ended
/// and all of its log was written. Throws the kj::Exception of a refusal (`not_found`: no log).
/// All borrowed for the life of the promise.
kj::Promise<bool> stream_run_log(Reconnector& server, LogPlace& place, bool follow, WriteLog write);

/// The same, and waits for it.
bool read_run_log(Reconnector& server, LogPlace& place, bool follow, LogOutput& output);

}  // namespace troupe::cli
