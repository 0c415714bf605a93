#include "apps/troupe/cli/session.h"

#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/reconnect.h"
#include "runtime/rpc/errors.h"

#include <kj/exception.h>

namespace troupe::cli {

int with_target(
    const GlobalOptions& global,
    const std::function<Result<int>(kj::AsyncIoContext&, const client::Target&)>& action) {
  const Result<client::Target> target = client::find_target(global.find);
  if (!target.ok()) {
    // Whatever is wrong with the way to the platform, it was not reached.
    print_error(target.error().detail);
    return target.error().code == Errc::invalid ? exit_usage : exit_unreachable;
  }
  int status = exit_failed;
  kj::Maybe<kj::Exception> thrown = kj::runCatchingExceptions([&] {
    kj::AsyncIoContext io = kj::setupAsyncIo();
    const Result<int> outcome = action(io, target.value());
    status = outcome.ok() ? outcome.value() : report(outcome.error());
  });
  KJ_IF_MAYBE (exception, thrown) return report_refusal(error_from(*exception));
  return status;
}

int with_session(const GlobalOptions& global, const std::function<Result<int>(Session&)>& action) {
  return with_target(
      global, [&action](kj::AsyncIoContext& io, const client::Target& target) -> Result<int> {
        std::unique_ptr<client::Connection> connection;
        kj::Maybe<kj::Exception> refused = kj::runCatchingExceptions(
            [&] { connection = client::connect(*io.provider, target).wait(io.waitScope); });
        KJ_IF_MAYBE (exception, refused) {
          print_error(error_from(*exception).detail);
          return int{exit_unreachable};
        }
        Session session(io, *connection, target);
        return action(session);
      });
}

int with_reconnector(const GlobalOptions& global,
                     const std::function<Result<int>(Session&, Reconnector&)>& action) {
  return with_session(global, [&action](Session& session) {
    Reconnector server(session.io(), session.target());
    return action(session, server);
  });
}

void read_pages(const std::function<std::string(const std::string& token)>& page) {
  std::string token;
  do {
    token = page(token);
  } while (!token.empty());
}

}  // namespace troupe::cli
