#include "apps/troupe/cli/worker_tokens.h"

#include "apps/troupe/cli/figures.h"
#include "apps/troupe/cli/fleet.h"
#include "apps/troupe/cli/listing.h"
#include "apps/troupe/cli/once.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/queue_name.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/cli/span.h"
#include "apps/troupe/cli/worker_views.h"
#include "apps/troupe/group_file/group_file.h"
#include "runtime/base/json_writer.h"
#include "runtime/clock/clock.h"
#include "runtime/transcode/json.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace troupe::cli {
namespace {

Error write_error(const std::string& path, int code) {
  return Error{Errc::invalid,
               "--output " + path + ": " + std::generic_category().message(code) +
                   (code == EEXIST ? ": remove it first, or name another file" : "")};
}

// Made for its owner alone, before the token exists: a token that cannot be kept is not made.
Result<int> create_private_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return write_error(path, errno);
  return descriptor;
}

Status write_and_close(int descriptor, std::string_view text, const std::string& path) {
  int code = 0;
  while (!text.empty() && code == 0) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      code = errno;
    }
  }
  if (::close(descriptor) != 0 && code == 0) code = errno;
  if (code != 0) return write_error(path, code);
  return Done{};
}

struct Token {
  std::string client_id;
  std::string json;  // the credentials file
  Instant expires;
};

Token make_token(Session& session, Reconnector& server, const std::string& pool, Instant expires) {
  const auto info = session.wait(session.troupe().serverInfoRequest().send());
  const auto answer = session.wait(create_worker_token(server, pool, expires.ms));
  Token token;
  token.client_id = answer.getClientId().cStr();
  token.expires = Instant{answer.getExpires()};
  JsonWriter json;
  json.begin_object().key("rootUrl").string(info.getRootUrl().cStr());
  json.key("rpc").string(session.target().rpc).key("clientId").string(token.client_id);
  json.key("accessToken").string(answer.getAccessToken().cStr()).key("pool").string(pool);
  json.key("expires").string(format_time(token.expires));
  if (!session.target().ca.empty()) json.key("ca").string(session.target().ca);
  json.end_object();
  token.json = json.take() + '\n';
  return token;
}

}  // namespace

int worker_list(const GlobalOptions& global, const std::string& queue) {
  const Status named = queue.empty() ? Status(Done{}) : check_queue_name(queue, "--queue");
  if (!named.ok()) return report(named.error());
  return with_session(global, [&](Session& session) -> Result<int> {
    Listing listing = worker_listing(global.json);
    for_each_worker(session, queue, [&](schema::WorkerSummary::Reader worker) {
      // Programs that upload files are workers for as long as that takes: not what people look for.
      const std::string_view serves = worker.getTaskQueueId().cStr();
      if (queue.empty() && serves == group_file::upload_queue) return;
      add_worker(listing, worker);
    });
    listing.print("no workers");
    return int{exit_done};
  });
}

int worker_token_create(const GlobalOptions& global, const TokenCreateOptions& options) {
  const auto expires = end_of_span("--expires", options.expires, "30d or 12h", wall_now());
  if (!expires.ok()) return report(expires.error());
  const Status named = check_queue_name(options.pool, "--pool");
  if (!named.ok()) return report(named.error());
  return with_reconnector(global, [&](Session& session, Reconnector& server) -> Result<int> {
    int descriptor = -1;
    if (!options.output.empty()) {
      const Result<int> created = create_private_file(options.output);
      if (!created.ok()) return created.error();
      descriptor = created.value();
    }
    Token token;
    kj::Maybe<kj::Exception> refused = kj::runCatchingExceptions(
        [&] { token = make_token(session, server, options.pool, expires.value()); });
    KJ_IF_MAYBE (exception, refused) {
      if (descriptor >= 0) {
        ::close(descriptor);
        ::unlink(options.output.c_str());
      }
      kj::throwFatalException(kj::mv(*exception));
    }
    if (descriptor < 0) {
      print_out(token.json);
      return int{exit_done};
    }
    const Status written = write_and_close(descriptor, token.json, options.output);
    if (!written.ok()) return written.error();
    if (global.json) {
      JsonWriter json;
      json.begin_object().key("clientId").string(token.client_id);
      json.key("expires").string(format_time(token.expires));
      json.key("file").string(options.output).end_object();
      print_line(json.take());
    } else {
      print_line(token.client_id + " expires " + relative_time(token.expires, wall_now()) + ": " +
                 options.output);
    }
    return int{exit_done};
  });
}

int worker_token_list(const GlobalOptions& global) {
  return with_session(global, [&](Session& session) -> Result<int> {
    const auto answer = session.wait(session.troupe().listWorkerTokensRequest().send());
    Listing listing(global.json, "tokens", {"CLIENT", "POOL", "STATE", "CREATED", "EXPIRES"});
    const Instant now = wall_now();
    for (const auto token : answer.getTokens()) {
      listing.add([&token] { return to_json(token); },
                  [&token, now] {
                    const bool over = Instant{token.getExpires()} <= now;
                    const Cell state = token.getRevoked() ? Cell("revoked", Colour::red)
                                       : over             ? Cell("expired", Colour::dim)
                                                          : Cell("good", Colour::green);
                    return std::vector<Cell>{token.getClientId().cStr(), token.getPool().cStr(),
                                             state, relative_time(Instant{token.getCreated()}, now),
                                             relative_time(Instant{token.getExpires()}, now)};
                  });
    }
    listing.print("no worker tokens");
    return int{exit_done};
  });
}

int worker_token_revoke(const GlobalOptions& global, const std::string& client_id) {
  return with_session(global, [&](Session& session) -> Result<int> {
    auto request = session.troupe().revokeWorkerTokenRequest();
    request.setClientId(client_id);
    session.wait(request.send());
    if (global.json) {
      print_line("{\"clientId\":" + json_string(client_id) + "}");
    } else {
      print_line(client_id + " is revoked");
    }
    return int{exit_done};
  });
}

}  // namespace troupe::cli
