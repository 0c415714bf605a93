// Whose certificates of a server are trusted, and where that stands.
#pragma once

namespace troupe::client {

/// What `Target::ca` is where this machine's own list of authorities counts.
inline constexpr const char* system_authorities = "system";

/// `Target::ca` of credentials in the environment: the path of a file, or `system_authorities`.
inline constexpr const char* ca_variable = "TROUPE_CA";

/// `Target::found_in` of these.
inline constexpr const char* environment_credentials =
    "TASKCLUSTER_CLIENT_ID and TASKCLUSTER_ACCESS_TOKEN";

}  // namespace troupe::client
