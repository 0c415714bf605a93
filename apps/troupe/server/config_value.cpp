#include "apps/troupe/server/config_value.h"

#include "runtime/transcode/faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace troupe::server {
namespace {

using Unit = std::pair<std::string_view, std::uint64_t>;

constexpr std::array<Unit, 5> duration_units = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

constexpr std::uint32_t percent_most = 50;
constexpr std::uint64_t share_bytes_least = std::uint64_t{2} << 30;

std::optional<std::uint32_t> parse_count(std::string_view text) {
  std::uint32_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return count;
}

bool is_choice(std::string_view choices, std::string_view text) {
  while (!choices.empty()) {
    const auto bar = choices.find('|');
    if (choices.substr(0, bar) == text) return true;
    choices.remove_prefix(bar == std::string_view::npos ? choices.size() : bar + 1);
  }
  return false;
}

// One overload a type; nothing if the text is malformed.
std::optional<Duration> parse_as(Duration Settings::*, std::string_view text) {
  return parse_duration(text);
}
std::optional<std::uint64_t> parse_as(std::uint64_t Settings::*, std::string_view text) {
  return parse_size(text);
}
std::optional<std::uint32_t> parse_as(std::uint32_t Settings::*, std::string_view text) {
  return parse_count(text);
}
std::optional<DiskShare> parse_as(DiskShare Settings::*, std::string_view text) {
  return parse_disk_share(text);
}
std::optional<ResourceOffer> parse_as(ResourceOffer Settings::*, std::string_view text) {
  return parse_resource_offer(text);
}
std::optional<bool> parse_as(bool Settings::*, std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}
std::optional<std::string> parse_as(std::string Settings::*, std::string_view text) {
  return std::string(text);
}

template <class T>
bool within_limits(const Key& key, T Settings::*field, const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return key.choices.empty() || is_choice(key.choices, value);
  } else if constexpr (std::is_same_v<T, DiskShare> || std::is_same_v<T, ResourceOffer>) {
    return true;  // its parser knows them
  } else {
    if (!key.least.empty() && value < *parse_as(field, key.least)) return false;
    return key.most.empty() || !(*parse_as(field, key.most) < value);
  }
}

std::string text_of(Duration value) {
  return duration_text(value);
}
std::string text_of(std::uint64_t value) {
  return size_text(value);
}
std::string text_of(std::uint32_t value) {
  return std::to_string(value);
}
std::string text_of(const DiskShare& value) {
  return value.percent > 0 ? fmt::format("{}%", value.percent) : size_text(value.bytes);
}
std::string text_of(const ResourceOffer& value) {
  return resource_offer_text(value);
}
std::string text_of(bool value) {
  return value ? "true" : "false";
}
std::string text_of(const std::string& value) {
  return value;
}

}  // namespace

std::optional<DiskShare> parse_disk_share(std::string_view text) {
  if (!text.ends_with('%')) {
    const auto bytes = parse_size(text);
    if (!bytes) return std::nullopt;
    return DiskShare{.percent = 0, .bytes = *bytes};
  }
  const auto percent = parse_count(text.substr(0, text.size() - 1));
  if (!percent || *percent == 0 || *percent > percent_most) return std::nullopt;
  return DiskShare{.percent = *percent, .bytes = 0};
}

std::uint64_t bytes_of(const DiskShare& share, std::uint64_t disk_bytes) {
  if (share.percent == 0) return share.bytes;
  return std::max(disk_bytes / 100 * share.percent, share_bytes_least);
}

std::string duration_text(Duration d) {
  TROUPE_EXPECTS(d.count() >= 0);
  if (d.count() == 0) return "0s";
  std::string text;
  auto rest = static_cast<std::uint64_t>(d.count());
  for (const auto& [unit, ms] : duration_units) {
    if (rest >= ms) text += fmt::format("{}{}", rest / ms, unit);
    rest %= ms;
  }
  return text;
}

Status set_value(const Key& key, std::string_view text, Settings& settings) {
  return std::visit(
      [&key, text, &settings](auto field) -> Status {
        if (key.check != nullptr) {
          if (const auto fits = key.check(text); !fits.ok()) {
            return Error{Errc::invalid, fmt::format("{}: {}", key.name, fits.error().detail)};
          }
        }
        const auto value = parse_as(field, text);
        if (!value || !within_limits(key, field, *value)) {
          return Error{Errc::invalid, fmt::format("{} expects {}, not {}", key.name,
                                                  expectation(key), transcode::quoted(text))};
        }
        settings.*field = *value;
        return Done{};
      },
      key.field);
}

std::string value_text(const Key& key, const Settings& settings) {
  return std::visit([&settings](auto field) { return text_of(settings.*field); }, key.field);
}

std::string type_name(const Key& key) {
  struct Namer {
    std::string_view choices;
    std::string_view form;
    std::string operator()(Duration Settings::*) const { return "duration"; }
    std::string operator()(std::uint64_t Settings::*) const { return "size"; }
    std::string operator()(std::uint32_t Settings::*) const { return "count"; }
    std::string operator()(DiskShare Settings::*) const { return "share"; }
    std::string operator()(ResourceOffer Settings::*) const { return "resources"; }
    std::string operator()(bool Settings::*) const { return "true|false"; }
    std::string operator()(std::string Settings::*) const {
      if (!form.empty()) return std::string(form);
      return choices.empty() ? "path" : std::string(choices);
    }
  };
  return std::visit(Namer{key.choices, key.form}, key.field);
}

std::string expectation(const Key& key) {
  struct Describer {
    std::string_view choices;
    std::string operator()(Duration Settings::*) const { return "a duration such as 20m"; }
    std::string operator()(std::uint64_t Settings::*) const { return "a size such as 64MiB"; }
    std::string operator()(std::uint32_t Settings::*) const { return "a whole number"; }
    std::string operator()(DiskShare Settings::*) const {
      return "a share of the disk such as 5%, at most 50%, or a size such as 10GiB";
    }
    std::string operator()(ResourceOffer Settings::*) const {
      return "resources such as cpu=8,memory=16GiB,licence=2";
    }
    std::string operator()(bool Settings::*) const { return "true or false"; }
    std::string operator()(std::string Settings::*) const {
      return choices.empty() ? "the path of a file" : fmt::format("one of {}", choices);
    }
  };
  std::string text = std::visit(Describer{key.choices}, key.field);
  if (!key.least.empty() && key.least == key.most) return fmt::format("{}", key.least);
  if (!key.least.empty() && !key.most.empty()) {
    return fmt::format("{}, from {} to {}", text, key.least, key.most);
  }
  if (!key.least.empty()) return fmt::format("{}, at least {}", text, key.least);
  return text;
}

bool takes_integer(const Key& key) {
  return std::holds_alternative<std::uint32_t Settings::*>(key.field) ||
         std::holds_alternative<std::uint64_t Settings::*>(key.field);
}

bool takes_text(const Key& key) {
  return !takes_boolean(key) && !std::holds_alternative<std::uint32_t Settings::*>(key.field);
}

bool takes_boolean(const Key& key) {
  return std::holds_alternative<bool Settings::*>(key.field);
}

bool takes_path(const Key& key) {
  return key.choices.empty() && key.form.empty() &&
         std::holds_alternative<std::string Settings::*>(key.field);
}

}  // namespace troupe::server
