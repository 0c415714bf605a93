#include "tests/crash/load_client.h"

#include "runtime/base/random.h"
#include "runtime/clock/clock.h"

#include <cstdlib>
#include <utility>

namespace troupe::load {
namespace {

constexpr std::uint64_t group_tasks = 40;
constexpr std::int64_t deadline_ms = 3'600'000;

}  // namespace

Client::Client(kj::AsyncIoContext& io,
               const client::Target& target,
               Ledger& ledger,
               ClientOptions own)
    : ledger_(ledger),
      own_(std::move(own)),
      random_(own_.seed),
      server_(io, target),
      commands_(*this) {
  server_.on_loss([](const std::string&) {});
}

void Client::start() {
  for (std::size_t i = 0; i < own_.in_flight; ++i) next();
}

kj::Promise<void> Client::drain() {
  draining_ = true;
  if (unanswered_ == 0) return kj::READY_NOW;
  auto pair = kj::newPromiseAndFulfiller<void>();
  drained_ = kj::mv(pair.fulfiller);
  return kj::mv(pair.promise);
}

void Client::next() {
  if (draining_) {
    if (unanswered_ == 0 && drained_.get() != nullptr) drained_->fulfill();
    return;
  }
  unanswered_ += 1;
  commands_.add(command().then([this] {
    unanswered_ -= 1;
    next();
  }));
}

kj::Promise<void> Client::command() {
  const std::uint64_t dice = any_below(100);
  if (known_.empty() || dice < 75) return create(make_task(), false);
  // By value: `known_` grows meanwhile.
  const NewTask task = known_[any_below(known_.size())];
  if (dice < 82) return create(task, true);
  if (dice < 88) return cancel(task.id);
  return rerun(task.id);
}

Client::NewTask Client::make_task() {
  NewTask task;
  task.id = new_slugid();
  if (made_ % group_tasks == 0) group_ = task.id;
  task.group = group_;
  task.name = own_.name + "-" + std::to_string(made_++);
  task.created = wall_now().ms;
  task.priority = static_cast<unsigned>(any_below(7));
  if (!known_.empty() && any_below(10) == 0) {
    task.dependency = known_[any_below(known_.size())].id;
  }
  return task;
}

// Sends until there is an answer, and writes down what it was. False: a refusal.
template <class Ask>
kj::Promise<bool> Client::tell(const std::string& kind,
                               const std::string& id,
                               const std::string& rest,
                               Ask ask) {
  const auto number = ledger_.sent(kind + " " + id + rest);
  return server_
      .call([this, number, ask = std::move(ask),
             again = false](client::Connection& connection) mutable {
        if (std::exchange(again, true)) ledger_.sent_again(number);
        auto answer = ask(connection);
        return answer.then(
            [](auto&& status) { return kj::str(words_of(status.getStatus()).c_str()); },
            [this](kj::Exception&& exception) -> kj::String {
              ledger_.note_busy(exception);
              kj::throwFatalException(kj::mv(exception));
            });
      })
      .then(
          [this, number, kind](kj::String&& words) {
            ledger_.acknowledged(number, kind + " " + words.cStr());
            return true;
          },
          [this, number, kind, id](kj::Exception&& exception) {
            ledger_.refused(number, kind + " " + id, exception);
            return false;
          });
}

kj::Promise<void> Client::create(const NewTask& task, bool again) {
  const std::string rest =
      fmt::format(" {} {} {} {} {}", task.name, task.group,
                  task.dependency.empty() ? "-" : task.dependency, task.created, task.priority);
  const auto ask = [this, task](client::Connection& connection) {
    auto request = connection.queue().createTaskRequest();
    request.setTaskId(task.id);
    auto definition = request.initTask();
    definition.setTaskQueueId(own_.queue);
    definition.setTaskGroupId(task.group);
    if (!task.dependency.empty()) definition.initDependencies(1).set(0, task.dependency);
    definition.setRequires(schema::Requires::ALL_RESOLVED);
    definition.setPriority(static_cast<schema::Priority>(task.priority));
    definition.setCreated(task.created);
    definition.setDeadline(task.created + deadline_ms);
    definition.setPayload(R"({"fill":")" + std::string(own_.payload_bytes, 'x') + R"("})");
    auto metadata = definition.initMetadata();
    metadata.setName(task.name);
    metadata.setDescription("load");
    metadata.setOwner("load@example.com");
    metadata.setSource("https://example.com/load");
    return request.send();
  };
  return tell("create", task.id, rest, ask).then([this, task, again](bool created) {
    if (again || !created) return;
    known_.push_back(task);
    ledger_.gauge().created += 1;
  });
}

kj::Promise<void> Client::cancel(const std::string& id) {
  const auto ask = [id](client::Connection& connection) {
    auto request = connection.queue().cancelTaskRequest();
    request.setTaskId(id);
    return request.send();
  };
  return tell("cancel", id, "", ask).ignoreResult();
}

kj::Promise<void> Client::rerun(const std::string& id) {
  const std::string request_id = new_slugid();
  const auto ask = [id, request_id](client::Connection& connection) {
    auto request = connection.queue().rerunTaskRequest();
    request.setTaskId(id);
    request.setRequestId(request_id);
    return request.send();
  };
  return tell("rerun", id, " " + request_id, ask).ignoreResult();
}

void Client::taskFailed(kj::Exception&& exception) {
  fmt::print(stderr, "{}: {}\n", own_.name, exception.getDescription().cStr());
  std::abort();
}

}  // namespace troupe::load
