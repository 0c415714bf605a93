// A call that stays in the process: its parameters and results are messages of our own. It goes
// straight to the service's object, without the queue of a local capability.
#pragma once

#include "runtime/api/call.h"

#include <capnp/dynamic.h>
#include <capnp/message.h>
#include <kj/refcount.h>

namespace troupe::api {

class LocalContext final : public capnp::CallContextHook, public kj::Refcounted {
 public:
  explicit LocalContext(const Method& method)
      : params_(method.schema.getParamType()), results_(method.schema.getResultType()) {
    params_message_.initRoot<capnp::DynamicStruct>(params_);
  }

  capnp::DynamicStruct::Builder params() {
    return params_message_.getRoot<capnp::DynamicStruct>(params_);
  }
  capnp::DynamicStruct::Reader results() {
    return results_message_.getRoot<capnp::DynamicStruct>(results_).asReader();
  }
  AnyContext context() { return AnyContext(*this); }

  capnp::AnyPointer::Reader getParams() override {
    return params_message_.getRoot<capnp::AnyPointer>().asReader();
  }
  void releaseParams() override {}
  capnp::AnyPointer::Builder getResults(kj::Maybe<capnp::MessageSize>) override {
    return results_message_.getRoot<capnp::AnyPointer>();
  }
  kj::Own<capnp::CallContextHook> addRef() override { return kj::addRef(*this); }
  void allowCancellation() override {}
  void setPipeline(kj::Own<capnp::PipelineHook>&&) override {}

  // Methods that HTTP has answer by themselves.
  kj::Promise<void> tailCall(kj::Own<capnp::RequestHook>&&) override { return refuse(); }
  kj::Promise<capnp::AnyPointer::Pipeline> onTailCall() override { return kj::NEVER_DONE; }
  capnp::ClientHook::VoidPromiseAndPipeline directTailCall(kj::Own<capnp::RequestHook>&&) override {
    return {refuse(), capnp::newBrokenPipeline(refusal())};
  }

 private:
  static kj::Exception refusal() {
    return KJ_EXCEPTION(UNIMPLEMENTED, "a call over HTTP is answered, not handed on");
  }
  static kj::Promise<void> refuse() { return refusal(); }

  static constexpr unsigned first_words = 128;

  capnp::StructSchema params_;
  capnp::StructSchema results_;
  capnp::MallocMessageBuilder params_message_{first_words};
  capnp::MallocMessageBuilder results_message_{first_words};
};

}  // namespace troupe::api
