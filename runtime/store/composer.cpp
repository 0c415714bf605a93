#include "runtime/store/composer.h"

#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace troupe {
namespace {

std::string number_key(std::uint64_t number) {
  return KeyWriter().u64(number).key();
}

std::pair<std::uint16_t, std::string_view> place_of(const RowOp& row) {
  return {row.table.value, row.key};
}

}  // namespace

std::string channel_key(ChannelEnd end, std::uint32_t shard) {
  return KeyWriter().u64(static_cast<std::uint64_t>(end)).u64(shard).key();
}

Bytes channel_row(std::uint64_t place) {
  return build<schema::ChannelRow>(
      [place](schema::ChannelRow::Builder row) { row.setPlace(place); });
}

ChannelPlaces read_channels(const Snapshot& snapshot, ChannelEnd end) {
  ChannelPlaces places;
  const auto wanted = static_cast<std::uint64_t>(end);
  snapshot.scan(tables::channels.id, KeyWriter().u64(wanted).prefix(),
                [&](std::string_view key, WordSpan words) {
                  KeyReader reader(key);
                  if (reader.u64() != wanted) return false;
                  places[static_cast<std::uint32_t>(reader.u64())] =
                      Stored<schema::ChannelRow>(words).get().getPlace();
                  return true;
                });
  return places;
}

std::string outbox_key(std::uint32_t to_shard, std::uint64_t place) {
  return KeyWriter().u64(to_shard).u64(place).key();
}

void Composer::add(Commit& commit, std::vector<std::uint64_t>& places) {
  for (auto& put : commit.inbox_puts) inbox_.emplace(put.number, std::move(put));
  for (const auto number : commit.inbox_deletes) {
    if (inbox_.erase(number) == 0) {
      rows_.push_back({tables::inbox.id, number_key(number), std::nullopt});
    }
  }
  for (auto& message : commit.channel_puts) {
    const auto place = ++sent_[message.to_shard];
    sent_now_[message.to_shard] = place;
    places.push_back(place);
    rows_.push_back(
        {tables::outbox.id, outbox_key(message.to_shard, place), std::move(message.envelope)});
  }
  for (auto& row : commit.rows) rows_.push_back(std::move(row));
  for (auto& event : commit.events) {
    rows_.push_back({tables::events.id, number_key(++state_.last_event), std::move(event)});
  }
}

std::vector<RowOp> Composer::finish() {
  for (const auto& [number, put] : inbox_) {
    rows_.push_back({tables::inbox.id, number_key(number), put.encode()});
  }
  for (const auto& [shard, place] : sent_now_) {
    rows_.push_back(
        {tables::channels.id, channel_key(ChannelEnd::sent, shard), channel_row(place)});
  }
  // Neighbours share pages. Changes of one key stay in their order: the last one counts.
  std::ranges::stable_sort(rows_, {}, place_of);
  auto end = rows_.begin();
  for (auto row = rows_.begin(); row != rows_.end(); ++row) {
    const auto next = std::next(row);
    if (next != rows_.end() && place_of(*next) == place_of(*row)) continue;
    if (end != row) *end = std::move(*row);
    ++end;
  }
  rows_.erase(end, rows_.end());
  return std::move(rows_);
}

}  // namespace troupe
