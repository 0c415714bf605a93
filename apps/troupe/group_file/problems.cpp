#include "apps/troupe/group_file/problems.h"

#include "runtime/transcode/faults.h"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::group_file {
namespace {

constexpr std::size_t shown_max = 100;
// A file of another kind may have one in each of a million lines.
constexpr std::size_t kept_max = 10'000;

// Levenshtein's distance, where two swapped neighbours count once.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

void Problems::add(Position at, std::string message) {
  if (found_.size() == kept_max) return;
  const auto entry = std::make_pair(at, std::move(message));
  if (std::find(found_.begin(), found_.end(), entry) == found_.end()) found_.push_back(entry);
}

bool Problems::has(Position at) const {
  return std::any_of(found_.begin(), found_.end(),
                     [at](const auto& entry) { return entry.first == at; });
}

Error Problems::error() const {
  auto sorted = found_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text;
  for (std::size_t i = 0; i < std::min(sorted.size(), shown_max); ++i) {
    const auto& [at, message] = sorted[i];
    if (!text.empty()) text += '\n';
    text += fmt::format("{}:{}:{}: {}", file_name_, at.line, at.column, message);
  }
  if (sorted.size() > shown_max) {
    const bool all = sorted.size() < kept_max;
    text += fmt::format("\nand {}{} more", all ? "" : "at least ", sorted.size() - shown_max);
  }
  return Error{Errc::invalid, text};
}

std::string quoted_name(std::string_view name) {
  std::string text = transcode::quoted(name);
  text.front() = '`';
  text.back() = '`';
  return text;
}

std::string nearest_hint(std::string_view name, const std::vector<std::string>& known) {
  // A third of the letters may differ; more is another word.
  const std::size_t limit = std::max<std::size_t>(1, name.size() / 3);
  std::size_t best = limit + 1;
  const std::string* nearest = nullptr;
  for (const std::string& candidate : known) {
    const std::size_t d = distance(name, candidate);
    if (d < best) {
      best = d;
      nearest = &candidate;
    }
  }
  return nearest == nullptr ? "" : fmt::format("; did you mean `{}`?", *nearest);
}

}  // namespace troupe::group_file
