#include "apps/troupe/server/worker_service.h"

#include "actors/task/queries.h"
#include "apps/troupe/server/caller.h"
#include "apps/troupe/server/claim.h"
#include "apps/troupe/server/counted.h"
#include "apps/troupe/server/worker_session.h"
#include "runtime/base/resources_text.h"
#include "runtime/base/utf8.h"
#include "runtime/process/log.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

namespace troupe::server {
namespace {

using kj::Promise;
using kj::READY_NOW;

constexpr std::uint32_t capacity_max = 200;
constexpr std::size_t pause_bytes_max = 300;
constexpr unsigned reports_max = 100;    // of one call
constexpr unsigned resources_max = 100;  // of one worker
// A registration remembers the claims that it may report: when there are so many, it looks which of
// them have ended, and next when there are twice as many as were left.
constexpr std::size_t reportable_before_sweep_min = 1'000;
// Of one message to a worker: a definition may have 10 MiB, a message 64.
constexpr std::size_t offers_max = 64;
constexpr std::uint64_t offers_words_max = (1 << 20) / sizeof(capnp::word);

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

std::map<std::string, std::uint64_t> checked_resources(capnp::List<schema::Resource>::Reader list) {
  if (list.size() > resources_max) {
    throw_error(
        {Errc::invalid, "a worker offers at most " + std::to_string(resources_max) + " resources"});
  }
  std::map<std::string, std::uint64_t> amounts;
  for (const auto one : list) {
    const std::string name = str(one.getName());
    if (!is_resource_name(name)) {
      throw_error({Errc::invalid,
                   "a resource is named by 1 to 100 letters, digits, _, . or -, not "
                   "\"" +
                       name + "\""});
    }
    if (!amounts.emplace(name, one.getAmount()).second) {
      throw_error({Errc::invalid, "the resource " + name + " is offered twice"});
    }
  }
  return amounts;
}

void fill_answer(kj::Exception&& failure, schema::ReportAnswer::Builder out) {
  const Error error = error_from(failure);
  out.initError().setCode(to_string(error.code));
  out.getError().setMessage(text(error.detail));
}

void log_dropped_push(const kj::Exception& e) {
  // The connection went down with it: the lease or the next session sees to the claim.
  log_event(LogLevel::debug, "push_not_answered",
            {{"detail", std::string(e.getDescription().cStr())}});
}

// Pushes the claims of one session to the worker.
class Registration final : public schema::Registration::Server, public kj::TaskSet::ErrorHandler {
 public:
  Registration(Site& site,
               WorkerIdentity worker,
               MayClaim may_claim,
               schema::ClaimSink::Client sink)
      : site_(site), sink_(kj::mv(sink)), pushes_(*this) {
    session_ = std::make_shared<WorkerSession>(
        site, std::move(worker),
        SessionListener{[this](HeldClaim held) { push(std::move(held)); },
                        [this](HeldClaim held) { revoke(std::move(held)); },
                        [this](std::string host) { displace(host); }},
        std::move(may_claim));
  }

  // Claims may keep the session; nobody listens any more.
  ~Registration() noexcept { session_->close(); }

  const std::shared_ptr<WorkerSession>& session() const { return session_; }

  Promise<void> setWindow(SetWindowContext context) override {
    const auto params = context.getParams();
    return session_->set_window(params.getSlots(), cut_text(view(params.getPause())));
  }
  Promise<void> leave(LeaveContext) override { return session_->leave(); }
  Promise<void> resolve(ResolveContext context) override;

  // A claim that the worker may report from now on.
  void note_reportable(const HeldClaim& held) {
    if (reportable_.size() >= reportable_before_sweep_) {
      std::erase_if(reportable_, [this](const HeldClaim& one) { return !is_claimed(site_, one); });
      reportable_before_sweep_ = std::max(reportable_before_sweep_min, 2 * reportable_.size());
    }
    reportable_.insert(held);
  }

  // Claims that were committed before this session and that the worker does not know.
  void push_missed(const std::vector<HeldClaim>& missed) {
    for (const auto& held : missed) waiting_.push_back({held, false});
    push_later();
  }

