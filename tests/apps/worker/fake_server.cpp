#include "tests/apps/worker/fake_server.h"

#include "apps/troupe/worker/task_facts.h"
#include "runtime/base/data.h"
#include "runtime/base/hash.h"
#include "runtime/base/random.h"
#include "runtime/clock/clock.h"
#include "runtime/rpc/errors.h"

#include <capnp/rpc-twoparty.h>

namespace troupe::worker::test {
namespace {

std::string hash_of(const std::string& bytes) {
  const auto hash = sha256(bytes);
  return {hash.begin(), hash.end()};
}

capnp::Data::Reader data_of(const std::string& bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

[[noreturn]] void refuse(Errc code, const std::string& why) {
  kj::throwFatalException(exception_from(Error{code, why}));
}

// The worker's end.
class PipeConnection final : public client::Connection {
 public:
  explicit PipeConnection(kj::Own<kj::AsyncIoStream> stream)
      : stream_(kj::mv(stream)),
        network_(*stream_, capnp::rpc::twoparty::Side::CLIENT),
        rpc_(capnp::makeRpcClient(network_)) {}
  ~PipeConnection() noexcept override {}

  schema::Queue::Client queue() override { refuse(Errc::internal, "not here"); }
  schema::Troupe::Client troupe() override { refuse(Errc::internal, "not here"); }
  schema::Auth::Client auth() override { refuse(Errc::internal, "not here"); }
  schema::Object::Client object() override { refuse(Errc::internal, "not here"); }
  schema::WorkerService::Client workers() override {
    capnp::MallocMessageBuilder message;
    auto vat = message.initRoot<capnp::rpc::twoparty::VatId>();
    vat.setSide(capnp::rpc::twoparty::Side::SERVER);
    return rpc_.bootstrap(vat).castAs<schema::WorkerService>();
  }
  kj::Promise<void> on_disconnect() override { return network_.onDisconnect(); }

 private:
  kj::Own<kj::AsyncIoStream> stream_;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc_;
};

}  // namespace

// Our end of one connection.
struct FakeServer::Link {
  Link(kj::Own<kj::AsyncIoStream> given, capnp::Capability::Client bootstrap)
      : stream(kj::mv(given)),
        network(*stream, capnp::rpc::twoparty::Side::SERVER),
        rpc(capnp::makeRpcServer(network, kj::mv(bootstrap))) {}

  kj::Own<kj::AsyncIoStream> stream;
  capnp::TwoPartyVatNetwork network;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc;
};

class FakeServer::BlobSink final : public schema::ByteStream::Server {
 public:
  BlobSink(FakeServer& server, std::string hash, std::uint64_t size)
      : server_(server), hash_(std::move(hash)), size_(size) {}

  kj::Promise<void> write(WriteContext context) override {
    auto& blob = server_.blobs[hash_];
    blob += str(context.getParams().getBytes());
    if (server_.break_upload_at && blob.size() >= *server_.break_upload_at) {
      server_.break_upload_at.reset();
      server_.drop_later();
    }
    return kj::READY_NOW;
  }

  kj::Promise<void> end(EndContext) override {
    const auto& blob = server_.blobs[hash_];
    if (blob.size() != size_ || hash_of(blob) != hash_) refuse(Errc::corrupt, "wrong bytes");
    return kj::READY_NOW;
  }

 private:
  FakeServer& server_;
  const std::string hash_;
  const std::uint64_t size_;
};

class FakeServer::Claim final : public schema::Claim::Server {
 public:
  Claim(FakeServer& server, FakeRun& run) : server_(server), run_(run) {}

  kj::Promise<void> reclaim(ReclaimContext context) override {
    require_held();
    ++run_.reclaims;
    context.getResults().setTakenUntil((wall_now() + server_.claim_time).ms);
    server_.changed();
    return kj::READY_NOW;
  }

  kj::Promise<void> appendLog(AppendLogContext context) override {
    require_held();
    const auto offset = context.getParams().getOffset();
    const auto bytes = str(context.getParams().getBytes());
    if (offset > run_.log.size()) refuse(Errc::conflict, "a gap in the log");
    if (server_.refuse_log_at && offset + bytes.size() >= *server_.refuse_log_at) {
      server_.refuse_log_at.reset();
      refuse(server_.refuse_log_with, "no log today");
    }
    const auto known = run_.log.size() - offset;
    if (known < bytes.size()) run_.log += bytes.substr(known);
    server_.changed();
    return kj::READY_NOW;
  }

  kj::Promise<void> syncLog(SyncLogContext context) override {
    context.getResults().setOffset(run_.log.size());
    return kj::READY_NOW;
  }

  kj::Promise<void> upload(UploadContext context) override {
    require_held();
    const auto hash = str(context.getParams().getSha256());
    const auto size = context.getParams().getSize();
    const auto have = server_.blobs.find(hash);
    const auto offset = have == server_.blobs.end() ? 0 : have->second.size();
    context.getResults().setOffset(offset);
    if (offset < size || size == 0) {
      context.getResults().setSink(kj::heap<BlobSink>(server_, hash, size));
    }
    return kj::READY_NOW;
  }

