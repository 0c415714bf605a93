#include "runtime/api/exchanges.h"

namespace troupe::api {

std::string exchange_prefix(std::string_view service) {
  std::string prefix = "exchange/taskcluster-";
  prefix += service;
  prefix += '/';
  prefix += exchange_version;
  return prefix + "/";
}

RoutingWord reserved_word() {
  return {.name = "reserved",
          .summary = "For words that may come later: match it with `#`.",
          .required = false,
          .many = true};
}

}  // namespace troupe::api
