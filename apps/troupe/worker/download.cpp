#include "apps/troupe/worker/download.h"

#include "apps/troupe/worker/files.h"
#include "apps/troupe/worker/task_facts.h"
#include "runtime/base/data.h"
#include "runtime/rpc/errors.h"

#include <kj/debug.h>
#include <kj/refcount.h>

#include <fcntl.h>
#include <unistd.h>

namespace troupe::worker {
namespace {

// Attempts in a row that brought nothing, on a connection that works.
constexpr int idle_attempts_max = 5;

using Outcome = Result<DownloadCache::Pin>;

// One file on its way. Shared by the attempts and their sinks.
class Transfer final : public kj::Refcounted {
 public:
  explicit Transfer(std::string path) : path_(std::move(path)) { restart(); }
  ~Transfer() { unlink(path_.c_str()); }  // no file is left unless it was moved into the cache

  void restart() {
    fd_ = Fd(open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd_.valid()) failure_ = errno_error(path_);
    hash_ = Sha256Stream();
    size_ = 0;
  }

  void write(std::span<const std::uint8_t> bytes) {
    if (failure_) return;
    auto written = write_at(fd_.get(), size_, bytes);
    if (!written.ok()) {
      failure_ = Error{Errc::unavailable, path_ + ": " + written.error().detail};
      return;
    }
    hash_.update(bytes);
    size_ += bytes.size();
  }

  Sha256 finish_hash() { return hash_.finish(); }
  std::uint64_t size() const { return size_; }
  const std::string& path() const { return path_; }
  const std::optional<Error>& failure() const { return failure_; }

 private:
  const std::string path_;
  Fd fd_;
  Sha256Stream hash_;
  std::uint64_t size_ = 0;
  std::optional<Error> failure_;
};

// The server's end of one attempt. What a late attempt still brings is refused.
class Sink final : public schema::ByteStream::Server {
 public:
  Sink(kj::Own<Transfer> transfer, kj::Own<kj::PromiseFulfiller<void>> closed)
      : transfer_(kj::mv(transfer)), closed_(kj::mv(closed)), expected_(transfer_->size()) {}
  ~Sink() { closed_->fulfill(); }

  kj::Promise<void> write(WriteContext context) override {
    KJ_REQUIRE(transfer_->size() == expected_, "RequestConflict: a newer attempt has taken over");
    const auto bytes = context.getParams().getBytes();
    transfer_->write({bytes.begin(), bytes.size()});
    expected_ += bytes.size();
    KJ_IF_MAYBE (e, failure()) return kj::mv(*e);
    return kj::READY_NOW;
  }

  kj::Promise<void> end(EndContext) override {
    closed_->fulfill();
    return kj::READY_NOW;
  }

 private:
  kj::Maybe<kj::Exception> failure() const {
    if (!transfer_->failure()) return nullptr;
    return exception_from(*transfer_->failure());
  }

  kj::Own<Transfer> transfer_;
  kj::Own<kj::PromiseFulfiller<void>> closed_;
  std::uint64_t expected_;
};

struct Announced {
  Sha256 sha256{};
  std::uint64_t size = 0;
};

class Download {
 public:
  Download(Workshop& shop, ClaimSlot& slot, ArtifactContent content)
      : shop_(shop),
        slot_(slot),
        content_(std::move(content)),
        transfer_(kj::refcounted<Transfer>(shop.downloads.temporary_path())) {}

  kj::Promise<Outcome> run() {
    return slot_.attached().then([this]() -> kj::Promise<Outcome> {
      KJ_IF_MAYBE (claim, slot_.claim()) return attempt(*claim);
      return run();
    });
  }

