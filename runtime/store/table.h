// Names of tables. A table is one LMDB database; its number is part of batches and never reused.
#pragma once

#include <array>
#include <compare>
#include <cstdint>

namespace troupe {

struct TableId {
  std::uint16_t value = 0;
  auto operator<=>(const TableId&) const = default;
};

struct TableSpec {
  TableId id;
  const char* name = nullptr;
};

/// The runtime's own tables; kinds of actors take numbers from 16.
namespace tables {
inline constexpr TableSpec meta{{1}, "meta"};
inline constexpr TableSpec names{{2}, "names"};
inline constexpr TableSpec inbox{{3}, "inbox"};
inline constexpr TableSpec timers{{4}, "timers"};
inline constexpr TableSpec timers_of{{5}, "timers_of"};
inline constexpr TableSpec events{{6}, "events"};
inline constexpr TableSpec dead_letters{{7}, "dead_letters"};
inline constexpr TableSpec outbox{{8}, "outbox"};
inline constexpr TableSpec channels{{9}, "channels"};
inline constexpr TableSpec clocks{{10}, "clocks"};
inline constexpr TableSpec parts{{15}, "parts"};  // the store's own: see split_value.h

inline constexpr std::array system = {meta,         names,  inbox,    timers, timers_of, events,
                                      dead_letters, outbox, channels, clocks, parts};
}  // namespace tables

}  // namespace troupe
