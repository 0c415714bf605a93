// TLS: certificates and keys, read from PEM and checked, and the contexts made of them.
#pragma once

#include "runtime/base/result.h"
#include "runtime/base/time.h"

#include <kj/compat/tls.h>
#include <kj/memory.h>
#include <kj/timer.h>

#include <string>
#include <string_view>

namespace troupe {

/// Where a server's TLS comes from: paths, each with the name of its setting for messages.
struct TlsFiles {
  std::string certificate;
  std::string key;
  std::string client_authority;       // whose certificates clients must have; empty: they need none
  std::string_view certificate_name;  // `http.tls_cert`
  std::string_view key_name;
  std::string_view client_authority_name = {};

  /// Whether TLS is wanted at all.
  bool wanted() const { return !certificate.empty() || !key.empty() || !client_authority.empty(); }
};

/// PEM texts. Empty: there is none.
struct TlsMaterial {
  std::string certificate;  // then those that signed it, in order
  std::string key;
  std::string authority;  // whose certificates of the other side are trusted

  bool empty() const { return certificate.empty() && authority.empty(); }
};

/// Reads and checks all, so that a context can be made of it; empty if no TLS is wanted.
///
/// Errors: `invalid`; the text names the setting and the file, and says what is wrong: missing,
/// unreadable, no PEM, expired at `now`, a key with a password, or of another certificate.
Result<TlsMaterial> read_tls_files(const TlsFiles& files, Instant now);

/// `error` in words if `material` is not good for a client; the texts are named as `found_in` names
/// them: `ca`, `clientCert`, `clientKey`.
Status check_tls_client(const TlsMaterial& material, const std::string& found_in);

/// The last certificate, if it has signed itself: who trusts it trusts the server. Else empty: it
/// is for the system's store to know who signed it.
std::string own_authority(const TlsMaterial& server);

/// A server's. With an authority, clients need a certificate of it. A handshake may take
/// `handshake_max`. Requires: material of `read_tls_files`, not empty.
kj::Own<kj::TlsContext> make_tls_server(const TlsMaterial& material,
                                        kj::Timer& timer,
                                        Duration handshake_max);

/// A client's. Without an authority the system's store says who is trusted.
/// Requires: `check_tls_client` has found it good.
kj::Own<kj::TlsContext> make_tls_client(const TlsMaterial& material);

}  // namespace troupe
