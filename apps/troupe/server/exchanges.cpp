#include "apps/troupe/server/exchanges.h"

#include "actors/auth/events.h"
#include "actors/task/exchanges.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace troupe::server {

std::vector<std::string> all_exchanges() {
  std::vector<std::string> names;
  for (const auto& service : {auth::exchanges(), task::exchanges()}) {
    for (const auto& exchange : service.exchanges) {
      names.push_back(api::exchange_prefix(service.service) + exchange.name);
    }
  }
  return names;
}

Status check_exchange(const std::string& wanted) {
  if (wanted.empty() || wanted.find_first_of("*#") != std::string::npos) return Done{};
  static const std::vector<std::string> known = all_exchanges();
  if (std::ranges::find(known, wanted) != known.end()) return Done{};
  const std::string end = "/" + wanted.substr(wanted.rfind('/') + 1);
  const auto meant =
      std::ranges::find_if(known, [&end](const auto& name) { return name.ends_with(end); });
  const std::string hint = meant == known.end()
                               ? fmt::format("use one of {}, or a pattern", fmt::join(known, ", "))
                               : fmt::format("did you mean {}?", *meant);
  return Error{Errc::invalid, fmt::format("exchange: there is no \"{}\": {}", wanted, hint)};
}

}  // namespace troupe::server
