#include "runtime/api/guard.h"

#include "runtime/api/parameters.h"
#include "runtime/http/message.h"
#include "runtime/process/log.h"
#include "runtime/rpc/errors.h"

#include <utility>

namespace troupe::api {
namespace {

// Of Cap'n Proto's own type, which programs that know none of our codes understand.
kj::Exception unknown_method(const std::string& what) {
  const std::string text = std::string(to_string(Errc::invalid)) + ": " + what +
                           ": this server may be older than the program that calls it";
  return {kj::Exception::Type::UNIMPLEMENTED, __FILE__, __LINE__, kj::heapString(text.c_str())};
}

/// One call on its way; destroyed before its end, the caller has gone.
class RpcCall {
 public:
  RpcCall(std::shared_ptr<const RpcFace> face, const Method& method)
      : face_(std::move(face)), call_(method, *face_->caller), begun_(face_->clock.elapsed()) {}
  RpcCall(const RpcCall&) = delete;
  RpcCall& operator=(const RpcCall&) = delete;
  ~RpcCall() noexcept {
    if (!is_reported_) report(abandoned_status);
  }

  kj::Promise<void> run(AnyContext context) {
    return kj::evalNow([&] {
             check(context);
             return serve_call(call_, face_->serve, context);
           })
        .then([this] { report(call_.method().answers_nothing ? 204 : 200); },
              [this](kj::Exception&& exception) { fail(kj::mv(exception)); });
  }

 private:
  void check(AnyContext context) {
    const Method& method = call_.method();
    const auto params =
        context.getParams().getAs<capnp::DynamicStruct>(method.schema.getParamType());
    if (!method.is_public()) {
      // Whoever is out is told so before anything else.
      call_.credentials();
      if (method.checked_first) call_.authorize(scope_values(method, params));
    }
    check_parameters(method, params);
  }

  [[noreturn]] void fail(kj::Exception&& exception) {
    const Method& method = call_.method();
    if (exception.getType() == kj::Exception::Type::UNIMPLEMENTED) {
      const std::string fault = method.service + "." + method.name + " is not built here";
      report(http::status_of(Errc::invalid), fault);
      kj::throwFatalException(unknown_method(fault));
    }
    const Error error = error_from(exception);
    const unsigned status = http::status_of(error.code);
    if (status == 500) {
      log_event(LogLevel::error, "rpc_call_failed",
                {{"service", method.service}, {"method", method.name}, {"error", error.detail}});
    }
    report(status, error.detail);
    kj::throwFatalException(kj::mv(exception));
  }

  void report(unsigned status, std::string_view fault = {}) {
    is_reported_ = true;
    face_->report({call_.method(), Face::rpc, face_->peer, status, face_->clock.elapsed() - begun_,
                   call_.known(), call_.used(), nullptr, fault});
  }

  const std::shared_ptr<const RpcFace> face_;
  Call call_;
  const Duration begun_;
  bool is_reported_ = false;
};

class Guard final : public capnp::Capability::Server {
 public:
  explicit Guard(RpcFace face) : face_(std::make_shared<const RpcFace>(std::move(face))) {}

  DispatchCallResult dispatchCall(std::uint64_t interface_id,
                                  std::uint16_t method_id,
                                  AnyContext context) override {
    const Method* method = face_->service.find(interface_id, method_id);
    if (method == nullptr) {
      return {unknown_method("the service " + face_->service.name + " has no method " +
                             std::to_string(method_id) + " of that interface"),
              false};
    }
    auto call = kj::heap<RpcCall>(face_, *method);
    auto& running = *call;
    return {running.run(context).attach(kj::mv(call)), false};
  }

 private:
  const std::shared_ptr<const RpcFace> face_;
};

}  // namespace

capnp::Capability::Client make_guarded(RpcFace face) {
  return kj::heap<Guard>(std::move(face));
}

}  // namespace troupe::api
