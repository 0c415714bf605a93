#include "runtime/base/secret_box.h"

#include "runtime/base/assert.h"
#include "runtime/base/random.h"

#include <openssl/evp.h>

#include <memory>

namespace troupe {
namespace {

constexpr std::size_t key_bytes = 32;
constexpr int nonce_bytes = 12;
constexpr int tag_bytes = 16;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text, std::size_t offset) {
  return reinterpret_cast<unsigned char*>(text.data()) + offset;
}

}  // namespace

std::string seal_secret(std::string_view key, std::string_view context, std::string_view secret) {
  TROUPE_EXPECTS(key.size() == key_bytes);
  std::string box = random_bytes(nonce_bytes);
  box.resize(static_cast<std::size_t>(nonce_bytes) + secret.size() + tag_bytes);
  const Context cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  int rest = 0;
  EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(key), bytes(box, 0));
  EVP_EncryptUpdate(cipher.get(), nullptr, &rest, bytes(context), static_cast<int>(context.size()));
  EVP_EncryptUpdate(cipher.get(), bytes(box, nonce_bytes), &written, bytes(secret),
                    static_cast<int>(secret.size()));
  const bool done =
      EVP_EncryptFinal_ex(cipher.get(), bytes(box, nonce_bytes + secret.size()), &rest) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes,
                          bytes(box, nonce_bytes + secret.size())) == 1;
  TROUPE_ENSURES(done);
  return box;
}

std::optional<std::string> open_secret(std::string_view key,
                                       std::string_view context,
                                       std::string_view box) {
  TROUPE_EXPECTS(key.size() == key_bytes);
  if (box.size() < static_cast<std::size_t>(nonce_bytes + tag_bytes)) return std::nullopt;
  const std::size_t size = box.size() - nonce_bytes - tag_bytes;
  std::string secret(size, '\0');
  std::string tag(box.substr(nonce_bytes + size));
  const Context cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  int rest = 0;
  EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(key), bytes(box));
  EVP_DecryptUpdate(cipher.get(), nullptr, &rest, bytes(context), static_cast<int>(context.size()));
  EVP_DecryptUpdate(cipher.get(), bytes(secret, 0), &written, bytes(box) + nonce_bytes,
                    static_cast<int>(size));
  EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, bytes(tag, 0));
  unsigned char none = 0;
  if (EVP_DecryptFinal_ex(cipher.get(), &none, &rest) != 1) return std::nullopt;
  return secret;
}

}  // namespace troupe
