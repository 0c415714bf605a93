// Several shards: what is between them counts, whenever the process ends, and damage there is
// found.
#include "actors/check.h"
#include "actors/kinds.h"
#include "actors/void_claims.h"
#include "runtime/actor/envelope.h"
#include "runtime/actor/shard_place.h"
#include "runtime/sim/sim_host.h"
#include "runtime/store/composer.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "runtime/store/shards.h"
#include "schema/store/rows.capnp.h"
#include "tests/actors/check/all_kinds.h"
#include "tests/actors/support/messages.h"
#include "tests/runtime/store/store_support.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace troupe;
using namespace troupe::test;

namespace {

using Snapshots = std::vector<std::unique_ptr<Snapshot>>;

std::vector<const Snapshot*> views(const Snapshots& snapshots) {
  std::vector<const Snapshot*> views;
  for (const auto& snapshot : snapshots) views.push_back(snapshot.get());
  return views;
}

std::vector<std::string> check(const Snapshots& snapshots) {
  Findings findings;
  check_store(CheckView(views(snapshots), start, findings), [](const NamedBlob&) {});
  std::vector<std::string> lines;
  for (const auto& finding : findings.kept()) lines.push_back(finding.where + ": " + finding.what);
  return lines;
}

bool finds(const std::vector<std::string>& lines, const std::string& what) {
  return std::ranges::any_of(
      lines, [&what](const auto& line) { return line.find(what) != std::string::npos; });
}

/// A message between two shards that the receiver has not taken.
struct UnderWay {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::uint64_t place = 0;
  Bytes row;
};

std::vector<UnderWay> under_way(const Snapshots& shards) {
  std::vector<UnderWay> found;
  for (std::uint32_t from = 0; from < shards.size(); ++from) {
    shards[from]->scan(tables::outbox.id, {}, [&](std::string_view key, WordSpan row) {
      KeyReader reader(key);
      const auto to = static_cast<std::uint32_t>(reader.u64());
      const auto place = reader.u64();
      auto received = read_channels(*shards[to], ChannelEnd::received);
      if (received[from] < place) found.push_back({from, to, place, Bytes(row)});
      return true;
    });
  }
  return found;
}

/// Tasks, queues and workers that are told all sorts of things, step by step.
class Play {
 public:
  Play(std::uint64_t seed, std::uint32_t shards, std::string directory)
      : host_(options(seed, shards, std::move(directory))) {
    host_.clock().advance(Duration{start.ms - host_.clock().wall_now().ms});
  }

