#include "apps/troupe/server/strangers.h"

#include <catch2/catch.hpp>
#include <kj/async.h>

#include <memory>
#include <string>
#include <vector>

using namespace troupe::server;

namespace {

struct World {
  explicit World(std::size_t limit) : strangers(limit) {}

  struct Peer {
    kj::Own<Strangers::Stranger> stranger;
    kj::Promise<void> leaves = nullptr;
  };
  Peer& connect(const std::string& address) {
    auto peer = std::make_unique<Peer>();
    peer->stranger = strangers.admit(address);
    peer->leaves = peer->stranger->has_to_leave();
    peers.push_back(std::move(peer));
    return *peers.back();
  }
  bool stays(Peer& peer) { return !peer.leaves.poll(scope); }

  kj::EventLoop loop;
  kj::WaitScope scope{loop};
  Strangers strangers;
  std::vector<std::unique_ptr<Peer>> peers;
};

}  // namespace

TEST_CASE("one stranger too many takes the place of the oldest", "[strangers]") {
  World world(3);
  auto& first = world.connect("a");
  auto& second = world.connect("a");
  world.connect("a");
  CHECK(world.stays(first));
  auto& fourth = world.connect("a");
  CHECK_FALSE(world.stays(first));
  CHECK(world.stays(second));
  CHECK(world.stays(fourth));
  CHECK(world.strangers.count() == 3);
  CHECK(world.strangers.sent_away() == 1);
}

TEST_CASE("the address that has the most gives way", "[strangers]") {
  World world(4);
  auto& lonely = world.connect("a");
  auto& first = world.connect("b");
  auto& second = world.connect("b");
  world.connect("c");
  world.connect("c");
  CHECK(world.stays(lonely));
  CHECK_FALSE(world.stays(first));
  world.connect("c");
  CHECK(world.stays(lonely));
  CHECK(world.stays(second));
  CHECK(world.strangers.count() == 4);
}

TEST_CASE("whoever is trusted is no stranger any more", "[strangers]") {
  World world(2);
  auto& known = world.connect("a");
  known.stranger->trust();
  CHECK(world.strangers.count() == 0);
  auto& other = world.connect("a");
  other.stranger->trust();
  for (int i = 0; i < 5; ++i) world.connect("a");
  CHECK(world.stays(known));
  CHECK(world.stays(other));
}

TEST_CASE("a stranger that is gone leaves room", "[strangers]") {
  World world(2);
  auto& first = world.connect("a");
  auto& second = world.connect("a");
  second.stranger = nullptr;
  world.connect("a");
  CHECK(world.stays(first));
  CHECK(world.strangers.count() == 2);
}

TEST_CASE("one can be sent away before the limit is reached", "[strangers]") {
  World world(9);
  CHECK_FALSE(world.strangers.send_one_away());
  auto& first = world.connect("a");
  world.connect("a").stranger->trust();
  CHECK(world.strangers.send_one_away());
  CHECK_FALSE(world.stays(first));
  CHECK_FALSE(world.strangers.send_one_away());
}
