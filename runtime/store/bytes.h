// Messages at rest: immutable words, shared without copying between actors, the committer's queue
// and edges. 8-aligned and a multiple of 8 long, as libcapnp and the store want them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace troupe {

using WordSpan = std::span<const std::uint64_t>;

class Bytes {
 public:
  Bytes() = default;
  /// A copy of the words.
  explicit Bytes(WordSpan words)
      : Bytes(make(words.size(), [words](std::span<std::uint64_t> out) {
          std::ranges::copy(words, out.begin());
        })) {}
  explicit Bytes(const std::vector<std::uint64_t>& words) : Bytes(WordSpan(words)) {}

  /// `size` words that `fill` writes, all of them, before anybody else sees them. One allocation:
  /// every command makes several.
  template <class Fill>
  static Bytes make(std::size_t size, Fill&& fill) {
    if (size == 0) return Bytes();
    auto words = std::make_shared_for_overwrite<std::uint64_t[]>(size);
    fill(std::span<std::uint64_t>(words.get(), size));
    return Bytes(std::move(words), size);
  }

  WordSpan words() const { return {words_.get(), size_}; }
  std::size_t size_bytes() const { return words().size_bytes(); }
  bool empty() const { return size_ == 0; }

 private:
  Bytes(std::shared_ptr<const std::uint64_t[]> words, std::size_t size)
      : words_(std::move(words)), size_(size) {}

  std::shared_ptr<const std::uint64_t[]> words_;
  std::size_t size_ = 0;
};

}  // namespace troupe
