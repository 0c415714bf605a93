// What operators read of messages that went wrong.
#include "actors/message_text.h"

#include "actors/kinds.h"
#include "tests/actors/support/messages.h"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;

namespace {

Delivery to(const ActorId& id, Bytes body) {
  Delivery delivery;
  delivery.to = id;
  delivery.message.source = Message::Source::actor;
  delivery.message.body = std::move(body);
  return delivery;
}

}  // namespace

TEST_CASE("a message is shown by its kind's schema", "[message_text]") {
  const auto claim = to(task_id("a"), claim_by_name(3, "g/w", 7));
  CHECK(message_name(claim) == "claimByName");
  CHECK(message_text(claim).find("workerId = \"w\"") != std::string::npos);
  CHECK(message_name(to(task_queue_id("local/default"), leave(9))) == "leave");
  CHECK(message_name(to(worker_id("w"), restarted())) == "restarted");
  CHECK(actor_name(task_queue_id("local/default")) == "task_queue/local/default");
  CHECK(actor_name({}).empty());
}

TEST_CASE("a parked timer is shown with its time", "[message_text]") {
  auto timer = to(task_id("a"), {});
  timer.message.source = Message::Source::timer;
  timer.message.timer = "deadline";
  timer.message.due = start;
  CHECK(message_name(timer) == "timer deadline");
  CHECK(message_text(timer).find("due 2027-01-15T08:00:00.000Z") != std::string::npos);
}

TEST_CASE("what cannot be read says so", "[message_text]") {
  CHECK(message_name(to({KindId{77}, "x"}, schedule())).find("does not know") != std::string::npos);
  CHECK(kind_name(KindId{77}) == "kind 77");
  const Bytes nonsense(std::vector<std::uint64_t>{0xffff'ffff'ffff'ffff, 1, 2});
  CHECK(message_text(to(task_id("a"), nonsense)).find("does not decode") != std::string::npos);
}
