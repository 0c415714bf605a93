// A message whose handler ends the process, through processes that end: each life is a child of
// the test, on one directory.
#include "runtime/actor/dead_letters.h"
#include "tests/runtime/actor/host_support.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

using namespace troupe;
using namespace troupe::test;

namespace {

/// Ends the process on the message or the timer "kill", once `go` is raised; counts each start in a
/// file before that.
class Deadly final : public DurableActor {
 public:
  Deadly(std::unique_ptr<DurableActor> toy, const std::string& starts, Signal& go)
      : toy_(std::move(toy)), starts_(starts), go_(go) {}

  Result<Effects> handle(const Message& message, const Context& context) override {
    if (message.timer == "kill" ||
        (message.source == Message::Source::actor && line_of(message.body) == "kill")) {
      std::ofstream(starts_, std::ios::app) << 'x' << std::flush;
      go_.wait();
      std::abort();
    }
    return toy_->handle(message, context);
  }
  bool is_volatile() const override { return toy_->is_volatile(); }

 private:
  const std::unique_ptr<DurableActor> toy_;
  const std::string starts_;
  Signal& go_;
};

/// One life of the platform.
class Life {
 public:
  explicit Life(const TempFolder& folder) : starts_(folder.path() + "/starts") {
    Kind kind = toy_kind_in(world_);
    kind.activate = [this, toys = kind.activate](const ActorId& id, const Rows& rows) {
      return std::make_unique<Deadly>(toys(id, rows), starts_, go);
    };
    HostOptions options;
    options.store = options_in(folder);
    options.store.tables.clear();  // the kind brings them
    options.kinds.push_back(std::move(kind));
    HostHooks hooks;
    hooks.fatal = [](const std::string&) { std::abort(); };
    hooks.report = [this](const auto&, const std::string& event, const auto&, const auto&) {
      if (event == "message_parked") parked.raise();
    };
    auto started = Host::start(clock_, std::move(options), std::move(hooks));
    REQUIRE(started.ok());
    host = std::move(started).value();
    edge_ = host->add_edge(sink_);
  }
  ~Life() { host->remove_edge(edge_); }

  /// Sends a line and waits for the answer: what it changes is on disk.
  std::string ask(const std::string& key, const std::string& text) {
    host->ask(toy(key), line(text), {edge_, ++calls_});
    return sink_.wait(calls_);
  }

  Signal go;      // whoever was told to kill may do it
  Signal parked;  // a message was given up
  std::unique_ptr<Host> host;

 private:
  const std::string starts_;
  ToyWorld world_;
  ManualClock clock_;
  CollectingSink sink_;
  std::uint32_t edge_ = 0;
  std::uint64_t calls_ = 0;
};

/// Runs `live` in a process of its own, which must end by SIGABRT.
template <class Live>
void dies(Live live) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // Catch would report it
    live();
    _exit(44);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
}

// The next life, which goes on with what the one before left behind.
void dies_again(const TempFolder& folder) {
  dies([&folder] {
    Life life(folder);
    life.go.raise();
    pause();
  });
}

std::uintmax_t starts(const TempFolder& folder) {
  return std::filesystem::file_size(folder.path() + "/starts");
}

}  // namespace

TEST_CASE("a message that kills the process is parked at the third start", "[deadly]") {
  TempFolder folder;

  dies([&folder] {
    Life life(folder);
    life.ask("a", "add 1");
    life.ask("a", "send b kill");   // answered: the message is in the inbox, on disk
    life.ask("a", "send b add 7");  // waits behind it, through both crashes
    life.go.raise();
    pause();
  });
  CHECK(starts(folder) == 1);

  dies_again(folder);
  CHECK(starts(folder) == 2);

  {
    Life life(folder);
    life.go.raise();                        // delivered once more, it would end the test as well
    CHECK(life.ask("b", "add 5") == "12");  // its receiver goes on with the next message,
    CHECK(life.ask("a", "get") == "1");     // and nobody else is hurt
    REQUIRE(life.host->stats().dead_letters == 1);
    scan_dead_letters(*life.host->snapshot(), 0, [](const DeadLetter& letter) {
      CHECK(line_of(letter.delivery.message.body) == "kill");
      CHECK(letter.delivery.to == toy("b"));
      CHECK(letter.delivery.attempts == 2);
      CHECK(letter.error == error_of_crashes);
      return true;
    });
  }
  CHECK(starts(folder) == 2);
}

TEST_CASE("a timer that kills the process is parked at the third start", "[deadly]") {
  TempFolder folder;
  dies([&folder] {
    Life life(folder);
    life.ask("a", "timer kill 0 1");  // due at once
    life.go.raise();
    pause();
  });
  dies_again(folder);
  CHECK(starts(folder) == 2);

  Life life(folder);
  life.go.raise();
  life.parked.wait();
  CHECK(life.ask("a", "add 5") == "5");  // stands behind it in the order: it is on disk
  scan_dead_letters(*life.host->snapshot(), 0, [](const DeadLetter& letter) {
    CHECK(letter.delivery.message.timer == "kill");
    CHECK(letter.error == error_of_crashes);
    return true;
  });
  CHECK(starts(folder) == 2);
}
