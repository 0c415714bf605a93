// What the event log does over a WebSocket whose peer is played: batches, quiet times, who is too
// slow, and who may not go on.
#include "apps/troupe/server/event_stream.h"

#include "apps/troupe/server/caller.h"
#include "runtime/base/hash.h"
#include "runtime/rpc/errors.h"
#include "tests/actors/support/auth_messages.h"
#include "tests/apps/server/staged_site.h"

using namespace troupe;
using namespace troupe::server;

namespace {

/// A peer that takes a message when the test says so.
class PlayedSocket final : public http::Socket {
 public:
  kj::Promise<void> send(std::string text) override {
    sent.push_back(std::move(text));
    if (takes) return kj::READY_NOW;
    auto paf = kj::newPromiseAndFulfiller<void>();
    taken = kj::mv(paf.fulfiller);
    return kj::mv(paf.promise);
  }
  kj::Promise<void> ping() override {
    ++pings;
    return takes ? kj::Promise<void>(kj::READY_NOW) : kj::NEVER_DONE;
  }
  kj::Promise<void> close(std::uint16_t code, std::string reason) override {
    closed = {code, std::move(reason)};
    return kj::READY_NOW;
  }
  kj::Promise<void> ended() override { return kj::NEVER_DONE; }

  bool takes = true;
  std::vector<std::string> sent;
  int pings = 0;
  std::pair<std::uint16_t, std::string> closed = {0, ""};
  kj::Own<kj::PromiseFulfiller<void>> taken;
};

struct Stage : StagedSite {
  PlayedSocket socket;
  bool allowed = true;
  kj::Promise<void> stream = nullptr;

  void begin() {
    EventQuery query;
    query.after = host.host().last_events();
    stream = stream_events(
                 site, query,
                 [this] {
                   if (!allowed) throw_error({Errc::unauthenticated, "gone"});
                 },
                 socket)
                 .eagerlyEvaluate(nullptr);
    scope.poll();
  }
};

}  // namespace

TEST_CASE("a stream sends what comes, and asks after its peer when nothing does", "[events]") {
  Stage stage;
  stage.begin();
  CHECK(stage.socket.sent.empty());
  stage.pass(30 * kj::SECONDS);
  CHECK(stage.socket.sent.empty());
  CHECK(stage.socket.pings == 1);

  stage.create(1);
  stage.pass(30 * kj::SECONDS);
  REQUIRE(stage.socket.sent.size() == 1);
  CHECK(stage.socket.sent[0].starts_with(R"({"events":[{"position":"e2-0123456789ab-)"));
  CHECK(stage.socket.sent[0].find(R"("next":"e2-0123456789ab-)") != std::string::npos);
  CHECK(stage.socket.closed.first == 0);
}

TEST_CASE("who takes too long for a batch is ended", "[events]") {
  Stage stage;
  stage.begin();
  stage.socket.takes = false;
  stage.create(1);
  stage.pass(30 * kj::SECONDS);
  REQUIRE(stage.socket.sent.size() == 1);
  stage.pass(batch_time_max + 1 * kj::SECONDS);
  SECTION("with a code, if it takes the batch after all") {
    stage.socket.taken->fulfill();
    stage.scope.poll();
    CHECK(stage.socket.closed.first == 1008);
    CHECK(stage.socket.closed.second.find("e2-0123456789ab-") != std::string::npos);
  }
  SECTION("else without") {
    CHECK_FALSE(stage.stream.poll(stage.scope));
    stage.pass(batch_time_max);
    CHECK(stage.stream.poll(stage.scope));
    CHECK(stage.socket.closed.first == 0);
  }
}

TEST_CASE("who does not even take a ping is ended", "[events]") {
  Stage stage;
  stage.begin();
  stage.socket.takes = false;
  stage.pass(30 * kj::SECONDS);
  CHECK(stage.socket.pings == 1);
  CHECK_FALSE(stage.stream.poll(stage.scope));
  stage.pass(batch_time_max);
  CHECK(stage.stream.poll(stage.scope));
  CHECK(stage.socket.closed.first == 0);
}

TEST_CASE("a server that stops says goodbye", "[events]") {
  Stage stage;
  stage.begin();
  SECTION("to who waits") {
    stage.site.stopping->begin();
    stage.scope.poll();
    CHECK(stage.socket.pings == 0);
    CHECK(stage.socket.sent.empty());
  }
  SECTION("behind what is being sent") {
    stage.socket.takes = false;
    stage.create(1);
    stage.pass(30 * kj::SECONDS);
    stage.site.stopping->begin();
    stage.scope.poll();
    CHECK(stage.socket.closed.first == 0);
    REQUIRE(stage.socket.taken.get() != nullptr);
    stage.socket.taken->fulfill();
    stage.scope.poll();
  }
  CHECK(stage.socket.closed.first == 1001);
  CHECK(stage.socket.closed.second.find("e2-0123456789ab-") != std::string::npos);
  CHECK(stage.stream.poll(stage.scope));
}

TEST_CASE("whose credentials do not hold any more is told so", "[events]") {
  Stage stage;
  stage.begin();
  stage.allowed = false;
  stage.create(1);
  stage.pass(30 * kj::SECONDS);
  CHECK(stage.socket.sent.empty());
  CHECK(stage.socket.closed.first == 4401);
}

TEST_CASE("a stream that a signed URL began holds no longer than the URL", "[events]") {
  StagedSite stage;
  stage.host.ask(client_id("reader"), test::create_client({}));
  const Instant end = stage.clock.wall_now() + test::minute;
  const std::string bewit = "reader\\" + std::to_string(end.ms / 1'000) + "\\mac\\";
  http::Request request;
  request.verb = "GET";
  request.target = "/stream?bewit=" + to_base64url(as_bytes(bewit));
  const auto caller = make_standing_caller(stage.site, request);
  CHECK(caller->credentials().client_id == "reader");
  stage.clock.advance(test::minute - Duration{1});
  CHECK_NOTHROW(caller->credentials());
  stage.clock.advance(Duration{1});
  try {
    caller->credentials();
    FAIL("it is not refused");
  } catch (const kj::Exception& refused) {
    CHECK(error_from(refused).code == Errc::unauthenticated);
  }
}