  void taskFailed(kj::Exception&& exception) override { log_dropped_push(exception); }

 private:
  // A claim on its way to the worker; those that the window counts are told when they are there.
  struct Offer {
    HeldClaim held;
    bool counted;
  };

  void push(HeldClaim held) {
    waiting_.push_back({std::move(held), true});
    push_later();
  }

  // What comes in one turn of the loop goes in one message.
  void push_later() {
    if (is_pushing_ || waiting_.empty()) return;
    is_pushing_ = true;
    pushes_.add(kj::evalLater([this] {
      is_pushing_ = false;
      while (!waiting_.empty()) push_some();
    }));
  }

  void push_some() {
    auto request = sink_.pushRequest();
    auto offers = request.initOffers(static_cast<unsigned>(std::min(waiting_.size(), offers_max)));
    unsigned filled = 0;
    std::uint32_t counted = 0;
    std::uint64_t words = 0;
    while (!waiting_.empty() && filled < offers.size() && words < offers_words_max) {
      const Offer offer = std::move(waiting_.front());
      waiting_.pop_front();
      if (fill_offer(site_, offer.held, session_, offers[filled])) {
        words += offers[filled].asReader().totalSize().wordCount;
        ++filled;
        note_reportable(offer.held);
        if (offer.counted) ++counted;
      } else if (offer.counted) {
        pushes_.add(session_->push_dropped());
      }
    }
    if (filled == 0) return;
    auto list = request.disownOffers();
    list.truncate(filled);
    request.adoptOffers(kj::mv(list));
    pushes_.add(request.send().ignoreResult().then([session = session_, counted] {
      for (std::uint32_t i = 0; i < counted; ++i) session->push_answered();
    }));
  }

  void revoke(HeldClaim held) {
    reportable_.erase(held);
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
  std::deque<Offer> waiting_;
  bool is_pushing_ = false;
  std::set<HeldClaim> reportable_;
  std::size_t reportable_before_sweep_ = reportable_before_sweep_min;
  kj::TaskSet pushes_;
};

// Each as by its own claim: a report that is refused does not keep the others.
Promise<void> Registration::resolve(ResolveContext context) {
  const auto reports = context.getParams().getReports();
  if (reports.size() > reports_max) {
    throw_error({Errc::invalid, std::to_string(reports.size()) + " reports are more than " +
                                    std::to_string(reports_max) + ": make several calls"});
  }
  auto answers = context.getResults().initAnswers(reports.size());
  kj::Vector<Promise<void>> all(reports.size());
  for (unsigned i = 0; i < reports.size(); ++i) {
    const auto report = reports[i];
    const HeldClaim held = read_held(report.getHeld());
    auto answer = answers[i];
    if (!reportable_.contains(held)) {
      fill_answer(
          exception_from({Errc::conflict, "run " + std::to_string(held.run_id) + " of task " +
                                              held.task_id + " is no claim of this registration"}),
          answer);
      continue;
    }
    auto request = make_uncounted_claim(site_, held, session_).resolveRequest();
    request.setOutcome(report.getOutcome());
    request.setReason(report.getReason());
    request.setLogSize(report.getLogSize());
    all.add(request.send().then(
        [answer](auto&& done) mutable { answer.setStatus(done.getStatus()); },
        [answer](kj::Exception&& failure) mutable { fill_answer(kj::mv(failure), answer); }));
  }
  return kj::joinPromises(all.releaseAsArray());
}

// A session for one claim, made by name; it ends with the claim.
struct SingleClaim {
  std::shared_ptr<WorkerSession> session;
  kj::Own<kj::PromiseFulfiller<HeldClaim>> claimed;
};

class WorkerService final : public schema::WorkerService::Server {
 public:
  WorkerService(Site& site, api::Call& call) : site_(site), call_(call) {}

