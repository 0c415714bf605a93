#include "apps/troupe/cli/task_log.h"

#include "apps/troupe/cli/output.h"

#include <kj/common.h>

#include <memory>

namespace troupe::cli {
namespace {

constexpr std::size_t line_bytes_max = std::size_t{1} << 20;

class LogSink final : public schema::ByteStream::Server {
 public:
  LogSink(const WriteLog& write, std::uint64_t& offset, std::shared_ptr<const bool> active)
      : write_(write), offset_(offset), active_(std::move(active)) {}

 protected:
  kj::Promise<void> write(WriteContext context) override {
    // What a connection that was given up still delivers, the next one sends again.
    if (!*active_) return kj::READY_NOW;
    return write_(context.getParams().getBytes(), offset_, active_).attach(kj::mv(context));
  }

  kj::Promise<void> end(EndContext) override { return kj::READY_NOW; }

 private:
  const WriteLog write_;
  std::uint64_t& offset_;
  const std::shared_ptr<const bool> active_;
};

}  // namespace

void RawLogOutput::write(std::string_view bytes) {
  print_out(bytes);
}

LineLogOutput::LineLogOutput(OnLine on_line) : on_line_(std::move(on_line)) {}

void LineLogOutput::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos) {
      partial_.append(bytes);
      if (partial_.size() > line_bytes_max) flush_partial();
      return;
    }
    if (partial_.empty()) {
      on_line_(run_id_, bytes.substr(0, end));
    } else {
      partial_.append(bytes.substr(0, end));
      flush_partial();
    }
    bytes.remove_prefix(end + 1);
  }
}

void LineLogOutput::end_run() {
  if (!partial_.empty()) flush_partial();
}

void LineLogOutput::flush_partial() {
  on_line_(run_id_, partial_);
  partial_.clear();
}

kj::Promise<bool> stream_run_log(Reconnector& server,
                                 LogPlace& place,
                                 bool follow,
                                 WriteLog write) {
  return server.call([&place, follow, write = std::move(write)](client::Connection& connection) {
    auto active = std::make_shared<bool>(true);
    auto request = connection.troupe().readLogRequest();
    request.setTaskId(place.task_id);
    request.setRunId(place.run_id);
    request.setOffset(place.offset);
    request.setFollow(follow);
    request.setSink(kj::heap<LogSink>(write, place.offset, active));
    return request.send()
        .then([&place](capnp::Response<schema::Troupe::ReadLogResults>&& answer) {
          return answer.getFinished() && place.offset >= answer.getSize();
        })
        .attach(kj::defer([active] { *active = false; }));
  });
}

bool read_run_log(Reconnector& server, LogPlace& place, bool follow, LogOutput& output) {
  const auto write = [&output](kj::ArrayPtr<const kj::byte> bytes, std::uint64_t& offset,
                               const std::shared_ptr<const bool>&) -> kj::Promise<void> {
    output.write({reinterpret_cast<const char*>(bytes.begin()), bytes.size()});
    offset += bytes.size();
    return kj::READY_NOW;
  };
  return stream_run_log(server, place, follow, write).wait(server.io().waitScope);
}

}  // namespace troupe::cli
