// Any bytes as what a peer sends who has proven nothing: to the server's own gateway, through the
// stream that counts them. However it goes on, the connection ends when the peer's side does, and
// nobody is let in.
#include "apps/troupe/server/gateway.h"
#include "runtime/process/log.h"
#include "runtime/rpc/handshake_stream.h"

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

namespace troupe {
namespace {

const hawk::Realm& realm() {
  static const hawk::LoneClientRealm value("tester", Secret("not in any corpus"), {"a:*"});
  return value;
}

// Not an exception: Cap'n Proto would tell the peer of it and go on.
void let_in() {
  std::abort();
}

schema::Gateway::Client gateway() {
  static const SystemClock clock;
  return server::make_gateway(
      {.realm = realm(),
       .clock = clock,
       .open_session = [](const server::SessionKey&) -> schema::Session::Client {
         let_in();
         return nullptr;
       },
       .peer = {},
       .on_proven = [](bool) { let_in(); },
       .on_refused = [](std::string_view) {}});
}

// What the server says is read and forgotten, as long as it says anything.
kj::Promise<void> drain(kj::AsyncInputStream& stream, kj::ArrayPtr<kj::byte> buffer) {
  return stream.tryRead(buffer.begin(), 1, buffer.size())
      .then([&stream, buffer](std::size_t size) -> kj::Promise<void> {
        if (size == 0) return kj::READY_NOW;
        return drain(stream, buffer);
      });
}

void connect(kj::ArrayPtr<const kj::byte> sent) {
  kj::EventLoop loop;
  kj::WaitScope scope(loop);
  kj::TwoWayPipe pipe = kj::newTwoWayPipe();
  kj::AsyncIoStream& peer = *pipe.ends[0];

  HandshakeStream messages(*pipe.ends[1], std::make_shared<bool>(false));
  capnp::TwoPartyVatNetwork network(messages, capnp::rpc::twoparty::Side::SERVER);
  auto system = capnp::makeRpcServer(network, gateway());

  const auto broken = [](kj::Exception&&) {};  // the server may hang up at any time
  kj::byte buffer[4096];
  auto reading = drain(peer, kj::arrayPtr(buffer, sizeof buffer)).eagerlyEvaluate(broken);
  auto writing = peer.write(sent.begin(), sent.size())
                     .then([&peer] { peer.shutdownWrite(); })
                     .eagerlyEvaluate(broken);
  network.onDisconnect().wait(scope);
}

}  // namespace
}  // namespace troupe

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  troupe::configure_logging({.level = troupe::LogLevel::error});  // refusals are no news here
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  troupe::connect({data, size});
  return 0;
}
