#include "actors/task_group/group_actor.h"
#include "actors/task_group/handlers.h"
#include "runtime/store/message.h"
#include "schema/store/rows.capnp.h"

namespace troupe::task_group {

Bytes encode_row(const GroupState& state) {
  return build<schema::TaskGroupRow>([&state](schema::TaskGroupRow::Builder row) {
    row.setTaskGroupId(text(state.task_group_id));
    row.setSchedulerId(text(state.scheduler_id));
    row.setExpires(state.expires.ms);
    row.setSealed(state.sealed.ms);
    row.setCreated(state.created.ms);
    row.setName(text(state.name));
    row.setMembers(state.members);
    row.setNeverResolved(state.never_resolved);
    if (state.release) {
      row.setReleaseActive(true);
      row.setReleaseCursor(text(state.release->cursor));
      row.setReleaseWaiting(state.release->waiting);
      row.setReleasedCount(state.release->count);
    }
    if (state.sweep) {
      row.setSweep(state.sweep->what);
      row.setSweepCursor(text(state.sweep->cursor));
      row.setSweepWaiting(state.sweep->waiting);
      row.setSweepPriority(state.sweep->priority);
    }
  });
}

GroupState decode_row(WordSpan words) {
  Stored<schema::TaskGroupRow> stored(words);
  const auto row = stored.get();
  GroupState state;
  state.exists = true;
  state.task_group_id = str(row.getTaskGroupId());
  state.scheduler_id = str(row.getSchedulerId());
  state.expires = within_calendar(Instant{row.getExpires()});
  state.sealed = Instant{row.getSealed()};
  state.created = Instant{row.getCreated()};
  state.name = str(row.getName());
  state.members = row.getMembers();
  state.never_resolved = row.getNeverResolved();
  if (row.getReleaseActive()) {
    state.release =
        Release{str(row.getReleaseCursor()), row.getReleaseWaiting(), row.getReleasedCount()};
  }
  if (row.getSweep() != schema::GroupSweep::NONE) {
    state.sweep = Sweep{row.getSweep(), row.getSweepPriority(), str(row.getSweepCursor()),
                        row.getSweepWaiting()};
  }
  return state;
}

void fill_group(const GroupState& state, schema::TaskGroup::Builder group) {
  group.setTaskGroupId(text(state.task_group_id));
  group.setSchedulerId(text(state.scheduler_id));
  group.setExpires(state.expires.ms);
  group.setSealed(state.sealed.ms);
}

}  // namespace troupe::task_group
