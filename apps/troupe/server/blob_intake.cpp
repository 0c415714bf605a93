#include "apps/troupe/server/blob_intake.h"

#include "apps/troupe/server/call.h"

#include <fmt/format.h>

#include <memory>
#include <utility>
#include <vector>

namespace troupe::server {
namespace {

constexpr std::size_t piece_bytes = std::size_t{256} << 10;
// How often it is looked whether there is room for more.
constexpr std::uint64_t room_bytes = std::uint64_t{16} << 20;

/// One body. What runs on the pool keeps it alive.
struct Intake {
  Site& site;
  http::BodyReader& body;
  std::optional<std::uint64_t> length;
  std::unique_ptr<BlobIntake> blob;
  std::vector<char> piece = std::vector<char>(piece_bytes);
  std::size_t filled = 0;
  std::uint64_t checked = 0;  // size at which there was room
};

using Shared = std::shared_ptr<Intake>;

void require_room(Site& site) {
  if (!site.host.stats().store.low) return;
  throw_error({Errc::busy, "the disk is full up to its reserve: free space, or try again later"});
}

void require_length(std::uint64_t wanted, std::uint64_t size) {
  if (wanted == size) return;
  throw_error(
      {Errc::invalid, fmt::format("the body has {} bytes where {} were announced", size, wanted)});
}

// Fills a piece, less only at the body's end.
kj::Promise<void> fill(Shared in) {
  const auto room = std::span(in->piece).subspan(in->filled);
  if (room.empty()) return kj::READY_NOW;
  return in->body.read(room).then([in](std::size_t n) -> kj::Promise<void> {
    in->filled += n;
    if (n == 0) return kj::READY_NOW;
    return fill(in);
  });
}

kj::Promise<BlobName> finish(Shared in) {
  if (in->length) require_length(*in->length, in->blob->size());
  return offload(in->site.disk, [in] { return in->blob->finish(); })
      .then([](Result<BlobName> name) { return take(std::move(name)); });
}

kj::Promise<BlobName> go_on(Shared in) {
  in->filled = 0;
  return fill(in).then([in]() -> kj::Promise<BlobName> {
    if (in->filled == 0) return finish(in);
    if (in->blob->size() - in->checked >= room_bytes) {
      require_room(in->site);
      in->checked = in->blob->size();
    }
    return offload(
               in->site.disk,
               [in] {
                 return in->blob->append(as_bytes(std::string_view(in->piece.data(), in->filled)));
               })
        .then([in](Status appended) {
          take(std::move(appended));
          return go_on(in);
        });
  });
}

}  // namespace

kj::Promise<BlobName> take_in(Site& site,
                              http::BodyReader& body,
                              std::optional<std::uint64_t> length) {
  require_room(site);
  if (length && body.length()) require_length(*length, *body.length());
  return offload(site.disk, [&blobs = site.blobs] { return blobs.begin_intake(); })
      .then([&site, &body, length](Result<std::unique_ptr<BlobIntake>> begun) {
        return go_on(std::make_shared<Intake>(Intake{site, body, length, take(std::move(begun))}));
      });
}

}  // namespace troupe::server
