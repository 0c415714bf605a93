// Numbers with their noun, for people.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace troupe {

/// `1 task`, `2 tasks`, `0 dependencies`: regular English nouns, given in the singular.
inline std::string counted(std::integral auto count, std::string_view noun) {
  std::string text = std::to_string(count) + " ";
  text += noun;
  if (count == 1) return text;
  const bool after_vowel =
      noun.size() > 1 && std::string_view("aeiou").find(noun[noun.size() - 2]) != noun.npos;
  if (!noun.ends_with('y') || after_vowel) return text + "s";
  text.back() = 'i';
  return text + "es";
}

}  // namespace troupe
