#include "apps/troupe/cli/members.h"

#include "apps/troupe/cli/pages.h"

namespace troupe::cli {

void for_each_member(Session& session,
                     const std::string& group_id,
                     const std::function<void(schema::TaskAndStatus::Reader)>& visit) {
  const auto ask = [&] {
    auto request = session.queue().listTaskGroupRequest();
    request.setTaskGroupId(group_id);
    return request;
  };
  for_each_page(session, ask, [&](const auto& page) {
    for (const auto member : page.getTasks()) visit(member);
  });
}

}  // namespace troupe::cli
