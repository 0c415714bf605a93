#include "apps/troupe/cli/task_observer.h"

#include "runtime/rpc/errors.h"

namespace troupe::cli {

kj::Promise<TaskObserver::Status> TaskObserver::status() {
  return server_.call([this](client::Connection& connection) {
    auto request = connection.queue().statusRequest();
    request.setTaskId(task_id_);
    return kj::Promise<Status>(request.send());
  });
}

kj::Promise<void> TaskObserver::next_event(std::uint32_t wait_seconds) {
  return server_.call([this, wait_seconds](client::Connection& connection) {
    auto request = connection.troupe().eventsRequest();
    request.setAfter(position_.empty() ? "now" : position_);
    request.setRoutingKey("primary." + task_id_ + ".#");
    request.setWait(position_.empty() ? 0 : wait_seconds);
    return request.send().then(
        [this](capnp::Response<schema::Troupe::EventsResults>&& answer) {
          position_ = answer.getNext().cStr();
        },
        [this](kj::Exception&& exception) {
          // Past retention, after a long time without a server: begin anew.
          if (error_from(exception).code != Errc::expired) {
            kj::throwFatalException(kj::mv(exception));
          }
          position_.clear();
        });
  });
}

}  // namespace troupe::cli
