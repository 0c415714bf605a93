// From the flags of `troupe worker --join` to the options of a worker.
#pragma once

#include "apps/troupe/cli/command.h"
#include "apps/troupe/worker/worker.h"

#include <map>
#include <string>

namespace troupe::cli {

struct JoinFlags {
  std::string join;  // one address or several, with commas between
  std::string pool;
  std::uint32_t capacity = 1;
  std::string credentials;
  std::string work_dir = "troupe-worker";
  std::string worker_group;                     // empty: after the host
  std::string worker_id;                        // empty: made from host and work directory
  std::map<std::string, std::string> settings;  // `worker.*` keys of the configuration, as text
  std::map<std::string, std::string> names;     // the flags of such keys
};

/// Logs as the configuration says from here on. Errors: `invalid` a setting is malformed.
Status start_worker_logging(const JoinFlags& flags);

/// Errors: `invalid` a flag is missing or malformed; those of `find_target` where no credentials
/// file is named.
Result<worker::WorkerOptions> worker_options(const GlobalOptions& global, const JoinFlags& flags);

/// A name from `text` that may be part of a worker's: letters, digits, `-` and `_`, at most 38.
std::string worker_name(std::string_view text);

}  // namespace troupe::cli
