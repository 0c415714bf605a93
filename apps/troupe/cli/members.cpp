#include "apps/troupe/cli/members.h"

#include "apps/troupe/cli/session.h"

namespace troupe::cli {

void for_each_member(Session& session,
                     const std::string& group_id,
                     const std::function<void(schema::TaskAndStatus::Reader)>& visit) {
  read_pages([&](const std::string& token) {
    auto request = session.queue().listTaskGroupRequest();
    request.setTaskGroupId(group_id);
    request.setContinuationToken(token);
    const auto page = session.wait(request.send());
    for (const auto member : page.getTasks()) visit(member);
    return std::string(page.getContinuationToken().cStr());
  });
}

}  // namespace troupe::cli
