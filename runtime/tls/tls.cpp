#include "runtime/tls/tls.h"

#include "runtime/base/assert.h"

#include <kj/vector.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace troupe {
namespace {

// Certificates and keys have a few KiB; anything larger is another file by mistake.
constexpr std::size_t file_bytes_max = std::size_t{1} << 20;
constexpr std::string_view begin_certificate = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view end_certificate = "-----END CERTIFICATE-----";
// What kj keeps of a chain.
constexpr std::size_t chain_max = 10;

struct Deleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using BioPtr = std::unique_ptr<BIO, Deleter>;
using CertificatePtr = std::unique_ptr<X509, Deleter>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter>;

BioPtr bio_of(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

CertificatePtr parse_certificate(std::string_view pem) {
  CertificatePtr out(PEM_read_bio_X509(bio_of(pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return out;
}

// Without asking for a password on the terminal.
KeyPtr parse_key(std::string_view pem) {
  const auto no_password = [](char*, int, int, void*) { return -1; };
  KeyPtr out(PEM_read_bio_PrivateKey(bio_of(pem).get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  return out;
}

/// The single certificates of a text, each as PEM.
std::vector<std::string> split_certificates(std::string_view pem) {
  std::vector<std::string> out;
  for (;;) {
    const auto begin = pem.find(begin_certificate);
    if (begin == std::string_view::npos) return out;
    const auto end = pem.find(end_certificate, begin);
    if (end == std::string_view::npos) return out;
    out.emplace_back(pem.substr(begin, end + end_certificate.size() - begin)).append("\n");
    pem.remove_prefix(end + end_certificate.size());
  }
}

Error invalid(const std::string& where, const std::string& what) {
  return {Errc::invalid, where + ": " + what};
}

Result<std::string> read_text(const std::string& where, const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return invalid(where, "cannot be read: " + std::generic_category().message(errno));
  std::string text(file_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad() || text.empty()) return invalid(where, "is empty, or no file");
  if (text.size() > file_bytes_max) return invalid(where, "is too large for certificates or keys");
  return text;
}

Status check_certificates(const std::string& where, std::string_view pem, Instant now) {
  const auto all = split_certificates(pem);
  if (all.empty()) return invalid(where, "holds no certificate in PEM");
  if (all.size() > chain_max) return invalid(where, "holds more than 10 certificates");
  auto seconds = static_cast<std::time_t>(now.ms / 1000);
  for (const auto& one : all) {
    const auto parsed = parse_certificate(one);
    if (!parsed) return invalid(where, "holds a certificate that is damaged");
    if (X509_cmp_time(X509_get0_notAfter(parsed.get()), &seconds) < 0) {
      return invalid(where, "holds a certificate that has expired: renew it");
    }
  }
  return Done{};
}

Status check_key(const std::string& where, std::string_view pem) {
  if (parse_key(pem)) return Done{};
  return invalid(where,
                 "holds no private key in PEM, or one with a password: store it without one");
}

bool belong_together(const TlsMaterial& material) {
  const auto certificate = parse_certificate(material.certificate);
  const auto key = parse_key(material.key);
  const bool same = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  return same;
}

std::string place(std::string_view name, const std::string& path) {
  return std::string(name) + " " + path;
}

/// Certificates as kj wants them, and what they are parsed from.
std::vector<kj::TlsCertificate> trusted(const std::string& pem) {
  std::vector<kj::TlsCertificate> out;
  for (const auto& one : split_certificates(pem)) out.emplace_back(kj::StringPtr(one.c_str()));
  return out;
}

kj::Own<kj::TlsContext> make_context(const TlsMaterial& material, kj::TlsContext::Options options) {
  options.minVersion = kj::TlsVersion::TLS_1_2;
  const auto authorities = trusted(material.authority);
  if (!authorities.empty()) {
    options.useSystemTrustStore = false;
    options.trustedCertificates = kj::arrayPtr(authorities.data(), authorities.size());
  }
  if (material.certificate.empty()) return kj::heap<kj::TlsContext>(kj::mv(options));
  const kj::TlsKeypair pair{kj::TlsPrivateKey(kj::StringPtr(material.key.c_str())),
                            kj::TlsCertificate(kj::StringPtr(material.certificate.c_str()))};
  options.defaultKeypair = pair;
  return kj::heap<kj::TlsContext>(kj::mv(options));
}

}  // namespace

Result<TlsMaterial> read_tls_files(const TlsFiles& files, Instant now) {
  if (!files.wanted()) return TlsMaterial{};
  for (const auto& [text, name] : {std::pair(&files.certificate, files.certificate_name),
                                   std::pair(&files.key, files.key_name)}) {
    if (text->empty()) return invalid(std::string(name), "is missing: TLS needs both, name a file");
  }
  const auto certificate_place = place(files.certificate_name, files.certificate);
  const auto key_place = place(files.key_name, files.key);
  TlsMaterial out;
  auto certificate = read_text(certificate_place, files.certificate);
  if (!certificate) return certificate.error();
  out.certificate = std::move(certificate).value();
  if (auto good = check_certificates(certificate_place, out.certificate, now); !good) {
    return good.error();
  }
  auto key = read_text(key_place, files.key);
  if (!key) return key.error();
  out.key = std::move(key).value();
  if (auto good = check_key(key_place, out.key); !good) return good.error();
  if (!belong_together(out)) {
    return invalid(key_place, "is not the key of " + certificate_place);
  }
  if (files.client_authority.empty()) return out;
  const auto authority_place = place(files.client_authority_name, files.client_authority);
  auto authority = read_text(authority_place, files.client_authority);
  if (!authority) return authority.error();
  out.authority = std::move(authority).value();
  if (auto good = check_certificates(authority_place, out.authority, now); !good) {
    return good.error();
  }
  return out;
}

Status check_tls_client(const TlsMaterial& material, const std::string& found_in) {
  // Whether one has expired is for the handshake to say.
  const Instant always{0};
  if (!material.authority.empty()) {
    auto good = check_certificates(found_in + ": `ca`", material.authority, always);
    if (!good) return good;
  }
  if (material.certificate.empty() && material.key.empty()) return Done{};
  if (auto good = check_certificates(found_in + ": `clientCert`", material.certificate, always);
      !good) {
    return good;
  }
  if (auto good = check_key(found_in + ": `clientKey`", material.key); !good) return good;
  if (belong_together(material)) return Done{};
  return invalid(found_in, "`clientKey` is not the key of `clientCert`");
}

std::string own_authority(const TlsMaterial& server) {
  const auto all = split_certificates(server.certificate);
  if (all.empty()) return {};
  const auto last = parse_certificate(all.back());
  if (!last || X509_self_signed(last.get(), 1) != 1) {
    ERR_clear_error();
    return {};
  }
  return all.back();
}

kj::Own<kj::TlsContext> make_tls_server(const TlsMaterial& material,
                                        kj::Timer& timer,
                                        Duration handshake_max) {
  TROUPE_EXPECTS(!material.certificate.empty());
  kj::TlsContext::Options options;
  options.verifyClients = !material.authority.empty();
  options.timer = timer;
  options.acceptTimeout = handshake_max.count() * kj::MILLISECONDS;
  return make_context(material, kj::mv(options));
}

kj::Own<kj::TlsContext> make_tls_client(const TlsMaterial& material) {
  return make_context(material, kj::TlsContext::Options());
}

}  // namespace troupe
