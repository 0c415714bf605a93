// One open stream: its file, and what is kept in memory beside it. Not thread safe.
#pragma once

#include "runtime/base/hash.h"
#include "runtime/base/result.h"
#include "runtime/blob/file.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace troupe {

class OpenStream {
 public:
  /// Bytes of the end that are kept for `last_line`.
  static constexpr std::size_t tail_bytes = 4096;

  /// Takes over a file that exists; reads its end.
  static Result<std::shared_ptr<OpenStream>> load(std::string key, File file);

  /// Writes at the end. Counts what fitted, also when it fails.
  Written write(std::span<const std::uint8_t> bytes);

  /// The hash of the whole stream; reads what was written before it was opened. Nothing is written
  /// any more from the first call on.
  Result<Sha256> whole_hash();

  std::string tail() const;
  const std::string& key() const { return key_; }
  std::uint64_t size() const { return size_; }
  /// Shared with reads and syncs that outlast the stream's being closed.
  const std::shared_ptr<const File>& file() const { return file_; }

  std::uint64_t synced = 0;   // bytes that are on disk for certain
  bool names_synced = false;  // of the file and its folder
  bool sealed = false;        // its bytes may be those of a blob: they never change again
  bool sealing = false;       // a call of `seal` is under way
  bool broken = false;        // a sync failed: bytes that were taken may be lost

 private:
  OpenStream(std::string key, File file);
  void remember(std::span<const std::uint8_t> bytes);

  const std::string key_;
  const std::shared_ptr<const File> file_;
  std::uint64_t size_ = 0;
  std::string tail_;  // at most twice tail_bytes

  // Covers the first hashed_ bytes: all, unless the stream was opened with bytes in it.
  Sha256Stream hash_;
  std::uint64_t hashed_ = 0;
  std::optional<Sha256> whole_;
};

}  // namespace troupe