  void connect_workers() {
    for (unsigned w = 0; w < 3; ++w) connect_worker(w);
  }
  void step() {
    if (sim::below(host_.random(), 8) == 0) command();
    host_.step();
  }
  /// Until nothing is left to do at this time.
  bool settle() { return host_.settle(100'000); }
  Host& host() { return host_.host(); }
  void crash() { host_.crash(); }

 private:
  static sim::SimOptions options(std::uint64_t seed, std::uint32_t shards, std::string directory) {
    sim::SimOptions options;
    options.seed = seed;
    options.shards = shards;
    options.directory = std::move(directory);
    options.kinds = all_kinds();
    options.reply = [](const Reply&) {};
    options.report = [](const auto&, const auto&, const auto&, const auto&) {};
    return options;
  }
  unsigned pick(unsigned below) { return static_cast<unsigned>(sim::below(host_.random(), below)); }
  void tell(const ActorId& to, Bytes body) {
    host_.host().ask(to, std::move(body), {host_.edge(), ++calls_});
  }
  void connect_worker(unsigned w) {
    const std::string name = "g/w" + std::to_string(w);
    const std::uint64_t session = ++sessions_;
    tell(worker_id("local/default/" + name), connect({.worker = name, .session = session}));
    tell(task_queue_id("local/default"), await({.worker = name, .session = session, .count = 5}));
  }
  void command() {
    const auto id = [](unsigned i) { return "C-shards-----------" + std::to_string(100 + i); };
    const unsigned task = pick(60);
    NewTask fresh;
    fresh.group = "C-group--------------A";
    fresh.queue = pick(3) == 0 ? "local/idle" : "local/default";
    if (task > 0 && pick(2) == 0) fresh.needs.push_back(id(pick(task)));
    switch (pick(8)) {
      case 0: return tell(task_id(id(task)), cancel());
      case 1: return tell(task_id(id(task)), rerun());
      case 2: return connect_worker(pick(3));
      default: return tell(task_id(id(task)), create_task(id(task), fresh));
    }
  }

  sim::SimHost host_;
  std::uint64_t calls_ = 0;
  std::uint64_t sessions_ = 0;
};

/// The tokens of the runs that are under way.
std::set<std::uint64_t> running(const Snapshot& shard) {
  std::set<std::uint64_t> tokens;
  shard.scan(tables::task_state.id, {}, [&](std::string_view, WordSpan words) {
    Stored<schema::TaskRow> stored(words);
    const auto runs = stored.get().getRuns();
    if (runs.size() == 0 || runs[runs.size() - 1].getState() != State::RUNNING) return true;
    tokens.insert(runs[runs.size() - 1].getToken());
    return true;
  });
  return tokens;
}

/// The stores of two shards that ended with messages between them.
class TwoShards {
 public:
  TwoShards() : TwoShards([](const Snapshots& cut) { return under_way(cut).size() > 2; }) {}
  /// Ended as soon as `enough` is there.
  explicit TwoShards(const std::function<bool(const Snapshots&)>& enough) {
    {
      Play play(7, 2, folder_.path());
      play.connect_workers();
      do {
        play.step();
      } while (!enough(play.host().cut()));
    }
    open();
  }

  /// Another life, until it has nothing to do.
  void play_on() {
    stores_.clear();
    {
      Play play(8, 2, folder_.path());
      REQUIRE(play.settle());
    }
    open();
  }

  Snapshots snapshots() {
    Snapshots snapshots;
    for (auto& store : stores_) snapshots.push_back(store->snapshot());
    return snapshots;
  }
  void write(std::uint32_t shard, const std::vector<RowOp>& rows) {
    write(shard, rows, stores_[shard]->snapshot()->state());
  }
  void write(std::uint32_t shard, const std::vector<RowOp>& rows, const StoreState& state) {
    REQUIRE(stores_[shard]->apply(encode_batch(rows, state, shard)).ok());
  }

 private:
  void open() {
    StoreOptions options;
    options.directory = folder_.path();
    options.tables = stored_tables();
    options.sync = false;
    stores_ = open_shards(options, 2).value();
  }

  TempFolder folder_;
  std::vector<std::unique_ptr<Store>> stores_;
};

struct Damage {
  const char* finding;
  std::uint32_t shard;
  RowOp row;
};

// `last`: the newest message of its channel, which is under way.
std::vector<Damage> damage_to(const UnderWay& last) {
  const auto [from, to, place, row] = last;
  const Bytes strange(std::vector<std::uint64_t>{0x7fffffff, 1});
  const auto key = outbox_key(to, place);
  const auto stranger = task_id("C-stranger");
  const auto home = shard_of(stranger, 2);
  const auto body = schedule();
  const auto astray = home == to ? encode_envelope(stranger, stranger, 0, body)
                                 : encode_envelope({}, stranger, 0, body);
  return {
      {"the outbox does not end with what was sent last",
       from,
       {tables::outbox.id, key, std::nullopt}},
      {"the outbox does not end with what was sent last",
       from,
       {tables::channels.id, channel_key(ChannelEnd::sent, to), std::nullopt}},
      {"more was received than sent",
       to,
       {tables::channels.id, channel_key(ChannelEnd::received, from), channel_row(place + 1)}},
      {"a gap: messages before it are missing",
       from,
       {tables::outbox.id, outbox_key(to, place + 2), row}},
      {"does not decode", from, {tables::outbox.id, key, strange}},
      {"does not decode",
       to,
       {tables::channels.id, channel_key(ChannelEnd::received, from), strange}},
      {"its key is malformed", from, {tables::outbox.id, outbox_key(7, place), row}},
      {"its key is malformed",
       to,
       {tables::channels.id, channel_key(ChannelEnd::received, 9), channel_row(1)}},
      {"of another shard", from, {tables::outbox.id, key, astray}},
      {"is to an actor of another shard",
       from,
       {tables::inbox.id, KeyWriter().u64(2 * 1'000 + from).key(), row}},
      {"its number is of another shard",
       to,
       {tables::inbox.id, KeyWriter().u64(2 * 1'000 + from).key(), row}},
  };
}

}  // namespace

TEST_CASE("shards are clean at any moment and after any crash", "[check][shards]") {
  const auto shards = GENERATE(2U, 3U);
  const auto seed = GENERATE(range(1U, 5U));
  INFO("seed " << seed << ", " << shards << " shards");
  const TempFolder folder;
  Play play(seed, shards, folder.path());
  play.connect_workers();
  std::size_t between = 0;
  for (int i = 0; i < 3'000; ++i) {
    play.step();
    if (i % 500 == 499) play.crash();
    if (i % 5 != 0) continue;
    const auto cut = play.host().cut();
    between += under_way(cut).size();
    REQUIRE(check(cut) == std::vector<std::string>{});
  }
  // There was something to look at; how much differs by a factor of 20 from seed to seed.
  CHECK(between > 20);
}

TEST_CASE("damage to what is between shards is found", "[check][shards]") {
  TwoShards data;
  REQUIRE(check(data.snapshots()) == std::vector<std::string>{});
  const auto last = under_way(data.snapshots()).back();
  for (const auto& one : damage_to(last)) {
    INFO(one.finding);
    const auto was = data.snapshots()[one.shard]->get(one.row.table, one.row.key);
    const RowOp repair{one.row.table, one.row.key, was ? std::optional(Bytes(*was)) : std::nullopt};
    data.write(one.shard, {one.row});
    CHECK(finds(check(data.snapshots()), one.finding));
    data.write(one.shard, {repair});
    REQUIRE(check(data.snapshots()) == std::vector<std::string>{});
  }
}

TEST_CASE("messages that were not received must be in the outbox", "[check][shards]") {
  TwoShards data;
  const auto last = under_way(data.snapshots()).back();
  std::vector<RowOp> rows;
  for (std::uint64_t place = 1; place <= last.place; ++place) {
    rows.push_back({tables::outbox.id, outbox_key(last.to, place), std::nullopt});
  }
  data.write(last.from, rows);
  CHECK(
      finds(check(data.snapshots()), "messages that were not received are missing in the outbox"));
}

TEST_CASE("what the receiver has taken is no longer under way", "[check][shards]") {
  TwoShards data;
  const auto all = under_way(data.snapshots());
  const auto& last = all.back();
  const auto delivery = decode_envelope(0, last.row.words());
  const auto is_on_its_way = [&] {
    const auto snapshots = data.snapshots();
    Findings findings;
    const CheckView view(views(snapshots), start, findings);
    return view.any_message(delivery.message.from, delivery.to, [&](WordSpan body, auto) {
      return std::ranges::equal(body, delivery.message.body.words());
    });
  };
  CHECK(is_on_its_way());
  data.write(last.to, {{tables::channels.id, channel_key(ChannelEnd::received, last.from),
                        channel_row(last.place)}});
  CHECK_FALSE(is_on_its_way());
}

TEST_CASE("claims of a life that is over are void in every shard", "[check][shards]") {
  TwoShards data([](const Snapshots& cut) {
    return running(*cut[0]).size() > 1 && running(*cut[1]).size() > 1;
  });
  std::set<std::uint64_t> old;
  for (std::uint32_t shard = 0; shard < 2; ++shard) {
    const auto snapshots = data.snapshots();
    const auto tokens = running(*snapshots[shard]);
    old.insert(tokens.begin(), tokens.end());
    StoreState state = snapshots[shard]->state();
    const auto rows = void_claims(*snapshots[shard], {shard, 2}, state.numbers_reserved + 1);
    CHECK(rows.size() == tokens.size());
    state.numbers_reserved += rows.size();
    data.write(shard, rows, state);
  }
  CHECK(check(data.snapshots()) == std::vector<std::string>{});
  data.play_on();
  CHECK(check(data.snapshots()) == std::vector<std::string>{});
  for (const auto& shard : data.snapshots()) {
    for (const auto token : running(*shard)) CHECK_FALSE(old.contains(token));
  }
}
