#include "apps/troupe/server/event_stream.h"

#include "apps/troupe/server/call.h"
#include "apps/troupe/server/caller.h"
#include "apps/troupe/server/event_service.h"
#include "apps/troupe/server/services.h"
#include "runtime/api/error_body.h"
#include "runtime/base/random.h"
#include "runtime/process/log.h"
#include "runtime/transcode/json.h"

#include <capnp/message.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace troupe::server {
namespace {

enum CloseCode : std::uint16_t {
  going_away = 1001,
  too_slow = 1008,
  failed = 1011,
  unauthenticated = 4401,
  forbidden = 4403,
  expired = 4410,
};

std::string batch_text(const Site& site, const EventPage& page) {
  capnp::MallocMessageBuilder message;
  auto batch = message.initRoot<schema::Troupe::EventsResults>();
  fill_page(site, page, batch);
  return to_json(batch.asReader());
}

/// One stream.
class EventStream {
 public:
  EventStream(Site& site, EventQuery query, std::function<void()> check, http::Socket& socket)
      : site_(site), query_(std::move(query)), check_(std::move(check)), socket_(socket) {}

  kj::Promise<void> run() {
    return go_on()
        .catch_([this](kj::Exception&& exception) { return end(exception); })
        .exclusiveJoin(socket_.ended());
  }

 private:
  kj::Promise<void> go_on() {
    return wait_for_events(site_, query_, site_.timer.now() + quiet_time_max)
        .then([this](EventPage page) -> kj::Promise<void> {
          check_();
          const bool quiet = page.events.empty();
          // A filter may let nothing through for days: the reader is to know where the log is.
          const bool moved = page.last != query_.after;
          query_.after = page.last;
          kj::Promise<void> told = moved ? send(page) : kj::Promise<void>(kj::READY_NOW);
          if (!quiet || ends_ || site_.stopping->has_begun()) return told;
          return told.then([this] { return ping(); });
        })
        .then([this]() -> kj::Promise<void> {
          if (ends_) return kj::READY_NOW;
          if (!site_.stopping->has_begun()) return go_on();
          return socket_.close(going_away,
                               "the server stops: go on from " + site_.events->write(query_.after));
        });
  }

  // One that takes nothing any more keeps its place no longer for answering on TCP alone.
  kj::Promise<void> ping() {
    auto cut = site_.timer.afterDelay(batch_time_max).then([this] { ends_ = true; });
    return socket_.ping().exclusiveJoin(kj::mv(cut));
  }

  kj::Promise<void> send(const EventPage& page) {
    const auto begun = site_.timer.now();
    auto cut = site_.timer.afterDelay(2 * batch_time_max).then([this] { ends_ = true; });
    return socket_.send(batch_text(site_, page))
        .then([this, begun]() -> kj::Promise<void> {
          if (site_.timer.now() - begun <= batch_time_max) return kj::READY_NOW;
          ends_ = true;
          return socket_.close(too_slow,
                               "too slow: go on from " + site_.events->write(query_.after));
        })
        .exclusiveJoin(kj::mv(cut));
  }

  kj::Promise<void> end(const kj::Exception& exception) {
    const Error error = error_from(exception);
    switch (error.code) {
      case Errc::unauthenticated:
        return socket_.close(unauthenticated, "the credentials do not hold any more");
      case Errc::forbidden: return socket_.close(forbidden, "this needs the scope troupe:events");
      case Errc::expired: return socket_.close(expired, site_.events->oldest());
      case Errc::unavailable: return kj::READY_NOW;  // the peer is gone
      default:
        log_event(LogLevel::error, "event_stream_failed", {{"error", error.detail}});
        return socket_.close(failed, "the server has failed");
    }
  }

  Site& site_;
  EventQuery query_;
  const std::function<void()> check_;
  http::Socket& socket_;
  bool ends_ = false;
};

http::Response begin(Site& site, const api::Method& events, const http::Request& request) {
  static const api::NamedTexts no_route;
  auto caller = make_request_caller(site, request);
  api::Call call(events, *caller);
  call.authorize(api::scope_values(events, no_route));
  capnp::MallocMessageBuilder message;
  auto params = message.initRoot<schema::Troupe::EventsParams>();
  const auto filled = api::fill_query(events, take(api::read_query(request.query)), params);
  if (!filled.ok()) throw_error(filled.error());
  if (!request.wants_socket) {
    throw_error({Errc::invalid,
                 "this is a WebSocket: ask with Upgrade: websocket; the same over "
                 "plain HTTP is /api/troupe/v1/events"});
  }
  const auto asked = params.asReader();
  if (asked.getLimit() == 0) {
    throw_error({Errc::invalid, "limit: a stream of empty batches never goes on: leave it out"});
  }
  auto place = take(site.events->enter());
  auto query = make_query(site, view(asked.getAfter()), asked.getLimit(),
                          {str(asked.getExchange()), str(asked.getRoutingKey())});
  query.limits.bytes = batch_bytes_max;
  std::shared_ptr<api::Caller> standing = make_standing_caller(site, request);
  http::Response response;
  response.socket = [&site, &events, standing, query,
                     place = std::move(place)](http::Socket& socket) {
    return stream_events(
        site, query, [&events, standing] { check_reader(events, standing->credentials()); },
        socket);
  };
  return response;
}

http::Response refusal(Site& site, const api::Method& events, const kj::Exception& exception) {
  static const api::NamedTexts no_route;
  const Error error = error_from(exception);
  if (error.code == Errc::expired) return expired_answer(site, events, error);
  const std::string incident = new_uuid();
  auto answer = api::error_answer(error, {events, no_route, std::nullopt, site.now()}, incident);
  if (answer.status == 500) {
    log_event(LogLevel::error, "http_call_failed",
              {{"service", events.service},
               {"method", "event-stream"},
               {"incident", incident},
               {"error", error.detail}});
  }
  return answer;
}

const ServedService& troupe_service() {
  return *std::ranges::find_if(served_services(),
                               [](const auto& one) { return one.service.name == "troupe"; });
}

}  // namespace

void add_event_stream(http::RouteTable& routes, Site& site) {
  const api::Service& service = troupe_service().service;
  const api::Method& events = *service.find("events");
  routes.add("GET", service.prefix() + "/event-stream",
             [&site, &events](http::Request& request) -> kj::Promise<http::Response> {
               return kj::evalNow([&] { return begin(site, events, request); })
                   .catch_([&site, &events](kj::Exception&& exception) {
                     return refusal(site, events, exception);
                   });
             });
}

kj::Promise<void> stream_events(Site& site,
                                EventQuery query,
                                std::function<void()> check,
                                http::Socket& socket) {
  auto stream = kj::heap<EventStream>(site, std::move(query), std::move(check), socket);
  auto& running = *stream;
  return running.run().attach(kj::mv(stream));
}

}  // namespace troupe::server
