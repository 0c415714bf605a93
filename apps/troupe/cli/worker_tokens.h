// What `troupe worker list` and `troupe worker token ...` do; each returns the exit status.
#pragma once

#include "apps/troupe/cli/command.h"

#include <string>

namespace troupe::cli {

struct TokenCreateOptions {
  std::string pool;
  std::string expires = "30d";
  std::string output;  // file to write; empty: standard output
};

int worker_list(const GlobalOptions& global, const std::string& queue);
int worker_token_create(const GlobalOptions& global, const TokenCreateOptions& options);
int worker_token_list(const GlobalOptions& global);
int worker_token_revoke(const GlobalOptions& global, const std::string& client_id);

}  // namespace troupe::cli
