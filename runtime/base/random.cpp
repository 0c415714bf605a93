#include "runtime/base/random.h"

#include "runtime/base/assert.h"
#include "runtime/base/hash.h"

#include <sys/random.h>

namespace troupe {

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  std::size_t filled = 0;
  while (filled < count) {
    const auto got = getrandom(out.data() + filled, count - filled, 0);
    TROUPE_INVARIANT(got > 0);
    filled += static_cast<std::size_t>(got);
  }
  return out;
}

std::string new_slugid() {
  std::string uuid = random_bytes(16);
  uuid[0] = static_cast<char>(uuid[0] & 0x7f);  // a first character of A-Z, a-f
  uuid[6] = static_cast<char>((uuid[6] & 0x0f) | 0x40);
  uuid[8] = static_cast<char>((uuid[8] & 0x3f) | 0x80);
  return to_base64url(as_bytes(uuid));
}

bool is_slugid(std::string_view text) {
  if (text.size() != 22) return false;
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (const char c : text) {
    if (alphabet.find(c) == std::string_view::npos) return false;
  }
  return std::string_view("QRST").find(text[8]) != std::string_view::npos &&
         std::string_view("CGKOSWaeimquy26-").find(text[10]) != std::string_view::npos &&
         std::string_view("AQgw").find(text[21]) != std::string_view::npos;
}

namespace {

// 16 of the bytes that are fetched many at a time: each request takes two, and a call of the kernel
// costs as much as reading one. For names only: a process that forks repeats them.
std::string pooled_bytes() {
  constexpr std::size_t size = 16;
  constexpr std::size_t pooled = 64;
  thread_local std::string pool;
  if (pool.empty()) pool = random_bytes(size * pooled);
  std::string out = pool.substr(pool.size() - size);
  pool.resize(pool.size() - size);
  return out;
}

}  // namespace

std::string new_uuid() {
  std::string uuid = pooled_bytes();
  uuid[6] = static_cast<char>((uuid[6] & 0x0f) | 0x40);
  uuid[8] = static_cast<char>((uuid[8] & 0x3f) | 0x80);
  std::string text = to_hex(as_bytes(uuid));
  for (const std::size_t hyphen : {8, 13, 18, 23}) text.insert(hyphen, 1, '-');
  return text;
}

std::string new_token() {
  return to_base64url(as_bytes(random_bytes(33)));
}

}  // namespace troupe
