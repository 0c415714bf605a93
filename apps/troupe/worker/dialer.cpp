#include "apps/troupe/worker/dialer.h"

#include "runtime/rpc/errors.h"

namespace troupe::worker {
namespace {

using ConnectionPtr = std::unique_ptr<client::Connection>;

// An address that does not answer must not keep us from the next one.
constexpr kj::Duration address_time = 5 * kj::SECONDS;

kj::Promise<ConnectionPtr> dial_from(kj::AsyncIoProvider& io,
                                     std::shared_ptr<const std::vector<client::Target>> targets,
                                     std::size_t index) {
  auto attempt = io.getTimer().timeoutAfter(address_time, client::connect(io, (*targets)[index]));
  return attempt.catch_([&io, targets, index](kj::Exception&& e) -> kj::Promise<ConnectionPtr> {
    const Errc code = error_from(e).code;
    const bool refused = code == Errc::unauthenticated || code == Errc::forbidden;
    if (refused || index + 1 == targets->size()) return kj::mv(e);
    return dial_from(io, targets, index + 1);
  });
}

}  // namespace

Dialer::Dialer(kj::AsyncIoProvider& io, WorkerOptions& options)
    : io_(io), options_(options), own_root_url_(!options.root_url.empty()) {}

Result<std::vector<client::Target>> Dialer::targets() {
  client::Target base;
  base.client_id = options_.client_id;
  base.access_token = options_.access_token;
  if (!options_.credentials_file.empty()) {
    auto read = client::read_credentials(options_.credentials_file);
    if (!read.ok()) return read.error();
    base = std::move(read).value();
    if (!own_root_url_) options_.root_url = base.root_url;
  }
  base.root_url = options_.root_url;
  std::vector<client::Target> out;
  for (const auto& address : options_.rpc_addresses) {
    out.push_back(base);
    out.back().rpc = address;
    out.back().address_from = "--join";
  }
  if (out.empty() && !base.rpc.empty()) out.push_back(base);
  if (out.empty()) {
    return Error{Errc::invalid, "no address to join: give one, or a credentials file with `rpc`"};
  }
  return out;
}

kj::Promise<ConnectionPtr> Dialer::dial() {
  auto found = targets();
  if (!found.ok()) {
    // Being rewritten, perhaps: whatever it is, it may pass.
    return exception_from(Error{Errc::unavailable, found.error().detail});
  }
  auto targets = std::make_shared<const std::vector<client::Target>>(std::move(found).value());
  return dial_from(io_, kj::mv(targets), 0);
}

}  // namespace troupe::worker
