// A session of Troupe over Cap'n Proto RPC, for whoever the environment names. Of this project it
// needs schema/ alone: copy it. The access token stays at home: its owner proves to have it by a
// MAC over the server's nonce (schema/rpc/session.capnp).
#pragma once

#include "schema/rpc/session.capnp.h"

#include <capnp/ez-rpc.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdlib>
#include <string>

namespace troupe::example {

/// Used on the thread that makes it. What fails throws a kj::Exception.
class Connection {
 public:
  /// Connects to TROUPE_RPC. Requires: that is set, and TASKCLUSTER_CLIENT_ID and
  /// TASKCLUSTER_ACCESS_TOKEN.
  Connection() : rpc_(std::getenv("TROUPE_RPC")), session_(authenticate()) {}

  schema::Session::Client& session() { return session_; }
  /// What to wait with.
  kj::WaitScope& wait() { return rpc_.getWaitScope(); }

 private:
  schema::Session::Client authenticate() {
    const std::string client_id = std::getenv("TASKCLUSTER_CLIENT_ID");
    const std::string access_token = std::getenv("TASKCLUSTER_ACCESS_TOKEN");
    auto gateway = rpc_.getMain<schema::Gateway>();
    const auto hello = gateway.helloRequest().send().wait(wait());
    const auto nonce = hello.getNonce().asChars();
    const std::string proof =
        "troupe rpc 1\n" + std::string(nonce.begin(), nonce.end()) + "\n" + client_id;
    kj::byte mac[32];
    HMAC(EVP_sha256(), access_token.data(), static_cast<int>(access_token.size()),
         reinterpret_cast<const kj::byte*>(proof.data()), proof.size(), mac, nullptr);
    auto request = gateway.authenticateRequest();
    request.setClientId(client_id.c_str());
    request.setMac(kj::arrayPtr(mac, sizeof(mac)));
    return request.send().getSession();
  }

  capnp::EzRpcClient rpc_;
  schema::Session::Client session_;
};

}  // namespace troupe::example
