// A platform for one worker, in the same process: the real interfaces over KJ pipes, a few maps
// behind them, and faults on order.
#pragma once

#include "apps/troupe/client/client.h"
#include "runtime/base/result.h"
#include "runtime/base/time.h"
#include "schema/rpc/worker.capnp.h"

#include <kj/async-io.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe::worker::test {

/// What a test says of a task; the rest is filled in.
struct FakeTask {
  std::string payload;
  std::vector<std::string> dependencies = {};
  std::vector<std::string> scopes = {};
};

struct FakeOutcome {
  schema::Outcome outcome = schema::Outcome::COMPLETED;
  schema::ReasonResolved reason = schema::ReasonResolved::NONE;
};

struct FakeArtifact {
  std::string content_type;
  std::string bytes;  // of a blob
  std::string reason;
  std::string link;
};

/// One run, as the server keeps it.
struct FakeRun {
  std::string task_id;
  std::uint64_t token = 0;
  FakeTask task;
  bool pushed = false;
  bool lost = false;  // somebody else's: everything about it is refused
  std::string log;
  std::optional<FakeOutcome> outcome;
  int outcomes = 0;  // how often an outcome was taken, repeats not counted
  int reclaims = 0;
  std::map<std::string, FakeArtifact> artifacts;
};

class FakeServer {
 public:
  FakeServer();
  ~FakeServer();

  /// A new pending task; pushed as soon as a worker has room.
  FakeRun& add(FakeTask task);

  /// One more connection, as a worker's dial gets it.
  std::unique_ptr<client::Connection> connect();
  /// All connections break off now.
  void drop();
  /// The worker is told that another process has its name.
  void displace();
  /// The worker is told that the run is not its own any more.
  void revoke(FakeRun& run);

  /// Resolves when `condition` holds; asked after everything that happens here.
  kj::Promise<void> until(std::function<bool()> condition);

  std::string worker_pool;
  int registrations = 0;
  bool left = false;
  std::uint32_t window = 0;
  std::string pause;                         // as told with the window
  std::map<std::string, std::string> blobs;  // by SHA-256, 32 bytes
  std::map<std::string, std::string> files;  // `TASK/NAME` that can be downloaded
  std::optional<Error> refuse_registration;
  std::optional<Error> refuse_window;
  Duration claim_time{20 * 60 * 1000};
  bool lose_answer_of_resolve = false;             // the connection breaks before the next answer
  std::optional<std::uint64_t> break_upload_at;    // ... once so many bytes of a blob are there
  std::optional<std::uint64_t> break_download_at;  // ... once so many bytes were sent
  std::optional<std::uint64_t> refuse_log_at;      // the next part that reaches it is refused
  Errc refuse_log_with = Errc::internal;

 private:
  class Service;
  class Registration;
  class Claim;
  class BlobSink;
  struct Link;

  void changed();
  void push_pending();
  void drop_later();
  void fill_offer(FakeRun& run, schema::ClaimOffer::Builder offer);
  FakeRun* find(schema::HeldClaim::Reader held);

  std::vector<std::unique_ptr<FakeRun>> runs_;
  std::vector<kj::Own<Link>> links_;
  kj::Maybe<schema::ClaimSink::Client> sink_;
  struct Wait {
    std::function<bool()> condition;
    kj::Own<kj::PromiseFulfiller<void>> fulfiller;
  };
  std::vector<Wait> waits_;
  kj::Promise<void> pushing_ = kj::READY_NOW;
  kj::Promise<void> dropping_ = kj::READY_NOW;
};

}  // namespace troupe::worker::test
