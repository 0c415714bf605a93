#include "apps/troupe/server/worker_service.h"

#include "actors/task/queries.h"
#include "apps/troupe/server/claim.h"
#include "apps/troupe/server/worker_session.h"
#include "runtime/base/utf8.h"
#include "runtime/process/log.h"

#include <algorithm>

namespace troupe::server {
namespace {

using kj::Promise;
using kj::READY_NOW;

constexpr std::uint32_t capacity_max = 200;
constexpr std::size_t pause_bytes_max = 300;

// The beginning of a text from outside, with no part of a character left at its end.
std::string cut_text(std::string_view text) {
  std::size_t size = std::min(text.size(), pause_bytes_max);
  while (size > 0 && size < text.size() && (text[size] & 0xC0) == 0x80) --size;
  return repaired_utf8(text.substr(0, size));
}

std::string checked_name(capnp::Text::Reader name, const char* what) {
  const auto text = view(name);
  const bool good = !text.empty() && text.size() <= 38 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (!good) {
    throw_error({Errc::invalid, std::string(what) + " is 1 to 38 letters, digits, - or _, not \"" +
                                    str(name) + "\""});
  }
  return str(name);
}

void log_dropped_push(const kj::Exception& e) {
  // The connection went down with it: the lease or the next session sees to the claim.
  log_event(LogLevel::debug, "push_not_answered",
            {{"detail", std::string(e.getDescription().cStr())}});
}

// Pushes the claims of one session to the worker.
class Registration final : public schema::Registration::Server, public kj::TaskSet::ErrorHandler {
 public:
  Registration(Site& site, WorkerIdentity worker, schema::ClaimSink::Client sink)
      : site_(site), sink_(kj::mv(sink)), pushes_(*this) {
    session_ = std::make_shared<WorkerSession>(
        site, std::move(worker),
        SessionListener{[this](HeldClaim held) { push(std::move(held)); },
                        [this](HeldClaim held) { revoke(std::move(held)); },
                        [this](std::string host) { displace(host); }});
  }

  // Claims may keep the session; nobody listens any more.
  ~Registration() noexcept { session_->close(); }

  const std::shared_ptr<WorkerSession>& session() const { return session_; }

  Promise<void> setWindow(SetWindowContext context) override {
    const auto params = context.getParams();
    return session_->set_window(params.getSlots(), cut_text(view(params.getPause())));
  }
  Promise<void> leave(LeaveContext) override { return session_->leave(); }

  // Claims that were committed before this session and that the worker does not know.
  void push_missed(const std::vector<HeldClaim>& missed) {
    for (const auto& held : missed) push_offer(held, false);
  }

  void taskFailed(kj::Exception&& exception) override { log_dropped_push(exception); }

 private:
  void push(HeldClaim held) { push_offer(held, true); }

  void push_offer(const HeldClaim& held, bool counted) {
    auto request = sink_.pushRequest();
    if (!fill_offer(site_, held, session_, request.initOffer())) {
      if (counted) session_->push_answered();
      return;
    }
    auto answered = request.send().ignoreResult();
    if (counted) {
      answered = answered.then([session = session_] { session->push_answered(); });
    }
    pushes_.add(kj::mv(answered));
  }

  void revoke(HeldClaim held) {
    auto request = sink_.revokeRequest();
    fill_held(held, request.initHeld());
    pushes_.add(request.send().ignoreResult());
  }

  void displace(const std::string& host) {
    auto request = sink_.displacedRequest();
    request.setHost(text(host));
    pushes_.add(request.send().ignoreResult());
  }

  Site& site_;
  schema::ClaimSink::Client sink_;
  std::shared_ptr<WorkerSession> session_;
  kj::TaskSet pushes_;
};

// A session for one claim, made by name; it ends with the claim.
struct SingleClaim {
  std::shared_ptr<WorkerSession> session;
  kj::Own<kj::PromiseFulfiller<HeldClaim>> claimed;
};

class WorkerService final : public schema::WorkerService::Server {
 public:
  WorkerService(Site& site, std::string client_id, std::string pool)
      : site_(site), client_id_(std::move(client_id)), pool_(std::move(pool)) {}

  Promise<void> register_(RegisterContext context) override {
    const auto params = context.getParams();
    WorkerIdentity worker = read_identity(params.getInfo());
    std::vector<HeldClaim> held;
    for (const auto claim : params.getHeld()) held.push_back(read_held(claim));
    auto registration = kj::heap<Registration>(site_, std::move(worker), params.getSink());
    auto& r = *registration;
    schema::Registration::Client client = kj::mv(registration);
    return r.session()->connect(held).then(
        [this, context, client = kj::mv(client), &r](SessionStart start) mutable {
          auto results = context.getResults();
          fill_kept(results, start, r.session());
          r.push_missed(start.missed);
          results.setRegistration(kj::mv(client));
        });
  }

