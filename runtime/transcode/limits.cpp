#include "runtime/transcode/limits.h"

#include "runtime/base/counted.h"
#include "runtime/base/utf8.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <unordered_map>
#include <utility>

namespace troupe::transcode {
namespace {

// Whether `size` is within; if not, says so.
bool check_count(const Limits& limits,
                 std::size_t size,
                 std::string_view noun,
                 const Path& path,
                 Faults& faults) {
  if (std::cmp_less(size, limits.min)) {
    faults.add(path, fmt::format("must have at least {}, not {}", counted(limits.min, noun), size));
    return false;
  }
  if (std::cmp_greater(size, limits.max)) {
    faults.add(path, fmt::format("must have at most {}, not {}", counted(limits.max, noun), size));
    return false;
  }
  return true;
}

template <class T>
std::string range_message(const Bounds<T>& bounds, std::string_view shown) {
  return fmt::format("must be from {} to {}, not {}", bounds.min, bounds.max, shown);
}

template <class T>
void check_range(const Bounds<T>& bounds, T value, const Path& path, Faults& faults) {
  if (value >= bounds.min && value <= bounds.max) return;
  faults.add(path, range_message(bounds, std::to_string(value)));
}

}  // namespace

void check_text(const ValueRules& rules, std::string_view text, const Path& path, Faults& faults) {
  const auto length = utf8_length(text);
  if (!length) {
    faults.add(path, "must be UTF-8 text");
    return;
  }
  if (rules.length && !check_count(*rules.length, *length, "character", path, faults)) return;
  if (!rules.pattern) return;
  if (re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *rules.pattern)) return;
  if (rules.form.empty()) {
    faults.add(path, fmt::format("{} does not match {}", quoted(text), rules.pattern->pattern()));
  } else {
    faults.add(path, fmt::format("{} is not {}", quoted(text), rules.form));
  }
}

void check_signed(const ValueRules& rules, std::int64_t value, const Path& path, Faults& faults) {
  check_range(rules.signed_range, value, path, faults);
}

void check_unsigned(const ValueRules& rules,
                    std::uint64_t value,
                    const Path& path,
                    Faults& faults) {
  check_range(rules.unsigned_range, value, path, faults);
}

std::string out_of_range(const Bounds<std::int64_t>& bounds, std::string_view shown) {
  return range_message(bounds, shown);
}

std::string out_of_range(const Bounds<std::uint64_t>& bounds, std::string_view shown) {
  return range_message(bounds, shown);
}

bool check_size(const ValueRules& rules, std::size_t count, const Path& path, Faults& faults) {
  if (!rules.items) return true;
  return check_count(*rules.items, count, rules.shape == Shape::list ? "item" : "key", path,
                     faults);
}

void check_unique(const std::vector<std::string_view>& items, const Path& path, Faults& faults) {
  std::unordered_map<std::string_view, std::size_t> seen;
  seen.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto [first, is_new] = seen.try_emplace(items[i], i);
    if (is_new) continue;
    const Path item{.parent = &path, .index = i};
    faults.add(item,
               fmt::format("{} is there already, as item {}", quoted(items[i]), first->second));
  }
}

}  // namespace troupe::transcode
