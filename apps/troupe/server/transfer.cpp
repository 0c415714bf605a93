#include "apps/troupe/server/transfer.h"

#include "actors/task/queries.h"
#include "runtime/base/data.h"

#include <algorithm>
#include <vector>

namespace troupe::server {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;

using Piece = std::vector<std::uint8_t>;

kj::Promise<void> write_piece(schema::ByteStream::Client& sink, const Piece& piece) {
  auto request = sink.writeRequest(capnp::MessageSize{piece.size() / sizeof(capnp::word) + 16, 0});
  request.setBytes({piece.data(), piece.size()});
  return request.send();
}

kj::Promise<void> end_sink(schema::ByteStream::Client& sink) {
  return sink.endRequest().send().ignoreResult();
}

// -- blobs

struct BlobTransfer {
  Site& site;
  std::shared_ptr<BlobReader> reader;
  std::uint64_t offset;
  schema::ByteStream::Client sink;
};

Result<Piece> read_blob(const BlobReader& reader, std::uint64_t offset) {
  Piece piece(std::min<std::uint64_t>(piece_bytes, reader.size() - offset));
  auto got = reader.read(offset, piece);
  if (!got.ok()) return got.error();
  piece.resize(got.value());
  return piece;
}

kj::Promise<void> continue_blob(std::shared_ptr<BlobTransfer> t) {
  if (t->offset >= t->reader->size()) return kj::READY_NOW;
  return offload(t->site.disk,
                 [reader = t->reader, offset = t->offset] { return read_blob(*reader, offset); })
      .then([t](Result<Piece> result) {
        const Piece piece = take(std::move(result));
        if (piece.empty()) throw_error({Errc::corrupt, "a blob is shorter than it was"});
        t->offset += piece.size();
        return write_piece(t->sink, piece);
      })
      .then([t] { return continue_blob(t); });
}

kj::Promise<void> send_bytes_of_blob(Site& site,
                                     const Sha256& sha256,
                                     std::uint64_t offset,
                                     schema::ByteStream::Client sink) {
  auto reader = take(site.blobs.open_reader(sha256));
  return continue_blob(std::make_shared<BlobTransfer>(
      BlobTransfer{site, std::shared_ptr<BlobReader>(std::move(reader)), offset, kj::mv(sink)}));
}

// -- logs

struct LogTransfer {
  Site& site;
  std::string task_id;
  std::uint32_t run;
  std::uint64_t offset;
  bool follow;
  schema::ByteStream::Client sink;
  std::function<void()> check;
  std::string key;
  // While waiting for the log to grow.
  std::unique_ptr<GrowthObserver> observer;
  std::uint64_t grown = 0;  // growths seen, on the loop's thread
  kj::Own<kj::PromiseFulfiller<void>> waiting;
};

struct RunFacts {
  bool exists = false;
  bool ended = false;
  std::optional<task::ArtifactInfo> whole;  // the log as an artifact
};

RunFacts look_at_run(LogTransfer& t) {
  const auto snapshot = t.site.host.snapshot();
  auto task = task::find_task(*snapshot, t.task_id);
  RunFacts facts;
  if (!task) return facts;
  const auto runs = task->row().getRuns();
  if (t.run >= runs.size()) {
    facts.exists = t.run == runs.size();  // it may still come
    return facts;
  }
  facts.exists = true;
  const auto state = runs[t.run].getState();
  facts.ended = state != schema::TaskState::PENDING && state != schema::TaskState::RUNNING;
  facts.whole = task::find_artifact(*snapshot, *task, t.run, log_artifact);
  return facts;
}

kj::Promise<void> wait_for_news(std::shared_ptr<LogTransfer> t,
                                std::uint64_t seen_growth,
                                EventPosition seen_events) {
  if (t->grown != seen_growth) return kj::READY_NOW;
  auto paf = kj::newPromiseAndFulfiller<void>();
  t->waiting = kj::mv(paf.fulfiller);
  return paf.promise.exclusiveJoin(t->site.edge.wait_for_event(std::move(seen_events)));
}

kj::Promise<LogEnd> continue_log(std::shared_ptr<LogTransfer> t);

kj::Promise<LogEnd> send_whole_log(std::shared_ptr<LogTransfer> t, const task::ArtifactInfo& log) {
  const auto hash = sha256_of(as_bytes(log.sha256));
  TROUPE_INVARIANT(hash.has_value());
  return send_bytes_of_blob(t->site, *hash, t->offset, t->sink).then([size = log.size] {
    return LogEnd{size, true};
  });
}

// The stream has been read to its end, or does not exist.
kj::Promise<LogEnd> at_end_of_stream(std::shared_ptr<LogTransfer> t, std::uint64_t size) {
  const auto growth = t->grown;
  auto events = t->site.host.last_events();
  const RunFacts facts = look_at_run(*t);
  if (!facts.exists) {
    throw_error({Errc::not_found, "task " + t->task_id + " has no run " + std::to_string(t->run)});
  }
  if (facts.whole) return send_whole_log(t, *facts.whole);
  if (facts.ended || !t->follow) return LogEnd{size, facts.ended};
  return wait_for_news(t, growth, std::move(events)).then([t] { return continue_log(t); });
}

kj::Promise<LogEnd> continue_log(std::shared_ptr<LogTransfer> t) {
  t->check();
  const auto growth = t->grown;
  Piece piece(piece_bytes);
  auto got = t->site.logs.read(t->key, t->offset, piece);
  if (!got.ok() && got.error().code != Errc::not_found) throw_error(got.error());
  if (!got.ok()) return at_end_of_stream(t, 0);
  if (got.value() == 0) {
    if (t->grown != growth) return continue_log(t);
    return at_end_of_stream(t, t->offset);
  }
  piece.resize(got.value());
  t->offset += piece.size();
  return write_piece(t->sink, piece).then([t] { return continue_log(t); });
}

void observe(const std::shared_ptr<LogTransfer>& t) {
  std::weak_ptr<LogTransfer> weak = t;
  t->observer = t->site.logs.on_growth(t->key, [weak, &edge = t->site.edge](const StreamGrowth&) {
    // Perhaps on a thread of the pool: the news goes through the loop.
    edge.post([weak] {
      const auto transfer = weak.lock();
      if (!transfer) return;
      transfer->grown += 1;
      if (transfer->waiting.get() != nullptr) transfer->waiting->fulfill();
    });
  });
}

}  // namespace

kj::Promise<void> send_blob(Site& site,
                            const Sha256& sha256,
                            std::uint64_t offset,
                            schema::ByteStream::Client sink) {
  return send_bytes_of_blob(site, sha256, offset, sink).then([sink]() mutable {
    return end_sink(sink);
  });
}

kj::Promise<LogEnd> send_log(Site& site,
                             std::string task_id,
                             std::uint32_t run,
                             std::uint64_t offset,
                             bool follow,
                             schema::ByteStream::Client sink,
                             std::function<void()> check) {
  std::string key = log_key(task_id, run);
  auto t = std::make_shared<LogTransfer>(LogTransfer{site,
                                                     std::move(task_id),
                                                     run,
                                                     offset,
                                                     follow,
                                                     sink,
                                                     std::move(check),
                                                     std::move(key),
                                                     nullptr,
                                                     0,
                                                     {}});
  if (follow) observe(t);
  return continue_log(t).then(
      [sink](LogEnd end) mutable { return end_sink(sink).then([end] { return end; }); });
}

}  // namespace troupe::server
