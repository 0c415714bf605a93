// A file that appears under its name only when it is whole and its contents are what they must be.
#pragma once

#include "runtime/base/hash.h"
#include "runtime/base/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::cli {

class PartFile {
 public:
  /// Opens a hidden file beside `path`, whose folders are made.
  static Result<std::unique_ptr<PartFile>> create(const std::string& path);

  /// Removes the hidden file unless `finish` succeeded.
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  Status append(std::string_view bytes);
  std::uint64_t size() const { return size_; }

  /// Checks the contents and gives the file its name, replacing what has it. Call once.
  /// Fails with `corrupt` if size or hash differ.
  Status finish(const Sha256& expected, std::uint64_t expected_size);

 private:
  PartFile(std::string path, std::string part_path, int descriptor);

  const std::string path_;
  std::string part_path_;  // empty once renamed
  int descriptor_;
  std::uint64_t size_ = 0;
  Sha256Stream hash_;
};

}  // namespace troupe::cli
