// Looking at the text of one C++ file.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace troupe::tidy {

/// Whether `c` may be part of an identifier.
bool is_word(char c);

std::vector<std::string> lines_of(const std::string& text);

/// The text with comments and the insides of literals blanked; includes and line breaks stay.
std::string code_of(const std::string& text);

struct Include {
  std::size_t line = 0;  // from 0
  std::string target;
  bool quoted = false;
};

std::vector<Include> includes_of(const std::string& text);

}  // namespace troupe::tidy
