// Secret text in memory: access tokens, keys.
#pragma once

#include <fmt/core.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace troupe {

/// Text that must not be seen: wiped when it is destroyed or replaced, and neither printed nor
/// logged by mistake, as nothing turns it into text but `reveal`. An empty one is a valid value.
class Secret {
 public:
  Secret() = default;
  /// Copies `text`; the caller's own copy is the caller's to wipe.
  explicit Secret(std::string_view text);
  /// Takes over what `text` says, and wipes it there.
  static Secret taken_from(std::string& text);

  ~Secret();
  Secret(const Secret& other) : Secret(other.reveal()) {}
  Secret(Secret&& other) noexcept { swap(other); }
  Secret& operator=(Secret other) noexcept {
    swap(other);
    return *this;
  }

  /// The text, as long as this secret is neither changed nor destroyed. For cryptography and for
  /// answers to those whose secret it is: never for a log, an error or a file that is not 0600.
  std::string_view reveal() const { return {text_.get(), size_}; }
  bool empty() const { return size_ == 0; }

  /// In a time that depends on the lengths only: how long tokens are is no secret.
  bool operator==(const Secret& other) const;

 private:
  void swap(Secret& other) noexcept {
    text_.swap(other.text_);
    std::swap(size_, other.size_);
  }

  // Not a std::string: its moves leave short texts behind.
  std::unique_ptr<char[]> text_;
  std::size_t size_ = 0;
};

}  // namespace troupe

/// Formatting a secret, and so logging it, does not compile.
template <class Char>
struct fmt::formatter<troupe::Secret, Char> {
  formatter() = delete;
};
