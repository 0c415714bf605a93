#include "apps/troupe/server/file_system.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace troupe::server {
namespace {

constexpr std::uint32_t fuse_magic = 0x65735546;

// Source: statfs(2) and linux/magic.h.
constexpr std::array<std::pair<std::uint32_t, const char*>, 11> network_magics = {{
    {0x6969, "NFS"},
    {0x517B, "SMB"},
    {0xFF534D42, "CIFS"},
    {0xFE534D42, "SMB2"},
    {0x564C, "NCP"},
    {0x73757245, "Coda"},
    {0x5346414F, "OpenAFS"},
    {0x6B414653, "AFS"},
    {0x00C36400, "Ceph"},
    {0x0BD00BD0, "Lustre"},
    {0x01021997, "9P"},
}};

// The type of the mounted file system that has this device number; empty if it is not listed.
std::string mounted_type(dev_t device) {
  const std::string wanted = std::to_string(major(device)) + ':' + std::to_string(minor(device));
  std::ifstream mounts("/proc/self/mountinfo");
  // 36 35 98:0 /root /mount/point options [optional fields...] - type source options
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id;
    std::string parent;
    std::string number;
    words >> id >> parent >> number;
    const auto separator = line.find(" - ");
    if (number != wanted || separator == std::string::npos) continue;
    const auto begin = separator + 3;
    return line.substr(begin, line.find(' ', begin) - begin);
  }
  return {};
}

}  // namespace

std::optional<std::string> network_file_system(std::uint32_t magic, std::string_view type) {
  for (const auto& [known, name] : network_magics) {
    if (magic == known) return name;
  }
  // A FUSE program may do anything. Local disks (`fuseblk`), the host of a virtual machine
  // (`virtiofs`) and the root of a rootless container are known to be fit.
  const bool in_user_space = type == "fuse" || type.starts_with("fuse.");
  if (magic == fuse_magic && in_user_space && type != "fuse.fuse-overlayfs") {
    return std::string(type);
  }
  return std::nullopt;
}

std::optional<std::string> network_file_system(const std::string& path) {
  std::error_code error;
  auto existing = std::filesystem::absolute(path, error);
  while (existing.has_relative_path() && !std::filesystem::exists(existing, error)) {
    existing = existing.parent_path();
  }
  struct statfs kernel {};
  struct stat file {};
  if (statfs(existing.c_str(), &kernel) != 0 || stat(existing.c_str(), &file) != 0) {
    return std::nullopt;
  }
  // The field is signed and wider; the magic is its low 32 bits.
  const auto magic = static_cast<std::uint32_t>(kernel.f_type);
  return network_file_system(magic, magic == fuse_magic ? mounted_type(file.st_dev) : "");
}

std::uint64_t disk_size_bytes(const std::string& path) {
  struct statvfs info {};
  if (statvfs(path.c_str(), &info) != 0) return 0;
  return static_cast<std::uint64_t>(info.f_blocks) * info.f_frsize;
}

}  // namespace troupe::server
