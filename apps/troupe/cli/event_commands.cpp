#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/reconnect.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/cli/terminal.h"
#include "apps/troupe/group_file/problems.h"
#include "apps/troupe/server/exchanges.h"
#include "runtime/base/time.h"
#include "runtime/transcode/json.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <kj/timer.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace troupe::cli {
namespace {

constexpr std::uint32_t page_events = 1000;
// So long it may go unnoticed that nobody reads any more.
constexpr kj::Duration look_after = 5 * kj::SECONDS;

struct EventOptions {
  bool follow = false;
  std::string after;
  std::string exchange;
  std::string routing_key;
  std::optional<std::uint64_t> limit;
};

// All that the log has, by the last word of their names.
std::map<std::string, std::string> known_exchanges() {
  std::map<std::string, std::string> known;
  for (const auto& exchange : server::all_exchanges()) {
    known[exchange.substr(exchange.rfind('/') + 1)] = exchange;
  }
  return known;
}

// A pattern of exchanges, from that or from the last word of one; a slip would wait in silence.
Result<std::string> exchange_pattern(const std::string& text) {
  if (text.empty() || text.find_first_of("*#") != std::string::npos) return text;
  const std::string name = text.substr(text.rfind('/') + 1);
  const auto known = known_exchanges();
  const auto found = known.find(name);
  if (found != known.end() && (text == name || text == found->second)) return found->second;
  std::vector<std::string> names;
  for (const auto& entry : known) names.push_back(entry.first);
  return Error{Errc::invalid,
               fmt::format("--exchange {}: there is no such exchange{}: {}", text,
                           group_file::nearest_hint(name, names), fmt::join(names, ", "))};
}

using EventsAnswer = capnp::Response<schema::Troupe::EventsResults>;

void print_event(schema::Event::Reader event, bool json) {
  if (json) {
    print_line(to_json(event));
    return;
  }
  // `task-pending` of `exchange/taskcluster-queue/v1/task-pending`.
  const std::string exchange = event.getExchange().cStr();
  print_line(format_time(Instant{event.getTime()}) + "  " +
             harmless(exchange.substr(exchange.rfind('/') + 1)) + "  " +
             harmless(event.getRoutingKey().cStr()));
}

EventsAnswer next_page(Reconnector& server,
                       const EventOptions& options,
                       const std::string& after,
                       std::uint32_t limit) {
  return server.ask([&](client::Connection& connection) {
    auto request = connection.troupe().eventsRequest();
    request.setAfter(after);
    request.setLimit(limit);
    request.setExchange(options.exchange);
    request.setRoutingKey(options.routing_key);
    return kj::Promise<EventsAnswer>(request.send());
  });
}

// What is pushed, printed; outlives the connections it comes over.
struct Followed {
  bool json;
  std::string next;                                // where to go on
  std::optional<std::uint64_t> left = {};          // so many more; nothing: no limit
  kj::Own<kj::PromiseFulfiller<void>> ended = {};  // once there are none

  bool is_enough() const { return left == std::uint64_t{0}; }

  template <class Events>
  void take(Events events, capnp::Text::Reader position) {
    for (const auto event : events) {
      if (is_enough()) break;
      print_event(event, json);
      if (left) --*left;
    }
    next = position.cStr();
    if (is_enough() && ended.get() != nullptr) ended->fulfill();
    end_if_reader_has_gone();
  }
};

class Sink final : public schema::EventSink::Server {
 public:
  explicit Sink(Followed& followed) : followed_(followed) {}

  kj::Promise<void> push(PushContext context) override {
    const auto params = context.getParams();
    followed_.take(params.getEvents(), params.getNext());
    return kj::READY_NOW;
  }

 private:
  Followed& followed_;
};

kj::Promise<void> look_after_reader(kj::Timer& timer) {
  return timer.afterDelay(look_after).then([&timer] {
    end_if_reader_has_gone();
    return look_after_reader(timer);
  });
}

// Until it is interrupted, or the server will not go on. A connection that is lost is dialled
// again, and what was printed last says where to go on.
void follow(Reconnector& server, const EventOptions& options, Followed& followed) {
  const auto looking = look_after_reader(server.timer()).eagerlyEvaluate(nullptr);
  auto end = kj::newPromiseAndFulfiller<void>();
  followed.ended = kj::mv(end.fulfiller);
  auto pushed = server.call([&](client::Connection& connection) {
    auto request = connection.troupe().subscribeRequest();
    request.setAfter(followed.next);
    request.setExchange(options.exchange);
    request.setRoutingKey(options.routing_key);
    request.setSink(kj::heap<Sink>(followed));
    return request.send().ignoreResult();
  });
  pushed.exclusiveJoin(kj::mv(end.promise)).wait(server.io().waitScope);
}

int show_events(const GlobalOptions& global, EventOptions options) {
  const Result<std::string> exchange = exchange_pattern(options.exchange);
  if (!exchange.ok()) return report(exchange.error());
  options.exchange = exchange.value();
  if (options.limit == std::uint64_t{0}) options.limit.reset();
  return with_reconnector(global, [&](Session&, Reconnector& server) -> Result<int> {
    Followed followed{global.json, options.after, options.limit};
    while (!followed.is_enough()) {
      const auto wanted = std::min<std::uint64_t>(page_events, options.limit.value_or(page_events));
      const EventsAnswer page =
          next_page(server, options, followed.next, static_cast<std::uint32_t>(wanted));
      const bool moved = followed.next != page.getNext().cStr();
      followed.take(page.getEvents(), page.getNext());
      // A filter may leave a page empty that is not the last.
      if (options.follow || (page.getEvents().size() == 0 && !moved)) break;
    }
    if (options.follow && !followed.is_enough()) follow(server, options, followed);
    return int{exit_done};
  });
}

}  // namespace

void add_event_commands(Commands& commands) {
  CLI::App& command =
      add_command(commands.app, "events", "Print the event log, the oldest kept first",
                  "troupe events -f --after now --routing-key 'primary.#'");
  auto options = std::make_shared<EventOptions>();
  command.add_flag("-f,--follow", options->follow, "Go on with what comes");
  command.add_option("--after", options->after, "From POSITION on; `now`: only what comes")
      ->type_name("POSITION");
  command
      .add_option("--exchange", options->exchange,
                  "Only of this one, such as task-failed, or of those like it; AMQP's * and #")
      ->type_name("PATTERN");
  command
      .add_option("--routing-key", options->routing_key, "Only with keys like this; AMQP's * and #")
      ->type_name("PATTERN");
  command.add_option("--limit", options->limit, "End after N events; 0: with the last")
      ->type_name("N");
  set_action(commands, command,
             [&global = commands.global, options] { return show_events(global, *options); });
}

}  // namespace troupe::cli
