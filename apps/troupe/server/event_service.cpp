#include "apps/troupe/server/event_service.h"

#include "apps/troupe/server/call.h"
#include "apps/troupe/server/event_feed.h"
#include "runtime/api/error_body.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace troupe::server {
namespace {

constexpr std::uint32_t wait_seconds_max = 60;
constexpr std::size_t batch_events_max = 1'000;

EventFilter filter_of(capnp::Text::Reader exchange, capnp::Text::Reader routing_key) {
  return {str(exchange), str(routing_key)};
}

/// One subscription over RPC. Borrows the call, which it ends before.
class Subscriber {
 public:
  Subscriber(Site& site, api::Call& call, schema::Troupe::SubscribeParams::Reader params)
      : site_(site),
        call_(call),
        place_(take(site.events->enter())),
        query_(make_query(site,
                          view(params.getAfter()),
                          batch_events_max,
                          filter_of(params.getExchange(), params.getRoutingKey()))),
        sink_(params.getSink()) {
    query_.limits.bytes = batch_bytes_max;
  }

  kj::Promise<void> run() {
    return wait_for_events(site_, query_, site_.timer.now() + quiet_time_max)
        .then([this](EventPage page) -> kj::Promise<void> {
          check_reader(call_.method(), call_.credentials());
          const bool moved = page.last != query_.after;
          query_.after = page.last;
          if (!moved) return kj::READY_NOW;
          return push(page);
        })
        .then([this]() -> kj::Promise<void> {
          // This call has no answer: it ends with its connection, which is how readers know that
          // they have to come back.
          if (site_.stopping->has_begun()) return kj::NEVER_DONE;
          return run();
        });
  }

 private:
  // Resolves when the caller's end has room for more.
  kj::Promise<void> push(const EventPage& page) {
    auto request = sink_.pushRequest();
    fill_events(site_, page, request.initEvents(static_cast<unsigned>(page.events.size())));
    request.setNext(text(site_.events->write(page.last)));
    return request.send();
  }

  Site& site_;
  api::Call& call_;
  const std::shared_ptr<StreamPlace> place_;
  EventQuery query_;
  schema::EventSink::Client sink_;
};

// Over HTTP the answer to a position that is not kept says where the log begins.
void answer_expired(Site& site, api::Call& call, const kj::Exception& exception) {
  const Error error = error_from(exception);
  if (error.code != Errc::expired || call.http() == nullptr) {
    kj::throwFatalException(kj::cp(exception));
  }
  auto answer = expired_answer(site, call.method(), error);
  call.http()->status = answer.status;
  call.http()->answer = std::move(answer.body);
}

}  // namespace

kj::Promise<void> serve_events(Site& site, api::Call& call, EventsContext context) {
  return kj::evalNow([&site, &call, context]() mutable {
           const auto params = context.getParams();
           const auto wait = std::min(params.getWait(), wait_seconds_max);
           auto query = make_query(site, view(params.getAfter()), params.getLimit(),
                                   filter_of(params.getExchange(), params.getRoutingKey()));
           const auto after = query.after;
           auto page =
               wait_for_events(site, std::move(query), site.timer.now() + wait * kj::SECONDS);
           // Nobody is left to be told.
           if (wait > 0 && call.http() != nullptr && call.http()->peer_gone) {
             if (call.http()->begin_waiting) call.http()->begin_waiting();
             page = page.exclusiveJoin(call.http()->peer_gone().then([after] {
               return EventPage{{}, after};
             }));
           }
           return page.attach(kj::heap<Stopping::Waiter>(*site.stopping));
         })
      .then(
          [&site, context](EventPage page) mutable { fill_page(site, page, context.getResults()); },
          [&site, &call](kj::Exception&& exception) { answer_expired(site, call, exception); });
}

kj::Promise<void> serve_subscriber(Site& site, api::Call& call, SubscribeContext context) {
  context.allowCancellation();
  auto subscriber = kj::heap<Subscriber>(site, call, context.getParams());
  auto& running = *subscriber;
  return running.run().attach(kj::mv(subscriber));
}

void check_reader(const api::Method& method, const api::Credentials& credentials) {
  const auto needed = take(method.scopes->render(ScopeParameters{}));
  if (needed) api::require_scopes(*needed, credentials);
}

http::Response expired_answer(Site& site, const api::Method& method, const Error& error) {
  static const api::NamedTexts no_route;
  auto answer = api::error_answer(error, {method, no_route, std::nullopt, site.now()}, {});
  // Positions need no escapes.
  answer.body.insert(1, "\"oldest\":\"" + site.events->oldest() + "\",");
  return answer;
}

}  // namespace troupe::server
