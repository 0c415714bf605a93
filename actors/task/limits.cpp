#include "actors/task/limits.h"

#include "runtime/base/resources_text.h"
#include "runtime/base/size.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace troupe::task {
namespace {

using Value = rapidjson::Value;

constexpr std::size_t key_length_max = 200;
constexpr std::size_t demands_max = 32;
constexpr double processors_max = 1'000'000;
constexpr double processors_least = 0.001;
// What JavaScript can say exactly.
constexpr std::uint64_t amount_max = (std::uint64_t{1} << 53) - 1;

std::string_view text_of(const Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

// Of a key that comes twice the last counts, as for whoever else reads the definition.
const Value* find_last(const Value& object, std::string_view name) {
  const Value* found = nullptr;
  for (const auto& member : object.GetObject()) {
    if (text_of(member.name) == name) found = &member.value;
  }
  return found;
}

// JSON has one kind of number: 2.0 is as whole as 2.
std::optional<std::uint64_t> whole_number(const Value& value, std::uint64_t max) {
  if (value.IsUint64()) {
    if (value.GetUint64() > max) return std::nullopt;
    return value.GetUint64();
  }
  if (!value.IsDouble()) return std::nullopt;
  const double number = value.GetDouble();
  const bool whole =
      number >= 0 && number <= static_cast<double>(max) && number == std::floor(number);
  if (!whole) return std::nullopt;
  return static_cast<std::uint64_t>(number);
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

class Reader {
 public:
  explicit Reader(std::vector<FieldError>& faults) : faults_(faults) {}

  void concurrency(const Value& value, Limits& limits) {
    if (!value.IsObject()) {
      return fault("extra.concurrency", "is not an object such as {\"key\": \"x\", \"limit\": 2}");
    }
    for (const auto& member : value.GetObject()) {
      const auto name = text_of(member.name);
      if (name == "key") {
        key(member.value, limits);
      } else if (name == "limit") {
        limit(member.value, limits);
      } else {
        fault(fmt::format("extra.concurrency.{}", name), "is unknown: there are key and limit");
      }
    }
    for (const char* needed : {"key", "limit"}) {
      if (!value.HasMember(needed))
        fault(fmt::format("extra.concurrency.{}", needed), "is missing");
    }
  }

  void resources(const Value& value, Limits& limits) {
    if (!value.IsObject()) {
      return fault("extra.resources",
                   "is not an object such as {\"cpu\": 2, \"memory\": \"4GiB\"}");
    }
    if (value.MemberCount() > demands_max) {
      return fault("extra.resources", fmt::format("has more than {} entries", demands_max));
    }
    for (const auto& member : value.GetObject()) demand(member, limits);
    std::ranges::sort(limits.demands, {}, &Demand::name);
  }

 private:
  void fault(std::string path, std::string message) {
    faults_.push_back({std::move(path), std::move(message)});
  }

  void key(const Value& value, Limits& limits) {
    const bool right = value.IsString() && value.GetStringLength() > 0 &&
                       value.GetStringLength() <= key_length_max && is_printable(text_of(value));
    if (!right) {
      return fault(
          "extra.concurrency.key",
          fmt::format("is not a text of 1 to {} printable ASCII characters", key_length_max));
    }
    limits.concurrency_key = text_of(value);
  }

  void limit(const Value& value, Limits& limits) {
    const auto number = whole_number(value, std::numeric_limits<std::uint32_t>::max());
    if (number.value_or(0) == 0) {
      return fault("extra.concurrency.limit", "is not a whole number from 1 to 4294967295");
    }
    limits.concurrency_limit = static_cast<std::uint32_t>(*number);
  }

  void demand(const Value::Member& member, Limits& limits) {
    const std::string name(text_of(member.name));
    const std::string path = "extra.resources." + name;
    if (!is_resource_name(name)) {
      return fault(path, fmt::format("is no name of a resource: 1 to {} letters, digits, _, . or -",
                                     resource_name_bytes_max));
    }
    const auto known = std::ranges::find(limits.demands, name, &Demand::name);
    if (known != limits.demands.end()) return fault(path, "is there twice");
    const auto amount = name == "cpu"      ? processors(member.value)
                        : name == "memory" ? bytes(member.value)
                                           : tokens(member.value);
    if (!amount) return fault(path, expectation(name));
    if (*amount > 0) limits.demands.push_back({name, *amount});
  }

  static std::string expectation(const std::string& name) {
    if (name == "cpu") return "is not a number of processors such as 0.5 or 4: 0, or from 0.001 on";
    if (name == "memory") return "is not a number of bytes, or a size such as \"4GiB\"";
    return "is not a whole number from 0 to 9007199254740991";
  }

  static std::optional<std::uint64_t> processors(const Value& value) {
    if (!value.IsNumber()) return std::nullopt;
    const double count = value.GetDouble();
    if (!(count >= 0) || count > processors_max) return std::nullopt;
    if (count > 0 && count < processors_least) return std::nullopt;
    return static_cast<std::uint64_t>(std::llround(count * 1000));
  }

  static std::optional<std::uint64_t> bytes(const Value& value) {
    return value.IsString() ? parse_size(text_of(value)) : tokens(value);
  }

  static std::optional<std::uint64_t> tokens(const Value& value) {
    return whole_number(value, amount_max);
  }

  std::vector<FieldError>& faults_;
};

// Most definitions limit nothing: their `extra`, which may be long, need not be parsed to see that.
bool may_limit(std::string_view extra) {
  return extra.find("\"concurrency\"") != std::string_view::npos ||
         extra.find("\"resources\"") != std::string_view::npos ||
         extra.find('\\') != std::string_view::npos;
}

}  // namespace

Limits read_limits(std::string_view extra, std::vector<FieldError>& faults) {
  Limits limits;
  if (!may_limit(extra)) return limits;
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(extra.data(), extra.size());
  if (document.HasParseError() || !document.IsObject()) return limits;
  Reader reader(faults);
  if (const Value* found = find_last(document, "concurrency")) reader.concurrency(*found, limits);
  if (const Value* found = find_last(document, "resources")) reader.resources(*found, limits);
  return limits;
}

}  // namespace troupe::task
