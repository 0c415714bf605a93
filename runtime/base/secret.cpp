#include "runtime/base/secret.h"

#include "runtime/base/hash.h"

#include <openssl/crypto.h>

#include <algorithm>

namespace troupe {

Secret::Secret(std::string_view text)
    : text_(std::make_unique<char[]>(text.size())), size_(text.size()) {
  std::copy(text.begin(), text.end(), text_.get());
}

Secret Secret::taken_from(std::string& text) {
  Secret secret{std::string_view(text)};
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
  return secret;
}

Secret::~Secret() {
  if (text_) OPENSSL_cleanse(text_.get(), size_);
}

bool Secret::operator==(const Secret& other) const {
  return constant_time_equal(as_bytes(reveal()), as_bytes(other.reveal()));
}

}  // namespace troupe
