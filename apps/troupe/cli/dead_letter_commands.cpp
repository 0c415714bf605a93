// `troupe dead-letters`: messages that no handler could process.
#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/figures.h"
#include "apps/troupe/cli/listing.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/pages.h"
#include "apps/troupe/cli/session.h"
#include "runtime/clock/clock.h"
#include "runtime/transcode/json.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace troupe::cli {
namespace {

using Numbers = std::vector<std::uint64_t>;

constexpr std::size_t numbers_per_call = 100;

// Makes requests for the list.
auto ask(Session& session) {
  return [&session] { return session.troupe().listDeadLettersRequest(); };
}

int list(const GlobalOptions& global) {
  return with_session(global, [&](Session& session) -> Result<int> {
    Listing listing(global.json, "letters", {">NUMBER", "TO", "MESSAGE", "PARKED", "WHY"});
    const Instant now = wall_now();
    for_each_page(session, ask(session), [&](const auto& page) {
      for (const auto letter : page.getLetters()) {
        listing.add([&letter] { return to_json(letter); },
                    [&letter, now] {
                      return std::vector<Cell>{std::to_string(letter.getNumber()),
                                               letter.getTo().cStr(), letter.getMessage().cStr(),
                                               relative_time(Instant{letter.getParked()}, now),
                                               letter.getError().cStr()};
                    });
      }
    });
    listing.print("no dead letters");
    return int{exit_done};
  });
}

void print_text(std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    print_line(harmless(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

int show(const GlobalOptions& global, std::uint64_t number) {
  return with_session(global, [&](Session& session) -> Result<int> {
    auto request = session.troupe().showDeadLetterRequest();
    request.setNumber(number);
    const auto answer = session.wait(request.send());
    const auto letter = answer.getLetter();
    if (global.json) {
      print_line(fmt::format(R"({{"letter":{},"body":{}}})", to_json(letter),
                             json_string(answer.getBody().cStr())));
      return int{exit_done};
    }
    const std::string from = letter.getFrom().cStr();
    print_line(fmt::format("number    {}", letter.getNumber()));
    print_line("to        " + harmless(letter.getTo().cStr()));
    print_line("from      " + (from.empty() ? "its own timer" : harmless(from)));
    print_line("parked    " + format_time(Instant{letter.getParked()}));
    print_line(fmt::format("attempts  {}", letter.getAttempts()));
    print_line("why       " + harmless(letter.getError().cStr()));
    print_line("message   " + harmless(letter.getMessage().cStr()));
    print_line("");
    print_text(answer.getBody().cStr());
    return int{exit_done};
  });
}

Numbers all_numbers(Session& session) {
  Numbers numbers;
  for_each_page(session, ask(session), [&numbers](const auto& page) {
    for (const auto letter : page.getLetters()) numbers.push_back(letter.getNumber());
  });
  return numbers;
}

template <class Request>
void send(Session& session, Request request, const Numbers& numbers, std::size_t from) {
  const auto count = std::min(numbers_per_call, numbers.size() - from);
  auto list = request.initNumbers(static_cast<unsigned>(count));
  for (unsigned i = 0; i < count; ++i) list.set(i, numbers[from + i]);
  session.wait(request.send());
}

struct SettleFlags {
  Numbers numbers;
  bool all = false;
  bool yes = false;
  bool retry = false;
};

int settle(const GlobalOptions& global, const SettleFlags& flags) {
  if (flags.all != flags.numbers.empty()) {
    return report({Errc::invalid, "name dead letters by their numbers, or give --all"});
  }
  if (flags.all && !flags.yes) {
    return report({Errc::invalid, "--all settles every dead letter: add --yes to do that"});
  }
  return with_session(global, [&](Session& session) -> Result<int> {
    const Numbers numbers = flags.all ? all_numbers(session) : flags.numbers;
    for (std::size_t from = 0; from < numbers.size(); from += numbers_per_call) {
      if (flags.retry) {
        send(session, session.troupe().retryDeadLettersRequest(), numbers, from);
      } else {
        send(session, session.troupe().discardDeadLettersRequest(), numbers, from);
      }
    }
    const char* what = flags.retry ? "retried" : "discarded";
    if (global.json) {
      print_line(fmt::format(R"({{"{}":[{}]}})", what, fmt::join(numbers, ",")));
    } else {
      print_line(fmt::format("{} {}", what, numbers.size()));
    }
    return int{exit_done};
  });
}

void add_settle(
    Commands& commands, CLI::App& family, const char* name, const char* description, bool retry) {
  CLI::App& command =
      add_command(family, name, description, std::string("troupe dead-letters ") + name + " 1042");
  auto flags = std::make_shared<SettleFlags>();
  flags->retry = retry;
  command.add_option("NUMBER", flags->numbers, "As `troupe dead-letters list` shows it");
  command.add_flag("--all", flags->all, "Every dead letter; asks for --yes");
  command.add_flag("--yes", flags->yes, "Confirm --all");
  set_action(commands, command,
             [&global = commands.global, flags] { return settle(global, *flags); });
}

}  // namespace

void add_dead_letter_commands(Commands& commands) {
  CLI::App& family = add_family(commands.app, "dead-letters",
                                "Messages inside the platform that no handler could process",
                                "troupe dead-letters list");
  CLI::App& list_command =
      add_command(family, "list", "List them with the reason", "troupe dead-letters list");
  set_action(commands, list_command, [&global = commands.global] { return list(global); });
  CLI::App& show_command =
      add_command(family, "show", "Show one with what it says", "troupe dead-letters show 1042");
  auto number = std::make_shared<std::uint64_t>(0);
  show_command.add_option("NUMBER", *number, "As `troupe dead-letters list` shows it")->required();
  set_action(commands, show_command,
             [&global = commands.global, number] { return show(global, *number); });
  add_settle(commands, family, "retry", "Give them to their actors once more", true);
  add_settle(commands, family, "discard", "Delete them", false);
}

}  // namespace troupe::cli
