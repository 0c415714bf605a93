#include "tests/tidy/source_text.h"

#include <algorithm>
#include <sstream>
#include <string_view>

namespace troupe::tidy {
namespace {

/// The position after the literal or comment that starts at `begin`; `begin` if none does.
std::size_t skip_from(const std::string& text, std::size_t begin) {
  const auto after = [&text](std::string_view end, std::size_t from) {
    const std::size_t found = text.find(end, from);
    return found == std::string::npos ? text.size() : found + end.size();
  };
  const std::string_view rest = std::string_view(text).substr(begin);
  if (rest.starts_with("//")) return std::min(text.find('\n', begin), text.size());
  if (rest.starts_with("/*")) return after("*/", begin + 2);
  if (rest.starts_with("R\"")) {
    const std::size_t open = std::min(text.find('(', begin), text.size());
    return after(")" + text.substr(begin + 2, open - begin - 2) + "\"", open);
  }
  const char quote = text[begin];
  const bool digit_separator = quote == '\'' && begin > 0 && is_word(text[begin - 1]);
  if ((quote != '"' && quote != '\'') || digit_separator) return begin;
  std::size_t i = begin + 1;
  while (i < text.size() && text[i] != quote && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
  return std::min(i + 1, text.size());
}

}  // namespace

bool is_word(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string code_of(const std::string& text) {
  std::string code = text;
  bool line_start = true;
  for (std::size_t i = 0; i < text.size();) {
    if (line_start && text.compare(i, 8, "#include") == 0) {
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    const std::size_t end = skip_from(text, i);
    for (std::size_t j = i; j < end; ++j) {
      if (text[j] != '\n') code[j] = ' ';
    }
    line_start = end == i && text[i] == '\n';
    i = std::max(end, i + 1);
  }
  return code;
}

std::vector<Include> includes_of(const std::string& text) {
  std::vector<Include> includes;
  const std::vector<std::string> lines = lines_of(code_of(text));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].starts_with("#include")) continue;
    const std::size_t open = lines[i].find_first_of("\"<");
    if (open == std::string::npos) continue;
    const std::size_t close = lines[i].find_first_of("\">", open + 1);
    includes.push_back({i, lines[i].substr(open + 1, close - open - 1), lines[i][open] == '"'});
  }
  return includes;
}

}  // namespace troupe::tidy
