// OpenSSL 3 looks its algorithms up by name at every one-shot call, and makes a context on the heap
// for every other: an HMAC of a request took 3.3 µs that way, 0.7 µs with an EVP_MD fetched once
// and a context for each thread, and 0.45 µs with the plain functions. Those are deprecated in
// favour of providers, which this program does not use, and are called nowhere but here.
#define OPENSSL_API_COMPAT 0x10101000L

#include "runtime/base/hash.h"

#include "runtime/base/assert.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

namespace troupe {
namespace {

constexpr std::size_t block_bytes = 64;

// A hash in progress, on the stack; wiped, as it may be of a key.
class Hash {
 public:
  Hash() { TROUPE_ENSURES(SHA256_Init(&context_) == 1); }
  ~Hash() { OPENSSL_cleanse(&context_, sizeof context_); }
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;

  void update(std::span<const std::uint8_t> bytes) {
    TROUPE_ENSURES(SHA256_Update(&context_, bytes.data(), bytes.size()) == 1);
  }
  void finish(Sha256& out) { TROUPE_ENSURES(SHA256_Final(out.data(), &context_) == 1); }

 private:
  SHA256_CTX context_;
};

}  // namespace

struct Sha256Stream::Impl {
  Hash hash;
};

Sha256Stream::Sha256Stream() : impl_(std::make_unique<Impl>()) {}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::update(std::span<const std::uint8_t> bytes) {
  impl_->hash.update(bytes);
}

Sha256 Sha256Stream::finish() {
  Sha256 out{};
  impl_->hash.finish(out);
  return out;
}

Sha256 sha256(std::string_view bytes) {
  return sha256({bytes});
}

Sha256 sha256(std::initializer_list<std::string_view> parts) {
  Hash hash;
  for (const std::string_view part : parts) hash.update(as_bytes(part));
  Sha256 out{};
  hash.finish(out);
  return out;
}

// RFC 2104.
Sha256 hmac_sha256(std::string_view key, std::string_view bytes) {
  constexpr std::uint8_t inner = 0x36;
  constexpr std::uint8_t outer = 0x5c;
  std::array<std::uint8_t, block_bytes> pad{};
  if (key.size() > pad.size()) {
    const Sha256 short_key = sha256(key);
    std::copy(short_key.begin(), short_key.end(), pad.begin());
  } else {
    std::copy(key.begin(), key.end(), pad.begin());
  }

  Sha256 out{};
  for (std::uint8_t& b : pad) b ^= inner;
  {
    Hash hash;
    hash.update(pad);
    hash.update(as_bytes(bytes));
    hash.finish(out);
  }
  for (std::uint8_t& b : pad) b ^= inner ^ outer;
  {
    Hash hash;
    hash.update(pad);
    hash.update(out);
    hash.finish(out);
  }
  OPENSSL_cleanse(pad.data(), pad.size());
  return out;
}

bool constant_time_equal(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t b : bytes) {
    out += digits[b >> 4];
    out += digits[b & 15];
  }
  return out;
}

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base64url_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// The value of each digit of either alphabet. All else has bits that no digit has, so that several
// are looked at in one comparison.
constexpr std::uint8_t no_digit = 255;
constexpr std::array<std::uint8_t, 256> base64_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(no_digit);
  for (std::uint8_t i = 0; i < 64; ++i) {
    values[static_cast<std::uint8_t>(base64_digits[i])] = i;
    values[static_cast<std::uint8_t>(base64url_digits[i])] = i;
  }
  return values;
}();

// Without padding.
std::string in_base64(std::span<const std::uint8_t> bytes, std::string_view digits) {
  std::string out((bytes.size() * 4 + 2) / 3, '\0');
  char* to = out.data();
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t group =
        (std::uint32_t{bytes[i]} << 16) | (std::uint32_t{bytes[i + 1]} << 8) | bytes[i + 2];
    *to++ = digits[group >> 18];
    *to++ = digits[(group >> 12) & 63];
    *to++ = digits[(group >> 6) & 63];
    *to++ = digits[group & 63];
  }
  if (i == bytes.size()) return out;
  const bool two = i + 2 == bytes.size();
  const std::uint32_t group =
      (std::uint32_t{bytes[i]} << 16) | (two ? std::uint32_t{bytes[i + 1]} << 8 : 0);
  *to++ = digits[group >> 18];
  *to++ = digits[(group >> 12) & 63];
  if (two) *to = digits[(group >> 6) & 63];
  return out;
}

}  // namespace

std::optional<Sha256> sha256_from_hex(std::string_view text) {
  Sha256 out{};
  if (text.size() != out.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return out;
}

std::string to_base64(std::span<const std::uint8_t> bytes) {
  std::string out = in_base64(bytes, base64_digits);
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

std::string to_base64url(std::span<const std::uint8_t> bytes) {
  return in_base64(bytes, base64url_digits);
}

std::optional<std::string> from_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out(text.size() * 3 / 4, '\0');
  char* to = out.data();
  const auto value_at = [&text](std::size_t i) {
    return std::uint32_t{base64_values[static_cast<std::uint8_t>(text[i])]};
  };
  const auto put = [&to](std::uint32_t byte) { *to++ = static_cast<char>(byte & 255); };
  std::size_t i = 0;
  for (; i + 4 <= text.size(); i += 4) {
    const std::uint32_t a = value_at(i);
    const std::uint32_t b = value_at(i + 1);
    const std::uint32_t c = value_at(i + 2);
    const std::uint32_t d = value_at(i + 3);
    if ((a | b | c | d) == no_digit) return std::nullopt;
    put(a << 2 | b >> 4);
    put(b << 4 | c >> 2);
    put(c << 6 | d);
  }
  if (i == text.size()) return out;
  const std::uint32_t a = value_at(i);
  const std::uint32_t b = value_at(i + 1);
  const std::uint32_t c = i + 2 < text.size() ? value_at(i + 2) : 0;
  if ((a | b | c) == no_digit) return std::nullopt;
  put(a << 2 | b >> 4);
  if (i + 2 < text.size()) put(b << 4 | c >> 2);
  return out;
}

}  // namespace troupe
