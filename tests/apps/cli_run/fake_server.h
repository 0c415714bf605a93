// A server that a test plays: it answers calls with what the test has put in, over a real socket,
// and can be lost and come back. One event loop serves both sides.
#pragma once

#include "apps/troupe/client/client.h"
#include "runtime/base/result.h"
#include "runtime/rpc/errors.h"
#include "schema/rpc/session.capnp.h"

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace troupe::cli::test {

/// What the server does, as far as the test needs it.
struct Script {
  using Troupe = schema::Troupe::Server;
  using Queue = schema::Queue::Server;
  using Workers = schema::WorkerService::Server;

  template <class Params, class Results>
  using Method = std::function<kj::Promise<void>(capnp::CallContext<Params, Results>)>;

  Method<schema::Troupe::ServerInfoParams, schema::Troupe::ServerInfoResults> server_info;
  Method<schema::Troupe::ReadLogParams, schema::Troupe::ReadLogResults> read_log;
  Method<schema::Troupe::EventsParams, schema::Troupe::EventsResults> events;
  Method<schema::Troupe::ExplainParams, schema::Troupe::ExplainResults> explain;
  Method<schema::Troupe::TailsParams, schema::Troupe::TailsResults> tails;
  Method<schema::Troupe::CheckTasksParams, schema::Troupe::CheckTasksResults> check_tasks;
  Method<schema::Troupe::CreateTasksParams, schema::Troupe::CreateTasksResults> create_tasks;
  Method<schema::Troupe::ReleaseTasksParams, schema::Troupe::ReleaseTasksResults> release_tasks;
  Method<schema::Troupe::FindIdsParams, schema::Troupe::FindIdsResults> find_ids;
  Method<schema::Troupe::ListQueuesParams, schema::Troupe::ListQueuesResults> list_queues;
  Method<schema::Troupe::ListWorkersParams, schema::Troupe::ListWorkersResults> list_workers;
  Method<schema::Troupe::CreateWorkerTokenParams, schema::Troupe::CreateWorkerTokenResults>
      create_worker_token;
  Method<schema::Queue::RerunTaskParams, schema::TaskStatusResponse> rerun_task;
  Method<schema::Queue::StatusParams, schema::TaskStatusResponse> status;
  Method<schema::Queue::ListTaskGroupParams, schema::TaskGroupPage> list_task_group;
  Method<schema::Queue::SealTaskGroupParams, schema::TaskGroup> seal_task_group;
  Method<schema::WorkerService::RegisterParams, schema::WorkerService::RegisterResults>
      register_worker;
  Method<schema::WorkerService::ClaimTaskParams, schema::WorkerService::ClaimTaskResults>
      claim_task;
};

class FakeTroupe final : public schema::Troupe::Server {
 public:
  explicit FakeTroupe(Script& script) : script_(script) {}

 protected:
  kj::Promise<void> serverInfo(ServerInfoContext context) override {
    return script_.server_info(context);
  }
  kj::Promise<void> readLog(ReadLogContext context) override { return script_.read_log(context); }
  kj::Promise<void> events(EventsContext context) override { return script_.events(context); }
  kj::Promise<void> explain(ExplainContext context) override { return script_.explain(context); }
  kj::Promise<void> tails(TailsContext context) override { return script_.tails(context); }
  kj::Promise<void> checkTasks(CheckTasksContext context) override {
    return script_.check_tasks(context);
  }
  kj::Promise<void> createTasks(CreateTasksContext context) override {
    return script_.create_tasks(context);
  }
  kj::Promise<void> releaseTasks(ReleaseTasksContext context) override {
    return script_.release_tasks(context);
  }
  kj::Promise<void> findIds(FindIdsContext context) override { return script_.find_ids(context); }
  kj::Promise<void> listQueues(ListQueuesContext context) override {
    return script_.list_queues(context);
  }
  kj::Promise<void> listWorkers(ListWorkersContext context) override {
    return script_.list_workers(context);
  }
  kj::Promise<void> createWorkerToken(CreateWorkerTokenContext context) override {
    return script_.create_worker_token(context);
  }

 private:
  Script& script_;
};

class FakeQueue final : public schema::Queue::Server {
 public:
  explicit FakeQueue(Script& script) : script_(script) {}

 protected:
  kj::Promise<void> status(StatusContext context) override { return script_.status(context); }
  kj::Promise<void> listTaskGroup(ListTaskGroupContext context) override {
    return script_.list_task_group(context);
  }
  kj::Promise<void> rerunTask(RerunTaskContext context) override {
    return script_.rerun_task(context);
  }
  kj::Promise<void> sealTaskGroup(SealTaskGroupContext context) override {
    return script_.seal_task_group(context);
  }

 private:
  Script& script_;
};

class FakeWorkers final : public schema::WorkerService::Server {
 public:
  explicit FakeWorkers(Script& script) : script_(script) {}

 protected:
  kj::Promise<void> claimTask(ClaimTaskContext context) override {
    return script_.claim_task(context);
  }
  kj::Promise<void> register_(RegisterContext context) override {
    return script_.register_worker(context);
  }

 private:
  Script& script_;
};

class FakeSession final : public schema::Session::Server {
 public:
  explicit FakeSession(Script& script) : script_(script) {}

 protected:
  kj::Promise<void> queue(QueueContext context) override {
    context.getResults().setQueue(kj::heap<FakeQueue>(script_));
    return kj::READY_NOW;
  }
  kj::Promise<void> troupe(TroupeContext context) override {
    context.getResults().setTroupe(kj::heap<FakeTroupe>(script_));
    return kj::READY_NOW;
  }
  kj::Promise<void> workers(WorkersContext context) override {
    context.getResults().setWorkers(kj::heap<FakeWorkers>(script_));
    return kj::READY_NOW;
  }

 private:
  Script& script_;
};

class FakeGateway final : public schema::Gateway::Server {
 public:
  explicit FakeGateway(Script& script) : script_(script) {}

 protected:
  kj::Promise<void> hello(HelloContext context) override {
    context.getResults().setProtocol(schema::PROTOCOL_VERSION);
    context.getResults().initNonce(32);
    return kj::READY_NOW;
  }
  kj::Promise<void> authenticate(AuthenticateContext context) override {
    context.getResults().setSession(kj::heap<FakeSession>(script_));
    return kj::READY_NOW;
  }

 private:
  Script& script_;
};

class FakeServer {
 public:
  explicit FakeServer(kj::AsyncIoContext& io) : io_(io) {
    std::string name = std::filesystem::temp_directory_path() / "troupe-test-XXXXXX";
    folder_ = mkdtemp(name.data());
    target.rpc = "unix:" + folder_ + "/rpc.sock";
    target.client_id = "test";
    target.access_token = "token";
    target.found_in = "the test";
  }
  ~FakeServer() {
    stop();
    std::filesystem::remove_all(folder_);
  }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  void start() {
    std::filesystem::remove(folder_ + "/rpc.sock");
    auto address = io_.provider->getNetwork().parseAddress(target.rpc).wait(io_.waitScope);
    listener_ = address->listen();
    serving_ = serve().eagerlyEvaluate(nullptr);
  }

  /// As if it was killed: connections end, nobody listens.
  void stop() {
    serving_ = nullptr;
    listener_ = nullptr;
    connections_ = kj::Vector<kj::Own<Peer>>();
  }

  Script script;
  client::Target target;

 private:
  struct Peer {
    Peer(kj::Own<kj::AsyncIoStream> s, Script& script)
        : stream(kj::mv(s)),
          network(*stream, capnp::rpc::twoparty::Side::SERVER),
          rpc(capnp::makeRpcServer(network, kj::heap<FakeGateway>(script))) {}
    kj::Own<kj::AsyncIoStream> stream;
    capnp::TwoPartyVatNetwork network;
    capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc;
  };

  kj::Promise<void> serve() {
    return listener_->accept().then([this](kj::Own<kj::AsyncIoStream>&& stream) {
      connections_.add(kj::heap<Peer>(kj::mv(stream), script));
      return serve();
    });
  }

  kj::AsyncIoContext& io_;
  std::string folder_;
  kj::Own<kj::ConnectionReceiver> listener_;
  kj::Vector<kj::Own<Peer>> connections_;
  kj::Promise<void> serving_ = nullptr;
};

}  // namespace troupe::cli::test
