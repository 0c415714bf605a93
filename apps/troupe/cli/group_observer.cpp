#include "apps/troupe/cli/group_observer.h"

#include "runtime/rpc/errors.h"
#include "runtime/transcode/json.h"

#include <capnp/message.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <utility>

namespace troupe::cli {
namespace {

constexpr std::uint32_t event_wait_seconds = 20;
constexpr std::uint32_t events_max = 1000;
constexpr std::uint32_t page_tasks = 1000;

// What an event says: the status of a task, or that in words of another version.
enum class Told { nothing, status, unreadable };

Told read_status(kj::StringPtr payload, schema::TaskStatus::Builder into) {
  rapidjson::Document document;
  document.Parse(payload.cStr());
  if (document.HasParseError() || !document.IsObject()) return Told::unreadable;
  const auto status = document.FindMember("status");
  if (status == document.MemberEnd()) return Told::nothing;
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  status->value.Accept(writer);
  const bool read = from_json({buffer.GetString(), buffer.GetSize()}, into).empty();
  return read ? Told::status : Told::unreadable;
}

}  // namespace

GroupObserver::GroupObserver(Reconnector& server,
                             std::string group_id,
                             WatchedGroup& group,
                             OnChange on_change)
    : server_(server),
      group_id_(std::move(group_id)),
      group_(group),
      on_change_(std::move(on_change)) {}

kj::Promise<void> GroupObserver::read() {
  return read_page("");
}

kj::Promise<void> GroupObserver::next() {
  if (position_.empty()) return catch_up();
  return ask_events(position_, event_wait_seconds)
      .then([this](Events&& answer) { return take(answer); },
            [this](kj::Exception&& exception) -> kj::Promise<void> {
              // Away for longer than events are kept: the group itself tells the rest.
              if (error_from(exception).code == Errc::expired) return catch_up();
              return kj::mv(exception);
            });
}

// The position first, then the group: what happens in between is seen twice, never missed.
kj::Promise<void> GroupObserver::catch_up() {
  return ask_events("now", 0).then([this](Events&& answer) {
    position_ = answer.getNext().cStr();
    return read();
  });
}

kj::Promise<void> GroupObserver::read_page(std::string token) {
  return server_
      .call([this, token](client::Connection& connection) {
        auto request = connection.queue().listTaskGroupRequest();
        request.setTaskGroupId(group_id_);
        request.setContinuationToken(token);
        request.setLimit(page_tasks);
        return kj::Promise<Page>(request.send());
      })
      .then([this](Page&& page) -> kj::Promise<void> {
        for (const auto member : page.getTasks()) {
          const auto status = member.getStatus();
          const std::string id = status.getTaskId().cStr();
          if (group_.add(id, member.getTask(), status) != nullptr) news_.push_back(id);
        }
        if (page.getContinuationToken().size() > 0) {
          return read_page(page.getContinuationToken().cStr());
        }
        // Only now is it known how many there are.
        for (const std::string& id : std::exchange(news_, {})) on_change_(*group_.find(id));
        return kj::READY_NOW;
      });
}

kj::Promise<GroupObserver::Events> GroupObserver::ask_events(std::string after,
                                                             std::uint32_t wait_seconds) {
  return server_.call([this, after, wait_seconds](client::Connection& connection) {
    auto request = connection.troupe().eventsRequest();
    request.setAfter(after);
    request.setLimit(events_max);
    // Source: spec/events.md 2.1; the group is the ninth word.
    request.setRoutingKey("primary.*.*.*.*.*.*.*." + group_id_ + ".#");
    request.setWait(wait_seconds);
    return kj::Promise<Events>(request.send());
  });
}

kj::Promise<void> GroupObserver::take(const Events& answer) {
  bool ask_group = false;
  for (const auto event : answer.getEvents()) {
    capnp::MallocMessageBuilder message;
    auto status = message.initRoot<schema::TaskStatus>();
    const Told told = read_status(event.getPayload(), status);
    if (told == Told::nothing) continue;
    if (told == Told::status && group_.contains(status.getTaskId().cStr())) {
      if (const WatchedTask* task = group_.update(status.asReader())) on_change_(*task);
    } else {
      ask_group = true;  // a task that is new, or words that are
    }
  }
  position_ = answer.getNext().cStr();
  if (!ask_group) return kj::READY_NOW;
  return read();
}

}  // namespace troupe::cli
