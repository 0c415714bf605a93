// Which file systems cannot hold a store: memory-mapped files and locks are not trustworthy where
// another machine may write too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::server {

/// The name of the network file system on which `path`, or the nearest folder above it that exists,
/// lies; nothing if it is a local one.
std::optional<std::string> network_file_system(const std::string& path);

/// The same from what the kernel says: `magic` of statfs(2), `type` as in /proc/self/mountinfo,
/// which alone tells the file systems in user space (FUSE) apart.
std::optional<std::string> network_file_system(std::uint32_t magic, std::string_view type);

/// The size of the file system on which `path` lies; 0 if nobody can say.
std::uint64_t disk_size_bytes(const std::string& path);

}  // namespace troupe::server
