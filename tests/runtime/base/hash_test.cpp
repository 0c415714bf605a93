#include "runtime/base/hash.h"

#include <catch2/catch.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <rapidcheck/catch.h>

#include <string>
#include <vector>

using namespace troupe;

TEST_CASE("SHA-256 and HMAC are those of the standards", "[hash]") {
  SECTION("FIPS 180-4") {
    CHECK(to_hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(to_hex(sha256("abc")) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  }
  SECTION("RFC 4231, with keys shorter and longer than a block") {
    CHECK(to_hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(to_hex(hmac_sha256(std::string(131, '\xaa'),
                             "Test Using Larger Than Block-Size Key - Hash Key First")) ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  }
  SECTION("and OpenSSL's own") {
    rc::prop("whatever key and text", [] {
      const auto size = *rc::gen::inRange<std::size_t>(0, 200);
      const auto key = *rc::gen::container<std::string>(size, rc::gen::arbitrary<char>());
      const auto text = *rc::gen::arbitrary<std::string>();
      Sha256 theirs{};
      unsigned written = 0;
      const auto data = as_bytes(text);
      RC_ASSERT(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(),
                     data.size(), theirs.data(), &written) != nullptr);
      RC_ASSERT(hmac_sha256(key, text) == theirs);
    });
  }
}

TEST_CASE("parts hash like the whole", "[hash]") {
  rc::prop("wherever it is cut", [] {
    const auto a = *rc::gen::arbitrary<std::string>();
    const auto b = *rc::gen::arbitrary<std::string>();
    Sha256Stream stream;
    stream.update(as_bytes(a));
    stream.update(as_bytes(b));
    RC_ASSERT(stream.finish() == sha256(a + b));
    RC_ASSERT(sha256({a, b}) == sha256(a + b));
  });
}

TEST_CASE("base64 is that of RFC 4648", "[hash]") {
  const auto [bytes, padded, url] = GENERATE(table<std::string, std::string, std::string>({
      {"", "", ""},
      {"f", "Zg==", "Zg"},
      {"fo", "Zm8=", "Zm8"},
      {"foo", "Zm9v", "Zm9v"},
      {"foob", "Zm9vYg==", "Zm9vYg"},
      {"\xfb\xff\xbf", "+/+/", "-_-_"},
  }));
  CHECK(to_base64(as_bytes(bytes)) == padded);
  CHECK(to_base64url(as_bytes(bytes)) == url);
  CHECK(from_base64(padded) == bytes);
  CHECK(from_base64(url) == bytes);
}

TEST_CASE("base64 reads back, and refuses what it is not", "[hash]") {
  rc::prop("any bytes", [](const std::string& bytes) {
    RC_ASSERT(from_base64(to_base64(as_bytes(bytes))) == bytes);
    RC_ASSERT(from_base64(to_base64url(as_bytes(bytes))) == bytes);
  });
  for (const char* text : {"A", "AAAAA", "A A=", "A*==", "Zg==Zg=="}) {
    INFO(text);
    CHECK_FALSE(from_base64(text).has_value());
  }
}
