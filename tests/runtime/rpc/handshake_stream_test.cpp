#include "runtime/rpc/handshake_stream.h"

#include <capnp/message.h>
#include <catch2/catch.hpp>
#include <kj/async-io.h>

using namespace troupe;

namespace {

// Two ends of a connection: a plain one that sends, and the one under test that receives.
class Pair {
 public:
  explicit Pair(bool is_trusted) : trusted(std::make_shared<bool>(is_trusted)) {}

  void send(std::size_t words) {
    // The root pointer takes the first word.
    auto message = kj::heap<capnp::MallocMessageBuilder>(static_cast<unsigned>(words));
    message->getRoot<capnp::AnyPointer>().initAs<capnp::Data>(
        static_cast<unsigned>((words - 1) * sizeof(capnp::word)));
    auto sent = capnp::writeMessage(*pipe.ends[0], *message).attach(kj::mv(message));
    sending = sent.eagerlyEvaluate([](kj::Exception&&) {});
  }

  auto wait_for_message() {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = 1 << 20;
    return receiver.tryReadMessage(nullptr, options, nullptr);
  }

  // The size of the next message, in words; 0 if there is none. Throws if it is refused.
  std::size_t receive() { return size_of(wait_for_message().wait(scope)); }

  static std::size_t size_of(kj::Maybe<capnp::MessageReaderAndFds> message) {
    KJ_IF_MAYBE (read, message) {
      return read->reader->getSegment(0).size();
    }
    return 0;
  }

  kj::EventLoop loop;
  kj::WaitScope scope{loop};
  kj::TwoWayPipe pipe = kj::newTwoWayPipe();
  std::shared_ptr<bool> trusted;
  HandshakeStream receiver{*pipe.ends[1], trusted};
  kj::Promise<void> sending = nullptr;
};

constexpr std::size_t limit_words = handshake_bytes_max / sizeof(capnp::word);

}  // namespace

TEST_CASE("a peer that speaks HTTP gets an answer that it can read", "[rpc]") {
  Pair pair(false);
  const std::string method = GENERATE("GET", "POST", "DELETE", "OPTIONS");
  const std::string request = method + " /x HTTP/1.1\r\nHost: x\r\n\r\n";
  auto refused = pair.wait_for_message().eagerlyEvaluate(nullptr);
  auto& peer = *pair.pipe.ends[0];
  auto written = peer.write(request.data(), request.size()).eagerlyEvaluate(nullptr);
  std::string received(4096, '\0');
  received.resize(peer.tryRead(received.data(), 1, received.size()).wait(pair.scope));
  CHECK(received.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  const auto body = received.substr(received.find("\r\n\r\n") + 4);
  CHECK(body.find("Cap'n Proto RPC, not HTTP") != std::string::npos);
  CHECK(received.find("\r\nContent-Length: " + std::to_string(body.size()) + "\r\n") !=
        std::string::npos);
  written.wait(pair.scope);
  peer.shutdownWrite();
  CHECK_THROWS(refused.wait(pair.scope));
}

TEST_CASE("a peer that is not trusted may send little", "[rpc]") {
  Pair pair(false);

  SECTION("small messages come through") {
    for (const std::size_t words : {2, 3, 100}) {
      pair.send(words);
      CHECK(pair.receive() == words);
    }
  }
  SECTION("a large one is refused before it is here") {
    pair.send(limit_words + 1);
    CHECK_THROWS_AS(pair.receive(), kj::Exception);
  }
  SECTION("so are many small ones") {
    const std::size_t words = limit_words / 8;
    for (int i = 0; i < 7; ++i) {
      pair.send(words);
      CHECK(pair.receive() == words);
    }
    // With a word each for their heads, eight of them are over the limit.
    pair.send(words);
    CHECK_THROWS_WITH(pair.receive(), Catch::Contains("authenticate first"));
  }
  SECTION("a message of nothing is one") {
    // One segment of no words; the sanitizers see that nothing is copied then.
    constexpr kj::byte empty[8] = {};
    pair.sending = pair.pipe.ends[0]->write(empty, sizeof empty);
    CHECK(pair.wait_for_message().wait(pair.scope) != nullptr);
  }
  SECTION("the end of the connection is an end") {
    pair.pipe.ends[0]->shutdownWrite();
    CHECK(pair.receive() == 0);
  }
  SECTION("half a word is an error") {
    pair.sending =
        pair.pipe.ends[0]->write("half", 4).then([&] { pair.pipe.ends[0]->shutdownWrite(); });
    CHECK_THROWS_AS(pair.receive(), kj::Exception);
  }
}

TEST_CASE("a trusted peer may send what the reader takes", "[rpc]") {
  SECTION("from the start") {
    Pair pair(true);
    for (int i = 0; i < 3; ++i) {
      pair.send(limit_words * 2);
      CHECK(pair.receive() == limit_words * 2);
    }
  }
  SECTION("after it was trusted, also where the wait had begun before") {
    Pair pair(false);
    pair.send(10);
    CHECK(pair.receive() == 10);
    auto next = pair.wait_for_message();
    CHECK_FALSE(next.poll(pair.scope));
    *pair.trusted = true;
    pair.send(limit_words * 2);
    CHECK(Pair::size_of(next.wait(pair.scope)) == limit_words * 2);
    pair.send(limit_words * 2);
    CHECK(pair.receive() == limit_words * 2);
  }
}