  Promise<void> claimTask(ClaimTaskContext context) override;

 private:
  void check_pool(const std::string& queue) {
    if (pool_.empty() || pool_ == queue) return;
    throw_error({Errc::forbidden,
                 "these credentials are good for claiming from " + pool_ + ", not from " + queue});
  }

  WorkerIdentity read_identity(schema::WorkerInfo::Reader info) {
    WorkerIdentity worker;
    worker.client_id = client_id_;
    worker.task_queue_id = checked_queue(info.getTaskQueueId());
    check_pool(worker.task_queue_id);
    worker.worker_group = checked_name(info.getWorkerGroup(), "workerGroup");
    worker.worker_id = checked_name(info.getWorkerId(), "workerId");
    worker.capacity = info.getCapacity();
    if (worker.capacity < 1 || worker.capacity > capacity_max) {
      throw_error({Errc::invalid, "a worker's capacity is 1 to 200"});
    }
    worker.host = str(info.getHost());
    worker.version = str(info.getVersion());
    worker.process = info.getProcess();
    return worker;
  }

  template <class Results>
  void fill_kept(Results& results,
                 SessionStart& start,
                 const std::shared_ptr<WorkerSession>& session) {
    auto kept = results.initKept(static_cast<unsigned>(start.kept.size()));
    for (unsigned i = 0; i < kept.size(); ++i) {
      // A run that has ended meanwhile is answered by its claim: the worker reports in vain.
      if (!fill_offer(site_, start.kept[i], session, kept[i])) {
        fill_held(start.kept[i], kept[i].initHeld());
        kept[i].setClaim(make_claim(site_, start.kept[i], session));
      }
    }
    auto lost = results.initLost(static_cast<unsigned>(start.lost.size()));
    for (unsigned i = 0; i < lost.size(); ++i) fill_held(start.lost[i], lost[i]);
  }

  Site& site_;
  const std::string client_id_;
  const std::string pool_;
};

Promise<void> WorkerService::claimTask(ClaimTaskContext context) {
  const auto params = context.getParams();
  const std::string id = checked_id(params.getTaskId(), "taskId");
  WorkerIdentity worker;
  worker.client_id = client_id_;
  {
    const auto snapshot = site_.host.snapshot();
    auto task = task::find_task(*snapshot, id);
    if (!task) throw_error({Errc::not_found, "no task " + id});
    worker.task_queue_id = str(task->row().getTaskQueueId());
  }
  check_pool(worker.task_queue_id);
  worker.worker_group = checked_name(params.getWorkerGroup(), "workerGroup");
  worker.worker_id = checked_name(params.getWorkerId(), "workerId");
  auto paf = kj::newPromiseAndFulfiller<HeldClaim>();
  auto single = std::make_shared<SingleClaim>();
  single->claimed = kj::mv(paf.fulfiller);
  std::weak_ptr<SingleClaim> weak = single;
  single->session =
      std::make_shared<WorkerSession>(site_, worker,
                                      SessionListener{[weak](HeldClaim held) {
                                                        if (auto s = weak.lock())
                                                          s->claimed->fulfill(std::move(held));
                                                      },
                                                      [](HeldClaim) {}, [](const std::string&) {}});
  return single->session->connect({})
      .then([this, single, id, worker, run = params.getRunId()](SessionStart) {
        return ask_task(site_, id, [&](schema::TaskMessage::Builder m) {
          auto claim = m.initClaimByName();
          claim.setRunId(run);
          claim.getWorker().setTaskQueueId(text(worker.task_queue_id));
          claim.getWorker().setWorkerGroup(text(worker.worker_group));
          claim.getWorker().setWorkerId(text(worker.worker_id));
          claim.setSession(single->session->id());
        });
      })
      .then([claimed = kj::mv(paf.promise)](Bytes) mutable { return kj::mv(claimed); })
      .then([this, single, context](HeldClaim held) mutable {
        if (!fill_offer(site_, held, single->session, context.getResults().initOffer())) {
          throw_error({Errc::conflict, "the run was taken away at once"});
        }
      });
}

}  // namespace

schema::WorkerService::Client make_worker_service(Site& site,
                                                  std::string client_id,
                                                  std::string pool) {
  return kj::heap<WorkerService>(site, std::move(client_id), std::move(pool));
}

}  // namespace troupe::server
