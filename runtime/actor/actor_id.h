// Who a durable actor is: its kind and its key. The identity outlives every process.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace troupe {

/// Numbers of kinds are kept on disk: never reuse one.
struct KindId {
  std::uint16_t value = 0;
  auto operator<=>(const KindId&) const = default;
};

struct ActorId {
  KindId kind;
  std::string key;  // such as a task id; no 0 bytes
  auto operator<=>(const ActorId&) const = default;
};

}  // namespace troupe

template <>
struct std::hash<troupe::ActorId> {
  std::size_t operator()(const troupe::ActorId& id) const {
    return std::hash<std::string>()(id.key) * 31 + id.kind.value;
  }
};
