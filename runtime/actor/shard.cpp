#include "runtime/actor/shard.h"

#include <utility>

namespace troupe {

Shard::Shard(const Clock& clock,
             std::unique_ptr<Store> opened,
             ShardPlace place,
             TimerOptions timer_options,
             Committer::Drive drive,
             ShardLinks links)
    : store(std::move(opened)),
      numbers(store->snapshot()->state().numbers_reserved, place.index, place.count),
      directory(links.activate),
      timers(clock, *store, numbers, timer_options),
      committer(*store, numbers, std::move(links.committer), drive),
      channels(*store, committer, numbers, links.deliver, std::move(links.acknowledge)),
      cells{clock,
            *store,
            committer,
            numbers,
            timers,
            links.deliver,
            std::move(links.release),
            [this, report = std::move(links.report)](const std::string& kind,
                                                     const std::string& event,
                                                     const ActorId& id,
                                                     const std::string& detail) {
              if (event == "message_parked") dead_letters_.fetch_add(1, std::memory_order_relaxed);
              report(kind, event, id, detail);
            },
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
      dead_letters_(store->snapshot()->count(tables::dead_letters.id)) {}

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
