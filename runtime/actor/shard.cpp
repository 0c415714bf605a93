#include "runtime/actor/shard.h"

#include <utility>

namespace troupe {

Shard::Shard(const Clock& clock,
             std::unique_ptr<Store> opened,
             Suspects& suspects,
             ShardPlace place,
             std::shared_ptr<LatestCount> latest,
             TimerOptions timer_options,
             Committer::Drive drive,
             ShardLinks links)
    : store(std::move(opened)),
      numbers(
          store->snapshot()->state().numbers_reserved, place.index, place.count, std::move(latest)),
      directory(links.activate),
      timers(clock, *store, numbers, timer_options),
      committer(*store, numbers, std::move(links.committer), drive),
      channels(*store, committer, numbers, links.deliver, std::move(links.acknowledge)),
      cells{clock,
            *store,
            committer,
            numbers,
            timers,
            suspects,
            links.deliver,
            std::move(links.reply),
            std::move(links.report),
            place,
            std::move(links.hand_over)},
      timer_service(clock,
                    timers,
                    {std::move(links.wake),
                     [this](RowOp row) {
                       Commit commit;
                       commit.rows.push_back(std::move(row));
                       committer.enqueue(std::move(commit));
                     },
                     std::move(links.may_wake)}),
      letters(*store, committer) {}

Delivery Shard::command(ActorId to, Bytes body, ReplyTo reply_to) {
  Delivery delivery;
  delivery.to = std::move(to);
  delivery.number = numbers.next();
  delivery.message.source = Message::Source::command;
  delivery.message.reply_to = reply_to;
  delivery.message.body = std::move(body);
  return delivery;
}

}  // namespace troupe
