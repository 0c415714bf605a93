#include "runtime/base/resources_text.h"

#include "runtime/base/size.h"

#include <fmt/format.h>

#include <algorithm>

namespace troupe {
namespace {

constexpr std::uint64_t thousand = 1'000;

std::string processors_text(std::uint64_t thousandths) {
  std::string text = fmt::format("{}.{:03}", thousandths / thousand, thousandths % thousand);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

bool is_resource_name(std::string_view name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  };
  return !name.empty() && name.size() <= resource_name_bytes_max &&
         std::ranges::all_of(name, is_allowed);
}

std::string resources_text(const std::map<std::string, std::uint64_t>& amounts) {
  std::string text;
  for (const auto& [name, amount] : amounts) {
    if (!text.empty()) text += ',';
    text += name + '=';
    if (name == "cpu") {
      text += processors_text(amount);
    } else {
      text += name == "memory" ? size_text(amount) : std::to_string(amount);
    }
  }
  return text;
}

}  // namespace troupe
