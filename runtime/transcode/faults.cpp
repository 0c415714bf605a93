#include "runtime/transcode/faults.h"

#include "runtime/base/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace troupe::transcode {
namespace {

constexpr std::size_t shown_bytes_max = 64;

bool is_plain(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return name.size() <= shown_bytes_max && std::all_of(name.begin(), name.end(), plain);
}

// What two spellings of one name have in common.
std::string folded(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c == '_' || c == '-') continue;
    result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return result;
}

// Levenshtein's: insertions, deletions and replacements from one to the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string Path::render() const {
  std::string result = parent == nullptr ? std::string() : parent->render();
  if (index != no_index) return result + fmt::format("[{}]", index);
  if (parent == nullptr) return result;
  if (name.empty() || !is_plain(name)) return result + fmt::format("[{}]", quoted(name));
  if (!result.empty()) result += '.';
  result += name;
  return result;
}

void Faults::add(const Path& path, std::string message) {
  if (errors_.size() > field_errors_max) return;
  if (errors_.size() == field_errors_max) {
    message = fmt::format("more is wrong: only the first {} faults are listed", field_errors_max);
    errors_.push_back({"", std::move(message)});
    return;
  }
  errors_.push_back({path.render(), std::move(message)});
}

std::string quoted(std::string_view text) {
  const bool cut = text.size() > shown_bytes_max;
  if (cut) {
    text = text.substr(0, shown_bytes_max);
    // Not in the middle of a character: back to before its first byte.
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) {
      text.remove_suffix(1);
    }
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0U) text.remove_suffix(1);
  }
  std::string result = "\"";
  for (const char c : repaired_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      result += fmt::format("\\u{:04x}", byte);
      continue;
    }
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + (cut ? "...\"" : "\"");
}

std::string_view nearest_name(std::string_view name, const std::vector<std::string_view>& known) {
  if (name.size() > shown_bytes_max) return {};
  const std::string wanted = folded(name);
  std::string_view nearest;
  // A third of a word may be wrong, at most 3 characters.
  std::size_t best = std::min<std::size_t>(3, wanted.size() / 3) + 1;
  for (const std::string_view candidate : known) {
    const std::size_t d = distance(wanted, folded(candidate));
    if (d >= best) continue;
    best = d;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace troupe::transcode

namespace troupe {

std::string describe(const std::vector<FieldError>& errors) {
  std::string text;
  for (const FieldError& error : errors) {
    if (!text.empty()) text += '\n';
    if (!error.path.empty()) text += error.path + ": ";
    text += error.message;
  }
  return text;
}

}  // namespace troupe
