#include "apps/troupe/cli/priority.h"

#include "runtime/transcode/json.h"

namespace troupe::cli {

Result<schema::Priority> read_priority(const std::string& name) {
  if (const auto priority = enum_from_name<schema::Priority>(name)) return *priority;
  return Error{Errc::invalid,
               "there is no priority \"" + name + "\": one of " + std::string(priority_names)};
}

}  // namespace troupe::cli
