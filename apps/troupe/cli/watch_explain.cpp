#include "apps/troupe/cli/watch_explain.h"

#include "apps/troupe/cli/terminal.h"

#include <utility>

namespace troupe::cli {
namespace {

// The first answer is there within a second, and a task that starts at once never needs one.
constexpr auto first_look = 500 * kj::MILLISECONDS;
constexpr auto look_interval = 1 * kj::SECONDS;

}  // namespace

kj::Promise<Reason> ask_why(Reconnector& server, const std::string& subject) {
  return server.call([subject](client::Connection& connection) {
    auto request = connection.troupe().explainRequest();
    request.setSubject(subject);
    return request.send().then([](capnp::Response<schema::Troupe::ExplainResults>&& answer) {
      const auto explanation = answer.getExplanation();
      const std::string help = explanation.getHelp().cStr();
      Reason reason{explanation.getCode().cStr(), explanation.getMessage().cStr(), {}};
      if (!help.empty()) reason.message += "; " + help;
      reason.message = harmless(reason.message);
      // How long a worker has been away changes all the time.
      reason.news = reason.code == "no-worker" ? reason.code + help : reason.message;
      return reason;
    });
  });
}

kj::Promise<void> Explainer::watch(std::function<std::string()> subject,
                                   std::function<void(const std::string&)> say) {
  subject_ = std::move(subject);
  say_ = std::move(say);
  return look_after(first_look);
}

kj::Promise<void> Explainer::look_after(kj::Duration delay) {
  return server_.timer().afterDelay(delay).then([this] { return look(); });
}

kj::Promise<void> Explainer::look() {
  const std::string subject = subject_();
  if (subject.empty()) return look_after(look_interval);
  return ask_why(server_, subject)
      .then(
          [this](Reason&& reason) {
            // While the answer was under way, it may have ended.
            if (reason.news == said_ || subject_().empty()) return;
            said_ = reason.code.empty() ? "" : reason.news;
            if (!reason.code.empty()) say_(reason.message);
          },
          [](kj::Exception&&) {})  // not allowed, or gone: the log and the status say the rest
      .then([this] { return look_after(look_interval); });
}

}  // namespace troupe::cli