  kj::Promise<void> createArtifact(CreateArtifactContext context) override {
    require_held();
    const auto from = context.getParams().getArtifact();
    FakeArtifact artifact{
        .content_type = text_of(from.getContentType()), .bytes = {}, .reason = {}, .link = {}};
    if (from.isBlob()) artifact.bytes = server_.blobs.at(str(from.getBlob().getSha256()));
    if (from.isError()) artifact.reason = text_of(from.getError().getReason());
    if (from.isLink()) artifact.link = text_of(from.getLink());
    run_.artifacts[text_of(from.getName())] = artifact;
    server_.changed();
    return kj::READY_NOW;
  }

  kj::Promise<void> download(DownloadContext context) override;

  kj::Promise<void> resolve(ResolveContext context) override {
    const auto params = context.getParams();
    const FakeOutcome outcome{params.getOutcome(), params.getReason()};
    if (run_.lost) refuse(Errc::conflict, "somebody else's");
    if (run_.outcome) {
      const bool same = run_.outcome->outcome == outcome.outcome;
      if (!same) refuse(Errc::conflict, "another outcome was taken");
      return kj::READY_NOW;
    }
    if (run_.log.size() != params.getLogSize()) refuse(Errc::unavailable, "send the rest");
    run_.outcome = outcome;
    ++run_.outcomes;
    if (server_.lose_answer_of_resolve) {
      server_.lose_answer_of_resolve = false;
      server_.drop_later();
      return kj::NEVER_DONE;
    }
    server_.changed();
    return kj::READY_NOW;
  }

 private:
  void require_held() {
    if (run_.lost || run_.outcome) refuse(Errc::conflict, "not held");
  }

  kj::Promise<void> send(schema::ByteStream::Client sink, const std::string& bytes, std::size_t at);

  FakeServer& server_;
  FakeRun& run_;
};

kj::Promise<void> FakeServer::Claim::download(DownloadContext context) {
  require_held();
  const auto params = context.getParams();
  const auto found =
      server_.files.find(text_of(params.getTaskId()) + "/" + text_of(params.getName()));
  if (found == server_.files.end()) refuse(Errc::not_found, "no such artifact");
  auto results = context.getResults();
  const auto hash = hash_of(found->second);
  results.setSha256(data_of(hash));
  results.setSize(found->second.size());
  return send(params.getSink(), found->second, params.getOffset());
}

kj::Promise<void> FakeServer::Claim::send(schema::ByteStream::Client sink,
                                          const std::string& bytes,
                                          std::size_t at) {
  constexpr std::size_t piece = 10'000;
  if (server_.break_download_at && at >= *server_.break_download_at) {
    server_.break_download_at.reset();
    server_.drop_later();
    return kj::NEVER_DONE;
  }
  if (at >= bytes.size()) return sink.endRequest().send().ignoreResult();
  auto request = sink.writeRequest();
  request.setBytes(data_of(bytes.substr(at, piece)));
  return request.send().then(
      [this, sink, &bytes, at]() mutable { return send(sink, bytes, at + piece); });
}

class FakeServer::Registration final : public schema::Registration::Server {
 public:
  explicit Registration(FakeServer& server) : server_(server) {}

  kj::Promise<void> setWindow(SetWindowContext context) override {
    if (server_.refuse_window) {
      refuse(server_.refuse_window->code, server_.refuse_window->detail);
    }
    server_.window = context.getParams().getSlots();
    server_.pause = text_of(context.getParams().getPause());
    server_.push_pending();
    server_.changed();
    return kj::READY_NOW;
  }
  kj::Promise<void> leave(LeaveContext) override {
    server_.left = true;
    server_.changed();
    return kj::READY_NOW;
  }

 private:
  FakeServer& server_;
};

class FakeServer::Service final : public schema::WorkerService::Server {
 public:
  explicit Service(FakeServer& server) : server_(server) {}

  kj::Promise<void> register_(RegisterContext context) override {
    ++server_.registrations;
    server_.changed();
    if (server_.refuse_registration) {
      refuse(server_.refuse_registration->code, server_.refuse_registration->detail);
    }
    const auto params = context.getParams();
    server_.worker_pool = text_of(params.getInfo().getTaskQueueId());
    server_.sink_ = params.getSink();
    server_.window = 0;
    std::vector<FakeRun*> kept;
    std::vector<schema::HeldClaim::Reader> lost;
    for (const auto held : params.getHeld()) {
      FakeRun* run = server_.find(held);
      if (run != nullptr && !run->lost) kept.push_back(run);
      if (run != nullptr && run->lost) lost.push_back(held);
    }
    auto results = context.getResults();
    auto offers = results.initKept(static_cast<unsigned>(kept.size()));
    for (unsigned i = 0; i < offers.size(); ++i) server_.fill_offer(*kept[i], offers[i]);
    auto gone = results.initLost(static_cast<unsigned>(lost.size()));
    for (unsigned i = 0; i < gone.size(); ++i) gone.setWithCaveats(i, lost[i]);
    results.setRegistration(kj::heap<Registration>(server_));
    return kj::READY_NOW;
  }