 private:
  kj::Promise<Outcome> attempt(schema::Claim::Client& claim) {
    const auto seen = slot_.generation();
    const auto before = transfer_->size();
    auto closed = kj::newPromiseAndFulfiller<void>();
    auto request = claim.downloadRequest();
    request.setTaskId(content_.task_id.c_str());
    request.setName(content_.name.c_str());
    request.setOffset(before);
    request.setSink(kj::heap<Sink>(kj::addRef(*transfer_), kj::mv(closed.fulfiller)));
    return request.send()
        .then([this, closed = kj::mv(closed.promise)](auto&& answer) mutable {
          return announced(answer, kj::mv(closed));
        })
        .catch_([this](kj::Exception&& e) -> kj::Promise<kj::Maybe<Outcome>> {
          if (transfer_->failure()) return kj::Maybe<Outcome>(Outcome(*transfer_->failure()));
          const Error error = error_from(e);
          if (is_retryable(error.code)) return kj::Maybe<Outcome>(nullptr);
          return kj::Maybe<Outcome>(Outcome(error));
        })
        .then([this, seen, before](kj::Maybe<Outcome>&& outcome) {
          return next(kj::mv(outcome), seen, before);
        });
  }

  // The server says what it sends, before or after sending it.
  kj::Promise<kj::Maybe<Outcome>> announced(schema::Claim::DownloadResults::Reader answer,
                                            kj::Promise<void> closed) {
    const auto hash = sha256_of(answer.getSha256());
    if (!hash) {
      return kj::Maybe<Outcome>(
          Outcome(Error{Errc::invalid, "it has no content: its storage type is " +
                                           text_of(answer.getArtifact().getStorageType())}));
    }
    const Announced what{.sha256 = *hash, .size = answer.getSize()};
    if (content_.sha256 && *content_.sha256 != what.sha256) {
      return kj::Maybe<Outcome>(
          Outcome(Error{Errc::corrupt, "its SHA-256 is " + to_hex(what.sha256) +
                                           ", but the payload says " + to_hex(*content_.sha256)}));
    }
    if (const auto have = shop_.downloads.find(what.sha256))
      return kj::Maybe<Outcome>(Outcome(*have));
    if (size_ && (*size_ != what.size || sha256_ != what.sha256)) transfer_->restart();
    size_ = what.size;
    sha256_ = what.sha256;
    if (transfer_->size() == what.size) return finished(what);
    return closed.then([this, what]() -> kj::Maybe<Outcome> {
      if (transfer_->failure()) return Outcome(*transfer_->failure());
      if (transfer_->size() < what.size) return nullptr;  // broken off
      return finished(what);
    });
  }

  kj::Maybe<Outcome> finished(const Announced& what) {
    if (transfer_->size() != what.size || transfer_->finish_hash() != what.sha256) {
      return Outcome(Error{Errc::corrupt, "what arrived is not what was announced (SHA-256 " +
                                              to_hex(what.sha256) + ")"});
    }
    return shop_.downloads.insert(transfer_->path(), what.sha256, what.size);
  }

  kj::Promise<Outcome> next(kj::Maybe<Outcome> outcome, std::uint64_t seen, std::uint64_t before) {
    KJ_IF_MAYBE (known, outcome) return kj::mv(*known);
    const bool idle = transfer_->size() == before && slot_.generation() == seen;
    idle_attempts_ = idle ? idle_attempts_ + 1 : 0;
    if (idle_attempts_ >= idle_attempts_max) {
      return Outcome(Error{Errc::unavailable, "the server does not send it"});
    }
    return slot_.pause(seen).then([this] { return run(); });
  }

  Workshop& shop_;   // borrowed
  ClaimSlot& slot_;  // borrowed
  const ArtifactContent content_;
  kj::Own<Transfer> transfer_;
  std::optional<std::uint64_t> size_;
  Sha256 sha256_{};
  int idle_attempts_ = 0;
};

}  // namespace

kj::Promise<Outcome> download(Workshop& shop, ClaimSlot& slot, ArtifactContent content) {
  if (content.sha256) {
    if (const auto have = shop.downloads.find(*content.sha256)) return Outcome(*have);
  }
  auto job = kj::heap<Download>(shop, slot, std::move(content));
  auto outcome = job->run();
  return outcome.attach(kj::mv(job));
}

}  // namespace troupe::worker
