#include "apps/troupe/server/counted.h"

#include "apps/troupe/server/api_metrics.h"
#include "apps/troupe/server/call.h"
#include "runtime/base/assert.h"
#include "runtime/http/message.h"

#include <memory>
#include <string_view>
#include <utility>

namespace troupe::server {
namespace {

/// One call on its way; destroyed before its end, the caller has gone.
class CountedCall {
 public:
  CountedCall(const api::Method& method, std::shared_ptr<ApiMetrics> figures, const Clock& clock)
      : method_(method), figures_(std::move(figures)), clock_(clock), begun_(clock.elapsed()) {}
  CountedCall(const CountedCall&) = delete;
  CountedCall& operator=(const CountedCall&) = delete;
  ~CountedCall() noexcept {
    if (!is_counted_) count(api::abandoned_status);
  }

  void succeed() { count(200); }

  void fail(const kj::Exception& exception) {
    const Error error = error_from(exception);
    count(http::status_of(error.code), error.detail);
  }

 private:
  void count(unsigned status, std::string_view fault = {}) {
    static const std::string no_peer;
    static const ScopeSet nothing;
    is_counted_ = true;
    figures_->count({method_, api::Face::rpc, no_peer, status, clock_.elapsed() - begun_, nullptr,
                     nothing, nullptr, fault});
  }

  const api::Method& method_;
  const std::shared_ptr<ApiMetrics> figures_;
  const Clock& clock_;
  const Duration begun_;
  bool is_counted_ = false;
};

class Counted final : public capnp::Capability::Server {
 public:
  Counted(kj::Own<capnp::Capability::Server> inner, const api::Service& methods, Site& site)
      : inner_(kj::mv(inner)), methods_(methods), figures_(site.figures), clock_(site.clock) {}

  DispatchCallResult dispatchCall(std::uint64_t interface_id,
                                  std::uint16_t method_id,
                                  api::AnyContext context) override {
    const api::Method* method = methods_.find(interface_id, method_id);
    if (method == nullptr) return inner_->dispatchCall(interface_id, method_id, context);
    auto call = kj::heap<CountedCall>(*method, figures_, clock_);
    auto& running = *call;
    DispatchCallResult result{nullptr, false};
    const auto thrown = kj::runCatchingExceptions(
        [&] { result = inner_->dispatchCall(interface_id, method_id, context); });
    KJ_IF_MAYBE (exception, thrown) {
      result.promise = kj::cp(*exception);
    }
    result.promise = result.promise
                         .then([&running] { running.succeed(); },
                               [&running](kj::Exception&& exception) {
                                 running.fail(exception);
                                 kj::throwFatalException(kj::mv(exception));
                               })
                         .attach(kj::mv(call));
    return result;
  }

 private:
  kj::Own<capnp::Capability::Server> inner_;
  const api::Service& methods_;
  const std::shared_ptr<ApiMetrics> figures_;
  const Clock& clock_;
};

}  // namespace

api::Service counted_methods(capnp::InterfaceSchema schema, const std::string& name) {
  api::Service service;
  service.name = name;
  for (const auto one : schema.getMethods()) {
    api::Method method;
    method.name = one.getProto().getName().cStr();
    method.service = name;
    method.schema = one;
    method.interface_id = schema.getProto().getId();
    method.id = one.getOrdinal();
    service.methods.push_back(std::move(method));
  }
  return service;
}

capnp::Capability::Client count_calls(kj::Own<capnp::Capability::Server> inner,
                                      const api::Service& methods,
                                      Site& site) {
  TROUPE_EXPECTS(site.figures != nullptr);
  return kj::heap<Counted>(kj::mv(inner), methods, site);
}

}  // namespace troupe::server
