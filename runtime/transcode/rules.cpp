#include "runtime/transcode/rules.h"

#include "runtime/transcode/json.h"
#include "runtime/transcode/rules_builder.h"
#include "runtime/transcode/tape.h"

#include <re2/re2.h>

#include <algorithm>
#include <mutex>
#include <shared_mutex>

namespace troupe::transcode {

ValueRules::ValueRules() = default;
ValueRules::~ValueRules() = default;
ValueRules::ValueRules(ValueRules&&) noexcept = default;
ValueRules& ValueRules::operator=(ValueRules&&) noexcept = default;

FieldRules::FieldRules() = default;
FieldRules::~FieldRules() = default;
FieldRules::FieldRules(FieldRules&&) noexcept = default;
FieldRules& FieldRules::operator=(FieldRules&&) noexcept = default;

std::optional<std::uint16_t> StructRules::find(std::string_view name) const {
  const auto before = [this](std::uint16_t index, std::string_view wanted) {
    return fields[index].name < wanted;
  };
  const auto found = std::lower_bound(by_name.begin(), by_name.end(), name, before);
  if (found == by_name.end() || fields[*found].name != name) return std::nullopt;
  return *found;
}

namespace {

// All rules made so far. They follow from compiled-in schemas alone, so one table serves the
// process; entries are never changed or removed.
class Registry {
 public:
  const StructRules& get(capnp::StructSchema schema) {
    {
      const std::shared_lock lock(mutex_);
      const auto found = tables_.structs.find(schema);
      if (found != tables_.structs.end()) return *found->second;
    }
    const std::unique_lock lock(mutex_);
    return build_struct_rules(tables_, schema);
  }

  const EnumRules& get(capnp::EnumSchema schema) {
    {
      const std::shared_lock lock(mutex_);
      const auto found = tables_.enums.find(schema);
      if (found != tables_.enums.end()) return *found->second;
    }
    const std::unique_lock lock(mutex_);
    return build_enum_rules(tables_, schema);
  }

 private:
  std::shared_mutex mutex_;
  RuleTables tables_;  // guarded by mutex_
};

Registry& registry() {
  static Registry instance;
  return instance;
}

}  // namespace

const StructRules& struct_rules(capnp::StructSchema schema) {
  return registry().get(schema);
}
const EnumRules& enum_rules(capnp::EnumSchema schema) {
  return registry().get(schema);
}

}  // namespace troupe::transcode

namespace troupe {

std::string enum_name(capnp::EnumSchema::Enumerant enumerant) {
  return enum_name(enumerant.getContainingEnum(), enumerant.getOrdinal());
}

std::string enum_name(capnp::EnumSchema schema, std::uint16_t value) {
  const auto& names = transcode::enum_rules(schema).names;
  return value < names.size() ? names[value] : std::to_string(value);
}

std::optional<std::uint16_t> enum_value(capnp::EnumSchema schema, std::string_view name) {
  if (name.empty()) return std::nullopt;  // an enumerant with this name has none
  const auto& names = transcode::enum_rules(schema).names;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<std::uint16_t>(found - names.begin());
}

}  // namespace troupe
