// Readers of the event log that the platform keeps itself.
#include "actors/subscription/subscription_actor.h"
#include "tests/apps/server/loaded_host.h"

using namespace troupe;
using namespace troupe::server;

TEST_CASE("a subscription stays where it began, and never goes back", "[events]") {
  LoadedHost host({.shards = 3});
  const ActorId reader{kinds::subscription, "reader"};
  const auto position = [&host] {
    return subscription::find(*host.host().snapshot(), "reader")->position;
  };
  CHECK_FALSE(subscription::find(*host.host().snapshot(), "reader").has_value());
  host.ask(reader, subscription::advance({1, 2, 3}));  // it has not begun
  CHECK_FALSE(subscription::find(*host.host().snapshot(), "reader").has_value());

  host.ask(reader, subscription::begin("", {1, 2, 3}));
  host.ask(reader, subscription::begin("", {7, 8, 9}));
  CHECK(position() == subscription::Position{1, 2, 3});
  host.ask(reader, subscription::advance({4, 1, 3}));
  CHECK(position() == subscription::Position{4, 2, 3});
  host.ask(reader, subscription::advance({5, 5}));  // of another number of shards
  CHECK(position() == subscription::Position{4, 2, 3});
}

TEST_CASE("the name of a log is the first that it was given", "[events]") {
  LoadedHost host({.shards = 1});
  const ActorId log{kinds::subscription, subscription::log_name};
  host.ask(log, subscription::begin("first", {}));
  host.ask(log, subscription::begin("second", {}));
  CHECK(subscription::find(*host.host().snapshot(), subscription::log_name)->log == "first");
}
