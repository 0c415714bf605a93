#include "runtime/actor/channels.h"

#include "runtime/actor/envelope.h"
#include "runtime/store/key.h"

#include <utility>

namespace troupe {

Channels::Channels(Store& store,
                   Committer& committer,
                   Numbers& numbers,
                   std::function<void(Delivery)> deliver,
                   std::function<void(std::uint32_t, std::uint64_t)> acknowledge)
    : store_(store),
      committer_(committer),
      numbers_(numbers),
      deliver_(std::move(deliver)),
      acknowledge_(std::move(acknowledge)) {
  const auto snapshot = store.snapshot();
  received_ = read_channels(*snapshot, ChannelEnd::received);
  deleted_ = read_channels(*snapshot, ChannelEnd::sent);
  snapshot->scan(tables::outbox.id, {}, [this](std::string_view key, WordSpan) {
    KeyReader reader(key);
    const auto shard = static_cast<std::uint32_t>(reader.u64());
    const auto place = reader.u64();
    deleted_[shard] = std::min(deleted_[shard], place - 1);
    return true;
  });
}

void Channels::receive(std::uint32_t from_shard, std::uint64_t place, Delivery delivery) {
  // Held until the message is in the mailbox: the order of the channel is that of deliveries.
  const std::lock_guard lock(mutex_);
  auto& received = received_[from_shard];
  Commit commit;
  commit.outputs.push_back([this, from_shard, place] { acknowledge_(from_shard, place); });
  if (place <= received) {  // a duplicate: it was taken, and will be on disk before this is
    committer_.enqueue(std::move(commit));
    return;
  }
  received = place;
  delivery.number = numbers_.next();
  commit.credit = delivery.credit;
  commit.rows.push_back(
      {tables::channels.id, channel_key(ChannelEnd::received, from_shard), channel_row(place)});
  commit.inbox_puts.push_back({delivery.number, [from = delivery.message.from, to = delivery.to,
                                                 body = delivery.message.body] {
                                 return encode_envelope(from, to, 0, body);
                               }});
  committer_.enqueue(std::move(commit));
  deliver_(std::move(delivery));
}

void Channels::acknowledged(std::uint32_t by_shard, std::uint64_t place) {
  Commit commit;
  {
    const std::lock_guard lock(mutex_);
    auto& deleted = deleted_[by_shard];
    if (place < deleted + slice) return;
    while (deleted < place) {
      commit.rows.push_back({tables::outbox.id, outbox_key(by_shard, ++deleted), std::nullopt});
    }
  }
  committer_.enqueue(std::move(commit));
}

std::vector<Posted> Channels::unacknowledged() const {
  std::vector<Posted> found;
  store_.snapshot()->scan(tables::outbox.id, {}, [&found](std::string_view key, WordSpan row) {
    KeyReader reader(key);
    Posted posted;
    posted.to_shard = static_cast<std::uint32_t>(reader.u64());
    posted.place = reader.u64();
    posted.delivery = decode_envelope(0, row);
    found.push_back(std::move(posted));
    return true;
  });
  return found;
}

}  // namespace troupe
