#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/reconnect.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/cli/terminal.h"
#include "apps/troupe/group_file/problems.h"
#include "runtime/base/time.h"
#include "runtime/transcode/json.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

namespace troupe::cli {
namespace {

constexpr std::uint32_t page_events = 1000;
// Also how long a reader that has gone is not noticed.
constexpr std::uint32_t wait_seconds = 5;

struct EventOptions {
  bool follow = false;
  std::string after;
  std::string exchange;
  std::string routing_key;
};

// Source: spec/events.md; the log has no others.
constexpr std::string_view exchange_prefix = "exchange/taskcluster-queue/v1/";
std::vector<std::string> exchange_names() {
  return {"task-defined",     "task-pending",      "task-running",
          "artifact-created", "task-completed",    "task-failed",
          "task-exception",   "task-group-sealed", "task-group-resolved"};
}

// A pattern of exchanges, from that or from the last word of one; a slip would wait in silence.
Result<std::string> exchange_pattern(const std::string& text) {
  if (text.empty() || text.find_first_of("*#") != std::string::npos) return text;
  const bool whole = text.starts_with(exchange_prefix);
  const std::string name = whole ? text.substr(exchange_prefix.size()) : text;
  const std::vector<std::string> known = exchange_names();
  if (std::find(known.begin(), known.end(), name) != known.end()) {
    return std::string(exchange_prefix) + name;
  }
  return Error{Errc::invalid,
               fmt::format("--exchange {}: there is no such exchange{}: {}", text,
                           group_file::nearest_hint(name, known), fmt::join(known, ", "))};
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

EventsAnswer next_page(Reconnector& server, const EventOptions& options, const std::string& after) {
  return server.ask([&](client::Connection& connection) {
    auto request = connection.troupe().eventsRequest();
    request.setAfter(after);
    request.setLimit(page_events);
    request.setExchange(options.exchange);
    request.setRoutingKey(options.routing_key);
    request.setWait(options.follow ? wait_seconds : 0);
    return kj::Promise<EventsAnswer>(request.send());
  });
}

int show_events(const GlobalOptions& global, EventOptions options) {
  const Result<std::string> exchange = exchange_pattern(options.exchange);
  if (!exchange.ok()) return report(exchange.error());
  options.exchange = exchange.value();
  return with_reconnector(global, [&](Session&, Reconnector& server) -> Result<int> {
    std::string after = options.after;
    for (;;) {
      const EventsAnswer page = next_page(server, options, after);
      for (const auto event : page.getEvents()) print_event(event, global.json);
      const std::string next = page.getNext().cStr();
      // A filter may leave a page empty that is not the last.
      if (!options.follow && page.getEvents().size() == 0 && next == after) break;
      after = next;
      end_if_reader_has_gone();
    }
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
  set_action(commands, command,
             [&global = commands.global, options] { return show_events(global, *options); });
}

}  // namespace troupe::cli
