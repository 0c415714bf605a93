// What a client does with the queue, over one of its two faces: the same steps, so that figures of
// both can be held side by side.
#pragma once

#include "bench/support/http_load.h"
#include "bench/support/platform.h"
#include "bench/support/probe.h"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::bench {

/// How much is asked for at once.
struct Pace {
  std::size_t in_flight = 1;
  std::size_t batch = 1;  // tasks in each call, or in as many calls as that takes over this face
};

/// What a step cost, from when its calls began: set-up does not count.
class Meter {
 public:
  explicit Meter(const Platform& platform) : platform_(platform) {}

  void start();
  void stop();

  double seconds() const { return seconds_; }
  double server_cpu_seconds() const { return server_cpu_seconds_; }
  double client_cpu_seconds() const { return client_cpu_seconds_; }

  Latencies latencies;  // of calls; of whole batches; of edges

 private:
  const Platform& platform_;
  std::optional<Stopwatch> clock_;
  double server_cpu_before_ = 0;
  double client_cpu_before_ = 0;
  double seconds_ = 0;
  double server_cpu_seconds_ = 0;
  double client_cpu_seconds_ = 0;
};

using Ids = std::vector<std::string>;

/// One client and worker. What it claims it holds until it reports it, unless a step says
/// otherwise. An answer that is not as it should be ends the program.
class QueueFace {
 public:
  virtual ~QueueFace() = default;

  virtual const char* name() const = 0;

  virtual void create(const TaskPlan& plan, const Ids& ids, Pace pace, Meter& meter) = 0;

  virtual void statuses(const Ids& ids, Pace pace, Meter& meter) = 0;

  /// Claims `count` tasks that wait in a queue.
  virtual void claim(const std::string& queue, std::size_t count, Pace pace, Meter& meter) = 0;

  /// Reports all that is held as completed. Batches: of what was claimed in batches.
  virtual void complete(Pace pace, Meter& meter) = 0;

  /// Creates each task, claims one and reports that.
  virtual void live(const TaskPlan& plan, const Ids& ids, Pace pace, Meter& meter) = 0;

  /// Reports all that is held, each the last dependency of a task of `queue`, and notes how long
  /// it took from there until the claim of that task was here. So many edges at a time.
  virtual void edges(const std::string& queue,
                     const std::map<std::string, std::string>& dependents,  // by dependency
                     Pace pace,
                     Meter& meter) = 0;
};

/// Singly: createTask, status, claimWork and reportCompleted. In batches: `Troupe.createTasks`,
/// `Queue.statuses`, a claim stream's window, `Registration.resolve`. Edges end in a claim stream.
std::unique_ptr<QueueFace> make_rpc_face(kj::AsyncIoContext& io, Platform& platform);

/// The same four methods. In batches: one call of `statuses`, claimWork for up to 32 tasks a call;
/// what the API has no batch of is said on as many connections. Edges end in claimWork.
std::unique_ptr<QueueFace> make_http_face(const Platform& platform);

}  // namespace troupe::bench
