// Durable commands per second through the directory, at several numbers in flight, against two
// ceilings of the same run and machine:
//
//   lmdb    the batches that the run made, put into a fresh LMDB under sequential keys, each in a
//           synced transaction of its own: what the store could do at best with these bytes
//   fsync   a loop that writes 4 KiB and syncs: what the disk can do, times the run's batch size
//
// A command adds to one of 10,000 counters, whose row is 500 bytes; its answer leaves when the row
// is on disk. Prints one JSON object a line. Repeat it with: scripts/bench commands
#include "runtime/actor/host.h"
#include "runtime/clock/clock.h"
#include "runtime/clock/stopwatch.h"
#include "runtime/store/message.h"
#include "runtime/store/table.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <lmdb.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

namespace troupe {
namespace {

using Time = double;  // seconds since the start

constexpr KindId counter_kind{40};
constexpr TableSpec counters{{40}, "counters"};
constexpr std::size_t row_words = 500 / 8;
constexpr std::size_t actors = 10'000;
constexpr double run_seconds = 4;

[[noreturn]] void fail(const std::string& why) {
  fmt::print(stderr, "commands_bench: {}\n", why);
  std::exit(1);
}

Time now() {
  static const Stopwatch since_start;
  return since_start.seconds();
}
double seconds_since(Time start) {
  return now() - start;
}

class Counter final : public DurableActor {
 public:
  explicit Counter(const Rows& rows) : words_(row_words) {
    if (const auto row = rows.get(counters.id, "")) {
      std::ranges::copy(row->words(), words_.begin());
    }
  }
  Result<Effects> handle(const Message& message, const Context&) override {
    words_.back() += 1;
    Effects effects;
    effects.rows.push_back({counters.id, "", Bytes(WordSpan(words_))});
    effects.replies.push_back({message.reply_to, Bytes(WordSpan(words_).last(1)), false});
    return effects;
  }

 private:
  std::vector<std::uint64_t> words_;
};

// Keeps a number of commands in flight, from one thread, and notes how long each took.
class Driver final : public ReplySink {
 public:
  void take(std::vector<Reply> replies) override {
    const std::lock_guard lock(mutex_);
    for (auto& reply : replies) {
      if (!reply.body.ok()) fail(reply.body.error().detail);
      answered_.push_back(reply.to.call);
    }
    wake_.notify_one();
  }

  /// Answers commands per second; fills `latencies` with seconds, sorted.
  double run(Host& host, std::size_t in_flight, std::vector<double>& latencies) {
    const auto edge = host.add_edge(*this);
    std::vector<Time> sent(in_flight);
    std::uint64_t next = 0;
    const auto send = [&](std::uint64_t slot) {
      sent[slot] = now();
      host.ask({counter_kind, std::to_string(next++ * 7919 % actors)}, Bytes{}, {edge, slot});
    };
    const auto start = now();
    for (std::uint64_t slot = 0; slot < in_flight; ++slot) send(slot);
    std::size_t waiting = in_flight;
    std::vector<std::uint64_t> answered;
    while (waiting > 0) {
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return !answered_.empty(); });
        answered.swap(answered_);
      }
      const bool over = seconds_since(start) > run_seconds;
      for (const auto slot : answered) {
        latencies.push_back(seconds_since(sent[slot]));
        if (over) {
          --waiting;
        } else {
          send(slot);
        }
      }
      answered.clear();
    }
    const double per_second = static_cast<double>(latencies.size()) / seconds_since(start);
    host.remove_edge(edge);
    std::ranges::sort(latencies);
    return per_second;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::uint64_t> answered_;
};

struct Recording {
  std::mutex mutex;
  std::vector<Bytes> batches;
};

std::unique_ptr<Host> start_host(const Clock& clock, const std::string& folder, Recording& tape) {
  HostOptions options;
  options.store.directory = folder;
  options.threads = std::max(2U, std::thread::hardware_concurrency());
  Kind counter;
  counter.id = counter_kind;
  counter.name = "counter";
  counter.tables = {counters};
  counter.activate = [](const ActorId&, const Rows& rows) -> std::unique_ptr<DurableActor> {
    return std::make_unique<Counter>(rows);
  };
  options.kinds.push_back(std::move(counter));
  HostHooks hooks;
  hooks.fatal = fail;
  hooks.report = [](const std::string& kind, const std::string& event, const std::string&,
                    const std::string& detail) {
    if (kind != "store") fail(event + ": " + detail);
  };
  hooks.batch_landed = [&tape](const Bytes& batch) {
    const std::lock_guard lock(tape.mutex);
    tape.batches.push_back(batch);
  };
  auto host = Host::start(clock, std::move(options), std::move(hooks));
  if (!host.ok()) fail(host.error().detail);
  return std::move(host).value();
}

