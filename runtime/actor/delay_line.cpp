#include "runtime/actor/delay_line.h"

#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <algorithm>

namespace troupe {

Bytes DelayLine::Record::row() const {
  return build<schema::DelayLineRow>([this](schema::DelayLineRow::Builder row) {
    row.setBootId(text(boot_id));
    row.setAwakeBase(awake_base.count());
    row.setWallBase(wall_base.count());
    row.setWritten(written.ms);
  });
}

DelayLine::Record DelayLine::Record::decode(WordSpan words) {
  Stored<schema::DelayLineRow> stored(words);
  const auto row = stored.get();
  return {str(row.getBootId()), Duration{row.getAwakeBase()}, Duration{row.getWallBase()},
          Instant{row.getWritten()}};
}

DelayLine::DelayLine(const Clock& clock, std::optional<Record> stored)
    : clock_(clock),
      boot_id_(clock.boot_id()),
      awake_base_(Duration{clock.wall_now().ms} - clock.awake()) {
  if (stored) begin(*stored);
}

void DelayLine::begin(const Record& stored) {
  wall_base_ = stored.wall_base;
  const Instant awake{clock_.awake().count()};
  // The same boot, unless it says so while the time awake has fallen: a copy on another machine.
  if (!boot_id_.empty() && boot_id_ == stored.boot_id &&
      awake + stored.awake_base >= stored.written) {
    awake_base_ = stored.awake_base;
    stored_at_ = stored.written;
    return;
  }
  const Instant by_wall = clock_.wall_now() + wall_base_;
  awake_base_ = std::max(by_wall, stored.written) - awake;
}

std::optional<DelayLine::Record> DelayLine::observe() {
  const Instant line = now();
  const Duration wall_base = line - clock_.wall_now();
  const Duration parted = wall_base - wall_base_;
  if (parted >= parted_least || parted <= -parted_least) {
    parted_ += 1;
    wall_base_ = wall_base;
  } else if (stored_at_ && line < *stored_at_ + stored_age_most) {
    return std::nullopt;
  }
  stored_at_ = line;
  return Record{boot_id_, awake_base_, wall_base_, line};
}

}  // namespace troupe