 private:
  FakeServer& server_;
};

FakeServer::FakeServer() = default;
FakeServer::~FakeServer() = default;

FakeRun& FakeServer::add(FakeTask task) {
  auto run = std::make_unique<FakeRun>();
  run->task_id = new_slugid();
  run->token = runs_.size() + 1;
  run->task = std::move(task);
  runs_.push_back(std::move(run));
  push_pending();
  return *runs_.back();
}

std::unique_ptr<client::Connection> FakeServer::connect() {
  auto pipe = kj::newTwoWayPipe();
  links_.push_back(kj::heap<Link>(kj::mv(pipe.ends[0]), kj::heap<Service>(*this)));
  return std::make_unique<PipeConnection>(kj::mv(pipe.ends[1]));
}

void FakeServer::drop() {
  sink_ = nullptr;
  window = 0;
  links_.clear();
}

// Not from inside of a call of the connection that is to go.
void FakeServer::drop_later() {
  dropping_ = kj::evalLater([this] { drop(); }).eagerlyEvaluate(nullptr);
}

void FakeServer::displace() {
  KJ_IF_MAYBE (sink, sink_) {
    auto request = sink->displacedRequest();
    request.setHost("elsewhere");
    pushing_ =
        pushing_.then([sent = request.send().ignoreResult()]() mutable { return kj::mv(sent); })
            .eagerlyEvaluate([](kj::Exception&&) {});
  }
}

void FakeServer::revoke(FakeRun& run) {
  run.lost = true;
  KJ_IF_MAYBE (sink, sink_) {
    auto request = sink->revokeRequest();
    auto held = request.initHeld();
    held.setTaskId(run.task_id.c_str());
    held.setToken(run.token);
    pushing_ =
        pushing_.then([sent = request.send().ignoreResult()]() mutable { return kj::mv(sent); })
            .eagerlyEvaluate([](kj::Exception&&) {});
  }
}

kj::Promise<void> FakeServer::until(std::function<bool()> condition) {
  if (condition()) return kj::READY_NOW;
  auto pair = kj::newPromiseAndFulfiller<void>();
  waits_.push_back({std::move(condition), kj::mv(pair.fulfiller)});
  return kj::mv(pair.promise);
}

void FakeServer::changed() {
  // A condition must not be asked once its caller has its answer, or has given up.
  std::erase_if(waits_, [](Wait& wait) {
    if (!wait.fulfiller->isWaiting()) return true;
    if (!wait.condition()) return false;
    wait.fulfiller->fulfill();
    return true;
  });
}

void FakeServer::push_pending() {
  KJ_IF_MAYBE (sink, sink_) {
    for (auto& run : runs_) {
      if (run->pushed || window == 0) continue;
      run->pushed = true;
      --window;
      auto request = sink->pushRequest();
      fill_offer(*run, request.initOffers(1)[0]);
      pushing_ =
          pushing_.then([sent = request.send().ignoreResult()]() mutable { return kj::mv(sent); })
              .eagerlyEvaluate([](kj::Exception&&) {});
    }
  }
}

void FakeServer::fill_offer(FakeRun& run, schema::ClaimOffer::Builder offer) {
  auto held = offer.initHeld();
  held.setTaskId(run.task_id.c_str());
  held.setToken(run.token);
  offer.setTakenUntil((wall_now() + claim_time).ms);
  auto task = offer.initTask();
  task.setTaskQueueId("local/default");
  task.setTaskGroupId(run.task_id.c_str());
  task.setPayload(run.task.payload.c_str());
  task.setDeadline((wall_now() + Duration{86'400'000}).ms);
  task.setExpires((wall_now() + Duration{2 * 86'400'000}).ms);
  auto dependencies = task.initDependencies(static_cast<unsigned>(run.task.dependencies.size()));
  for (unsigned i = 0; i < dependencies.size(); ++i) {
    dependencies.set(i, run.task.dependencies[i].c_str());
  }
  auto scopes = task.initScopes(static_cast<unsigned>(run.task.scopes.size()));
  for (unsigned i = 0; i < scopes.size(); ++i) scopes.set(i, run.task.scopes[i].c_str());
  offer.setLogOffset(run.log.size());
  offer.setClaim(kj::heap<Claim>(*this, run));
}

FakeRun* FakeServer::find(schema::HeldClaim::Reader held) {
  for (auto& run : runs_) {
    if (run->task_id == text_of(held.getTaskId()) && run->token == held.getToken()) {
      return run.get();
    }
  }
  return nullptr;
}

}  // namespace troupe::worker::test