void require_lmdb(int code) {
  if (code != 0) fail(mdb_strerror(code));
}

// Seconds that the batches take, put one by one under sequential keys.
double replay(const std::string& folder, const std::vector<Bytes>& batches) {
  std::filesystem::create_directories(folder);
  MDB_env* env = nullptr;
  require_lmdb(mdb_env_create(&env));
  require_lmdb(mdb_env_set_mapsize(env, 64ULL << 30));
  require_lmdb(mdb_env_open(env, folder.c_str(), MDB_NORDAHEAD, 0600));
  MDB_txn* txn = nullptr;
  MDB_dbi table = 0;
  require_lmdb(mdb_txn_begin(env, nullptr, 0, &txn));
  require_lmdb(mdb_dbi_open(txn, nullptr, MDB_INTEGERKEY, &table));
  require_lmdb(mdb_txn_commit(txn));
  const auto start = now();
  std::uint64_t number = 0;
  for (const auto& batch : batches) {
    ++number;
    MDB_val key{sizeof number, &number};
    MDB_val value{batch.size_bytes(), const_cast<std::uint64_t*>(batch.words().data())};
    require_lmdb(mdb_txn_begin(env, nullptr, 0, &txn));
    require_lmdb(mdb_put(txn, table, &key, &value, MDB_APPEND));
    require_lmdb(mdb_txn_commit(txn));
  }
  const double seconds = seconds_since(start);
  mdb_env_close(env);
  return seconds;
}

double syncs_per_second(const std::string& folder) {
  const std::string path = folder + "/synced";
  const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) fail(path);
  const std::vector<char> page(4096, 'x');
  const auto start = now();
  std::uint64_t count = 0;
  while (seconds_since(start) < 1) {
    const auto at = static_cast<off_t>(count % 1024 * page.size());
    if (pwrite(fd, page.data(), page.size(), at) != static_cast<ssize_t>(page.size()) ||
        fdatasync(fd) != 0) {
      fail("writing " + path);
    }
    ++count;
  }
  close(fd);
  return static_cast<double>(count) / seconds_since(start);
}

void measure(const std::string& folder, std::size_t in_flight) {
  const SystemClock clock;
  Recording tape;
  std::vector<double> latencies;
  double per_second = 0;
  {
    auto host = start_host(clock, folder + "/host", tape);
    {
      // Fills memory and the table, so that what follows is the steady state.
      std::vector<double> warm;
      Driver().run(*host, 1024, warm);
      const std::lock_guard lock(tape.mutex);
      tape.batches.clear();
    }
    per_second = Driver().run(*host, in_flight, latencies);
  }
  const auto commands = static_cast<double>(latencies.size());
  const auto batches = static_cast<double>(tape.batches.size());
  const double lmdb = commands / replay(folder + "/replay", tape.batches);
  const double syncs = syncs_per_second(folder);
  const double fsync = syncs * commands / batches;
  fmt::print(R"({{"benchmark":"durable_commands","in_flight":{},"per_second":{:.0f},)"
             R"("p50_ms":{:.2f},"p99_ms":{:.2f},"commands_per_batch":{:.1f},)"
             R"("lmdb_ceiling_per_second":{:.0f},"ratio_to_lmdb":{:.2f},)"
             R"("fsync_ceiling_per_second":{:.0f},"ratio_to_fsync":{:.2f},"runs":1}})"
             "\n",
             in_flight, per_second, latencies[latencies.size() / 2] * 1e3,
             latencies[latencies.size() * 99 / 100] * 1e3, commands / batches, lmdb,
             per_second / lmdb, fsync, per_second / fsync);
  std::fflush(stdout);
}

}  // namespace
}  // namespace troupe

int main() {
  std::string folder = (std::filesystem::current_path() / "commands-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) troupe::fail("mkdtemp " + folder);
  for (const std::size_t in_flight : {1, 16, 256, 4096}) {
    const std::string own = folder + "/" + std::to_string(in_flight);
    std::filesystem::create_directories(own);
    troupe::measure(own, in_flight);
    std::filesystem::remove_all(own);
  }
  std::filesystem::remove_all(folder);
}