  Promise<void> register_(RegisterContext context) override {
    const auto params = context.getParams();
    WorkerIdentity worker = read_identity(params.getInfo());
    std::vector<HeldClaim> held;
    for (const auto claim : params.getHeld()) held.push_back(read_held(claim));
    auto allowed = may_claim(worker);
    auto registration =
        kj::heap<Registration>(site_, std::move(worker), std::move(allowed), params.getSink());
    auto& r = *registration;
    auto client = counted<schema::Registration>(kj::mv(registration), "registration", site_);
    return r.session()->connect(held).then(
        [this, context, client = kj::mv(client), &r](SessionStart start) mutable {
          auto results = context.getResults();
          fill_kept(results, start, r);
          r.push_missed(start.missed);
          results.setRegistration(kj::mv(client));
        });
  }

  Promise<void> claimTask(ClaimTaskContext context) override;

 private:
  // Whoever claims may be held to some queues, and to some names.
  void authorize(const WorkerIdentity& worker) { call_.authorize(scope_values(worker)); }

  static ScopeParameters scope_values(const WorkerIdentity& worker) {
    ScopeParameters values;
    values.text("taskQueueId", worker.task_queue_id);
    values.text("workerGroup", worker.worker_group).text("workerId", worker.worker_id);
    return values;
  }

  // The same, as long as the session lasts: this call's caller is the session's.
  MayClaim may_claim(const WorkerIdentity& worker) {
    auto caller = dynamic_cast<Caller&>(call_.caller()).shared_from_this();
    auto needed = take(call_.method().scopes->render(scope_values(worker)));
    return [caller = std::move(caller), needed = std::move(needed)] {
      try {
        return needed->satisfied_by(caller->credentials().scopes);
      } catch (const kj::Exception&) {
        return false;  // disabled, expired, gone, or with another token
      }
    };
  }
  const std::string& client_id() { return call_.caller().credentials().client_id; }

  WorkerIdentity read_identity(schema::WorkerInfo::Reader info) {
    WorkerIdentity worker;
    worker.client_id = client_id();
    worker.task_queue_id = checked_queue(info.getTaskQueueId());
    worker.worker_group = checked_name(info.getWorkerGroup(), "workerGroup");
    worker.worker_id = checked_name(info.getWorkerId(), "workerId");
    authorize(worker);
    worker.capacity = info.getCapacity();
    if (worker.capacity < 1 || worker.capacity > capacity_max) {
      throw_error({Errc::invalid, "a worker's capacity is 1 to 200"});
    }
    worker.host = str(info.getHost());
    worker.version = str(info.getVersion());
    worker.process = info.getProcess();
    if (info.hasResources()) worker.resources = checked_resources(info.getResources());
    return worker;
  }

  template <class Results>
  void fill_kept(Results& results, SessionStart& start, Registration& registration) {
    const auto& session = registration.session();
    auto kept = results.initKept(static_cast<unsigned>(start.kept.size()));
    for (unsigned i = 0; i < kept.size(); ++i) {
      registration.note_reportable(start.kept[i]);
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
  api::Call& call_;
};

Promise<void> WorkerService::claimTask(ClaimTaskContext context) {
  const auto params = context.getParams();
  const std::string id = checked_id(params.getTaskId(), "taskId");
  WorkerIdentity worker;
  worker.client_id = client_id();
  bool pending = false;
  {
    const auto snapshot = site_.host.snapshot();
    auto task = task::find_task(*snapshot, id);
    if (!task) throw_error({Errc::not_found, "no task " + id});
    worker.task_queue_id = str(task->row().getTaskQueueId());
    // Before a session begins, which ends that of a worker of the same name.
    const auto runs = task->row().getRuns();
    const std::uint32_t run = params.getRunId();
    pending = run < runs.size() && runs[run].getState() == schema::TaskState::PENDING;
  }
  worker.worker_group = checked_name(params.getWorkerGroup(), "workerGroup");
  worker.worker_id = checked_name(params.getWorkerId(), "workerId");
  authorize(worker);
  if (!pending) {
    throw_error({Errc::conflict, "run " + std::to_string(params.getRunId()) + " of task " + id +
                                     " is not pending"});
  }
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
                                                      [](HeldClaim) {}, [](const std::string&) {}},
                                      may_claim(worker));
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

kj::Own<capnp::Capability::Server> serve_worker(Site& site, api::Call& call) {
  return kj::heap<WorkerService>(site, call);
}

}  // namespace troupe::server
