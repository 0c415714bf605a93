// How a run ends, as the worker sees it.
#pragma once

#include "schema/rpc/worker.capnp.h"

#include <optional>
#include <string>

namespace troupe::worker {

struct Verdict {
  schema::Outcome outcome = schema::Outcome::COMPLETED;
  schema::ReasonResolved reason = schema::ReasonResolved::NONE;  // only with `exception`
  std::string message;                                           // why, for the task's log

  static Verdict failed(std::string message) {
    return {schema::Outcome::FAILED, schema::ReasonResolved::NONE, std::move(message)};
  }
  static Verdict exception(schema::ReasonResolved reason, std::string message) {
    return {schema::Outcome::EXCEPTION, reason, std::move(message)};
  }
};

/// Everything runs to its end; the first thing that went wrong decides.
class FirstVerdict {
 public:
  void note(Verdict verdict) {
    if (!verdict_) verdict_ = std::move(verdict);
  }
  void note(std::optional<Verdict> verdict) {
    if (verdict) note(std::move(*verdict));
  }
  bool bad() const { return verdict_.has_value(); }
  Verdict value() const { return verdict_.value_or(Verdict{}); }

 private:
  std::optional<Verdict> verdict_;
};

/// `completed`, `failed`, or the reason of an exception such as `worker-shutdown`: for log lines.
const char* name_of(const Verdict& verdict);

}  // namespace troupe::worker
