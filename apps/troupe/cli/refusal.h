// What the server says to who lacks scopes, in one line: its own words are a page.
#pragma once

#include <string>
#include <string_view>

namespace troupe::cli {

/// `client ci/a lacks `queue:create-task:x`: have the scopes given to it`, from the words of a
/// refusal; any other text as it is, in one line.
std::string short_refusal(std::string_view detail);

}  // namespace troupe::cli
