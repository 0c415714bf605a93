// What a worker and the guard of a command say to each other, over a socket pair. Both ends are the
// same program, so the report is its memory image.
//
//   worker -> guard   one GuardRequest, then orders of one byte; end of stream: kill all and leave
//   guard -> worker   one GuardReport when the command has ended and none of its processes is left
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::worker {

/// The guard's end of the socket pair.
inline constexpr int guard_control_fd = 3;

struct GuardRequest {
  std::string directory;
  std::vector<std::string> argv;
  std::vector<std::string> env;  // `NAME=value`

  bool operator==(const GuardRequest&) const = default;
};

/// A 4-byte length, then the body for `decode_request`.
std::string encode_request(const GuardRequest& request);
std::optional<GuardRequest> decode_request(std::string_view body);

enum GuardOrder : char {
  order_terminate = 'T',  // SIGTERM to all processes of the command
  order_kill = 'K',       // SIGKILL to all
};

struct GuardReport {
  std::int32_t exit_code = 0;   // 128 + signal if a signal ended it
  std::int32_t exec_errno = 0;  // why the command could not be executed; 0: it was
  std::int64_t user_us = 0;
  std::int64_t kernel_us = 0;
  std::int64_t wall_us = 0;
};

}  // namespace troupe::worker
