// Messages at rest: immutable words, shared without copying between actors, the committer's queue
// and edges. 8-aligned and a multiple of 8 long, as libcapnp and the store want them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace troupe {

using WordSpan = std::span<const std::uint64_t>;

class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(std::vector<std::uint64_t> words)
      : words_(std::make_shared<const std::vector<std::uint64_t>>(std::move(words))) {}
  explicit Bytes(WordSpan words) : Bytes(std::vector<std::uint64_t>(words.begin(), words.end())) {}

  WordSpan words() const { return words_ ? WordSpan(*words_) : WordSpan(); }
  std::size_t size_bytes() const { return words().size_bytes(); }
  bool empty() const { return words().empty(); }

 private:
  std::shared_ptr<const std::vector<std::uint64_t>> words_;
};

}  // namespace troupe
