// All three scripts work alike: from the words before the cursor they find the command that these
// lead to (`troupe task log`), then offer its sub-commands, its options once a `-` is there, or the
// values of the option before. Where there is nothing to offer, the shell offers files.
#include "apps/troupe/cli/completion.h"

#include "apps/troupe/cli/command_tree.h"

#include <CLI/App.hpp>

#include <algorithm>
#include <vector>

namespace troupe::cli {
namespace {

struct Word {
  std::string text;
  std::string description;
};

struct Place {
  std::string path;              // `troupe task log`
  std::vector<Word> commands;    // what may come next
  std::vector<Switch> switches;  // each name once
};

void add_switches(const std::vector<Switch>& more, Place& place) {
  for (const Switch& one : more) {
    const bool known = std::any_of(place.switches.begin(), place.switches.end(),
                                   [&one](const Switch& s) { return s.name == one.name; });
    if (!known) place.switches.push_back(one);
  }
}

void collect_places(const CLI::App& app,
                    const std::vector<Switch>& inherited,
                    std::vector<Place>& places) {
  Place place{path_of(app), {}, {}};
  const std::vector<const CLI::App*> children = commands_of(app);
  for (const CLI::App* child : children) {
    place.commands.push_back({child->get_name(), child->get_description()});
  }
  // Some commands have an option of their own in place of a global one.
  add_switches(switches_of(app), place);
  add_switches(inherited, place);
  places.push_back(std::move(place));
  for (const CLI::App* child : children) collect_places(*child, inherited, places);
}

std::vector<Place> places_of(const CLI::App& root) {
  // Only the first of the root's options are its own alone; the rest every command takes.
  std::vector<Switch> global;
  for (const Switch& one : switches_of(root)) {
    const bool own = one.name == "-h" || one.name == "--help" || one.name == "--version";
    if (!own) global.push_back(one);
  }
  std::vector<Place> places;
  collect_places(root, global, places);
  return places;
}

template <class List, class Text>
std::string joined(const List& list, Text text) {
  std::string words;
  for (const auto& one : list) words += (words.empty() ? "" : " ") + text(one);
  return words;
}

// Calls `visit(place, option, values)` for each option that takes a value; no values: any.
template <class Visit>
void visit_values(const std::vector<Place>& places, Visit visit) {
  for (const Place& place : places) {
    for (const Switch& one : place.switches) {
      if (!one.takes_value) continue;
      visit(place, one, joined(one.values, [](const std::string& value) { return value; }));
    }
  }
}

// `text` between single quotes, for all three shells.
std::string shell_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c == '\n' ? ' ' : c;
    }
  }
  return result + "'";
}

std::string known_paths(const std::vector<Place>& places, const char* separator) {
  std::string paths;
  for (const Place& place : places) {
    if (place.path.find(' ') == std::string::npos) continue;
    paths += (paths.empty() ? "" : separator) + shell_quoted(place.path);
  }
  return paths;
}

std::string bash_script(const std::vector<Place>& places) {
  std::string script =
      "# bash completion for troupe: source <(troupe completion bash)\n"
      "_troupe() {\n"
      "  local at=troupe word words='' switches=''\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$at $word\" in\n"
      "      " +
      known_paths(places, "|") +
      ") at=\"$at $word\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$at\" in\n";
  for (const Place& place : places) {
    const auto commands = joined(place.commands, [](const Word& word) { return word.text; });
    const auto switches = joined(place.switches, [](const Switch& one) { return one.name; });
    script += "    " + shell_quoted(place.path) + ") words=" + shell_quoted(commands) +
              " switches=" + shell_quoted(switches) + " ;;\n";
  }
  script +=
      "  esac\n"
      "  case \"${COMP_WORDS[COMP_CWORD]}\" in -*) words=$switches ;; esac\n"
      "  case \"$at ${COMP_WORDS[COMP_CWORD-1]}\" in\n";
  visit_values(places, [&](const Place& place, const Switch& one, const std::string& values) {
    script += "    " + shell_quoted(place.path + " " + one.name) +
              ") words=" + shell_quoted(values) + " ;;\n";
  });
  return script +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -o default -F _troupe troupe\n";
}

std::string zsh_script(const std::vector<Place>& places) {
  std::string script =
      "#compdef troupe\n"
      "# zsh completion for troupe: source <(troupe completion zsh)\n"
      "_troupe() {\n"
      "  local at=troupe word\n"
      "  local -a found switches\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    case \"$at $word\" in\n"
      "      (" +
      known_paths(places, "|") +
      ") at=\"$at $word\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$at\" in\n";
  const auto described = [](const std::string& name, const std::string& description) {
    return "      " + shell_quoted(name + ":" + description) + "\n";
  };
  for (const Place& place : places) {
    script += "    (" + shell_quoted(place.path) + ") found=(\n";
    for (const Word& word : place.commands) script += described(word.text, word.description);
    script += "    ) switches=(\n";
    for (const Switch& one : place.switches) script += described(one.name, one.description);
    script += "    ) ;;\n";
  }
  script +=
      "  esac\n"
      "  [[ ${words[CURRENT]} == -* ]] && found=(\"${switches[@]}\")\n"
      "  case \"$at ${words[CURRENT-1]}\" in\n";
  visit_values(places, [&](const Place& place, const Switch& one, const std::string& values) {
    script += "    (" + shell_quoted(place.path + " " + one.name) + ") found=(" + values + ") ;;\n";
  });
  return script +
         "  esac\n"
         "  _describe 'troupe' found || _files\n"
         "}\n"
         "if [ \"$funcstack[1]\" = _troupe ]; then _troupe \"$@\"; else compdef _troupe troupe; "
         "fi\n";
}

std::string fish_script(const std::vector<Place>& places) {
  std::string script =
      "# fish completion for troupe: troupe completion fish | source\n"
      "function __troupe_at\n"
      "  set -l at troupe\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    if contains -- \"$at $word\" " +
      known_paths(places, " ") +
      "\n"
      "      set at \"$at $word\"\n"
      "    end\n"
      "  end\n"
      "  test \"$at\" = \"$argv\"\n"
      "end\n";
  script +=
      "function __troupe_dashed\n"
      "  string match -q -- '-*' (commandline -ct)\n"
      "end\n"
      "function __troupe_after\n"
      "  set -l words (commandline -opc)\n"
      "  test \"$words[-1]\" = \"$argv[1]\"\n"
      "end\n";
  const auto offer = [&script](const std::string& when, const std::string& words,
                               const std::string& description) {
    script += "complete -c troupe -n " + shell_quoted(when) + " -a " + shell_quoted(words) +
              " -d " + shell_quoted(description) + "\n";
  };
  for (const Place& place : places) {
    const std::string here = "__troupe_at " + place.path;
    for (const Word& word : place.commands) offer(here, word.text, word.description);
    for (const Switch& one : place.switches) {
      offer(here + "; and __troupe_dashed", one.name, one.description);
    }
  }
  visit_values(places, [&](const Place& place, const Switch& one, const std::string& values) {
    if (values.empty()) return;
    offer("__troupe_at " + place.path + "; and __troupe_after " + one.name, values,
          one.description);
  });
  return script;
}

}  // namespace

Result<std::string> completion_script(const CLI::App& root, const std::string& shell) {
  const std::vector<Place> places = places_of(root);
  if (shell == "bash") return bash_script(places);
  if (shell == "zsh") return zsh_script(places);
  if (shell == "fish") return fish_script(places);
  return Error{Errc::invalid, "completion: \"" + shell + "\": there are bash, zsh and fish"};
}

}  // namespace troupe::cli
