#include "actors/task_group/check.h"

#include "actors/check.h"
#include "actors/kinds.h"
#include "schema/store/messages.capnp.h"
#include "schema/store/rows.capnp.h"

namespace troupe::task_group {
namespace {

enum Sets : std::size_t { members, swept };

/// One group while it is checked.
struct Group {
  const CheckView& view;
  ActorId id;
  std::string where;
  std::uint64_t members = 0;
  std::uint64_t never_resolved = 0;

  void expect(bool holds, const char* what) const { view.findings().expect(holds, where, what); }
};

void check_member(Group& group, std::string_view key, WordSpan words) {
  group.members += 1;
  DoubtfulKey parts(key);
  const auto member = parts.text();
  const Findings& seen = group.view.findings();
  if (!member) {
    group.view.findings().add(group.where, "the key of a member is malformed");
    return;
  }
  const std::string where = group.where + " member " + std::string(*member);
  const auto before = seen.total();
  bool ever_resolved = false;
  group.view.findings().guard(
      where, [&] { ever_resolved = Stored<schema::MemberRow>(words).get().getEverResolved(); });
  if (!ever_resolved) group.never_resolved += 1;
  if (seen.total() != before) return;
  const auto task =
      group.view.row(group.view.locate(task_id(std::string(*member))), tables::task_state);
  if (!task) {
    const ActorId gone = task_id(std::string(*member));
    const bool leaving = group.view.any_message(gone, group.id, [](WordSpan body, auto) {
      return Stored<schema::TaskGroupMessage>(body).get().isMemberExpired();
    });
    group.view.findings().expect(leaving, where, "there is no such task");
    return;
  }
  group.view.findings().guard(where, [&] {
    const bool mine = str(Stored<schema::TaskRow>(*task).get().getTaskGroupId()) == group.id.key;
    group.view.findings().expect(mine, where, "the task is of another group");
  });
}

void check_swept(Group& group, std::string_view key, WordSpan words) {
  decode_whole<schema::SweptRow>(words);
  const auto row = group.view.row(group.view.locate(group.id), tables::group_members, key);
  group.expect(row.has_value(), "G4: a sweep has changed a task that is no member");
}

void check_group(const CheckView& view, ActorRows& rows, WordSpan words) {
  Stored<schema::TaskGroupRow> stored(words);
  const auto row = stored.get();
  row.totalSize();
  Group group{view, task_group_id(str(row.getTaskGroupId())), {}};
  group.where = "task_group/" + group.id.key;
  rows.rows(members,
            [&](std::string_view key, WordSpan member) { check_member(group, key, member); });
  rows.rows(swept, [&](std::string_view key, WordSpan task) { check_swept(group, key, task); });
  group.expect(row.getNeverResolved() <= row.getMembers(), "G1: neverResolved is over members");
  group.expect(row.getMembers() == group.members, "members are miscounted");
  group.expect(row.getNeverResolved() == group.never_resolved, "neverResolved is miscounted");
}

}  // namespace

CheckedKind checked_kind() {
  return {
      kinds::task_group,
      "task_group",
      tables::group_state,
      {tables::group_members, tables::group_swept},
      [](WordSpan row) { return str(Stored<schema::TaskGroupRow>(row).get().getTaskGroupId()); },
      decode_whole<schema::TaskGroupMessage>};
}

void check(const CheckView& view) {
  const CheckedKind kind = checked_kind();
  for (const Snapshot* shard : view.shards()) {
    ActorRows rows(*shard, kind, view.findings());
    rows.each([&](std::uint64_t number, WordSpan row) {
      view.findings().guard("group_state row " + std::to_string(number),
                            [&] { check_group(view, rows, row); });
    });
  }
}

}  // namespace troupe::task_group
