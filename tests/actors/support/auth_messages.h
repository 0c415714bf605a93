// Commands to clients, to the roles and to audit logs, as an edge would make them.
#pragma once

#include "actors/auth/client_state.h"
#include "actors/auth/roles_state.h"
#include "runtime/store/bytes.h"
#include "tests/actors/support/messages.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::test {

inline constexpr const char* admin = "static/admin";  // gives all commands

struct NewClient {
  std::string description = "made by a test";
  std::optional<std::vector<std::string>> scopes = std::vector<std::string>{"b", "a"};
  Instant expires = start + 24 * hour;
  bool delete_on_expiration = false;
  std::string token = "sealed";
  std::string by = admin;
};
Bytes create_client(const NewClient& client = {});
/// Without scopes they stay.
Bytes update_client(std::uint64_t version, const NewClient& client);
Bytes enable_client();
Bytes disable_client();
Bytes reset_token(const std::string& token);
Bytes delete_client();
Bytes touch_client();
Bytes reseal_client(std::uint64_t version, const std::string& token);
Bytes synchronise_client(const NewClient& client);
Bytes remove_static();

/// The row in an answer.
auth::ClientState client_in(const Bytes& answer);

struct NewRole {
  std::string id = "r";
  std::vector<std::string> scopes = {};
  std::string description = "made by a test";
};
Bytes create_role(const NewRole& role);
Bytes update_role(std::uint64_t version, const NewRole& role);
Bytes delete_role(const std::string& id);

auth::RoleState role_in(const Bytes& answer);

}  // namespace troupe::test
