#include "apps/troupe/server/resource_offer.h"

#include "runtime/base/resources_text.h"
#include "runtime/base/size.h"

#include <algorithm>
#include <charconv>

namespace troupe::server {
namespace {

constexpr std::uint64_t amount_max = std::uint64_t{1} << 53;  // exact in JSON
constexpr std::uint64_t thousand = 1'000;

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = failure == std::errc{} && end == text.data() + text.size();
  if (!whole || number > amount_max) return std::nullopt;
  return number;
}

// `2`, `0.5`, `1.125`.
std::optional<std::uint64_t> parse_processors(std::string_view text) {
  constexpr std::size_t decimals_max = 3;
  const auto point = std::min(text.find('.'), text.size());
  const auto whole = parse_number(text.substr(0, point));
  if (!whole || *whole > amount_max / thousand) return std::nullopt;
  if (point == text.size()) return *whole * thousand;
  std::string decimals(text.substr(point + 1));
  if (decimals.empty() || decimals.size() > decimals_max) return std::nullopt;
  decimals.resize(decimals_max, '0');
  const auto part = parse_number(decimals);
  if (!part) return std::nullopt;
  return *whole * thousand + *part;
}

std::optional<std::uint64_t> parse_amount(std::string_view name, std::string_view text) {
  if (name == "cpu") return parse_processors(text);
  if (name == "memory") return parse_size(text);
  return parse_number(text);
}

}  // namespace

std::optional<ResourceOffer> parse_resource_offer(std::string_view text) {
  ResourceOffer offer;
  if (text.empty()) return offer;
  offer.amounts.emplace();
  for (;;) {
    const auto comma = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, comma);
    const auto equals = std::min(part.find('='), part.size());
    const std::string_view name = part.substr(0, equals);
    if (equals == part.size() || !is_resource_name(name)) return std::nullopt;
    const auto amount = parse_amount(name, part.substr(equals + 1));
    if (!amount || !offer.amounts->emplace(name, *amount).second) return std::nullopt;
    if (comma == text.size()) return offer;
    text.remove_prefix(comma + 1);
  }
}

std::string resource_offer_text(const ResourceOffer& offer) {
  return offer.amounts ? resources_text(*offer.amounts) : std::string();
}

}  // namespace troupe::server
