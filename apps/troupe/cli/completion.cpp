// All three scripts work alike: from the words before the cursor they find the command that these
// lead to (`troupe task log`), then offer its sub-commands and options. Where there is nothing to
// offer, the shell offers files.
#include "apps/troupe/cli/completion.h"

#include "apps/troupe/cli/command_tree.h"

#include <CLI/App.hpp>

#include <vector>

namespace troupe::cli {
namespace {

struct Word {
  std::string text;
  std::string description;
};

struct Place {
  std::string path;         // `troupe task log`
  std::vector<Word> words;  // what may come next
};

void collect_places(const CLI::App& app,
                    const std::vector<Switch>& inherited,
                    std::vector<Place>& places) {
  Place place{path_of(app), {}};
  const std::vector<const CLI::App*> children = commands_of(app);
  for (const CLI::App* child : children) {
    place.words.push_back({child->get_name(), child->get_description()});
  }
  for (const Switch& one : switches_of(app)) place.words.push_back({one.name, one.description});
  for (const Switch& one : inherited) place.words.push_back({one.name, one.description});
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
  // The root has the global options once already.
  places.front().words.resize(places.front().words.size() - global.size());
  return places;
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
      "  local at=troupe word words=''\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$at $word\" in\n"
      "      " +
      known_paths(places, "|") +
      ") at=\"$at $word\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$at\" in\n";
  for (const Place& place : places) {
    std::string words;
    for (const Word& word : place.words) words += (words.empty() ? "" : " ") + word.text;
    script += "    " + shell_quoted(place.path) + ") words=" + shell_quoted(words) + " ;;\n";
  }
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
      "  local -a found\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    case \"$at $word\" in\n"
      "      (" +
      known_paths(places, "|") +
      ") at=\"$at $word\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$at\" in\n";
  for (const Place& place : places) {
    script += "    (" + shell_quoted(place.path) + ") found=(\n";
    for (const Word& word : place.words) {
      script += "      " + shell_quoted(word.text + ":" + word.description) + "\n";
    }
    script += "    ) ;;\n";
  }
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
  for (const Place& place : places) {
    for (const Word& word : place.words) {
      script += "complete -c troupe -n " + shell_quoted("__troupe_at " + place.path) + " -a " +
                shell_quoted(word.text) + " -d " + shell_quoted(word.description) + "\n";
    }
  }
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
