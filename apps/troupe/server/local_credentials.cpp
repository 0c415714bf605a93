#include "apps/troupe/server/local_credentials.h"

#include "apps/troupe/server/data_files.h"
#include "apps/troupe/server/files.h"
#include "runtime/clock/clock.h"
#include "runtime/process/log.h"
#include "runtime/rpc/errors.h"

#include <optional>
#include <utility>

namespace troupe::server {
namespace {

// A local worker's token is as good as its folder: it does not get safer by ending soon.
constexpr int token_years = 10;

// Nothing if there is no file, or not a whole one: a new one replaces it.
std::optional<Credentials> read_known(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return std::nullopt;
  auto credentials = decode_credentials(text.value());
  if (!credentials) return std::nullopt;
  return std::move(credentials).value();
}

void write_credentials(const std::string& path, const Credentials& credentials) {
  const auto written = write_file(path, encode_credentials(credentials), 0600);
  if (!written) throw exception_from(written.error());
}

bool is_refusal(const kj::Exception& failure) {
  const Errc code = error_from(failure).code;
  return code == Errc::unauthenticated || code == Errc::forbidden || code == Errc::expired;
}

}  // namespace

LocalCredentials::LocalCredentials(kj::AsyncIoProvider& io,
                                   client::Target root,
                                   std::string pool,
                                   std::string socket)
    : io_(io), root_(std::move(root)), pool_(std::move(pool)), socket_(std::move(socket)) {}

kj::Promise<void> LocalCredentials::ensure(const std::string& worker_dir) {
  const std::string path = worker_dir + "/credentials.json";
  auto known = read_known(path);
  if (!known) return create(path);
  if (known->rpc != std::vector<std::string>{socket_} || known->root_url != root_.root_url) {
    known->rpc = {socket_};
    known->root_url = root_.root_url;
    write_credentials(path, *known);
  }
  const client::Target target{.rpc = socket_,
                              .root_url = root_.root_url,
                              .client_id = known->client_id,
                              .access_token = known->access_token,
                              .found_in = path,
                              .address_from = {},
                              .platform = {}};
  return client::connect(io_, target)
      .then([](std::unique_ptr<client::Connection>) -> kj::Promise<void> { return kj::READY_NOW; },
            [this, path](kj::Exception&& failure) -> kj::Promise<void> {
              if (!is_refusal(failure)) return kj::mv(failure);
              return create(path);
            });
}

kj::Promise<void> LocalCredentials::create(const std::string& path) {
  return client::connect(io_, root_)
      .then([this, path](std::unique_ptr<client::Connection> connection) {
        auto request = connection->troupe().createWorkerTokenRequest();
        request.setPool(pool_);
        request.setExpires(add_years(wall_now(), token_years).ms);
        return request.send()
            .then([this, path](auto&& token) {
              write_credentials(path, {.root_url = root_.root_url,
                                       .rpc = {socket_},
                                       .client_id = token.getClientId(),
                                       .access_token = token.getAccessToken()});
              log_event(LogLevel::info, "local_worker_token_made",
                        {{"client_id", std::string(token.getClientId().cStr())}});
            })
            .attach(kj::mv(connection));
      });
}

}  // namespace troupe::server
