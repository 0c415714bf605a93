#include "runtime/process/thread_pool.h"

#include "runtime/base/result.h"

#include <catch2/catch.hpp>
#include <kj/async-io.h>

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>

using namespace troupe;

TEST_CASE("offloaded work", "[process]") {
  auto io = kj::setupAsyncIo();
  ThreadPool pool(2);
  const auto here = std::this_thread::get_id();

  SECTION("runs on another thread and resolves here") {
    auto promise = offload(pool, [] { return std::this_thread::get_id(); });
    CHECK(promise.wait(io.waitScope) != here);
    auto then = offload(pool, [] { return 7; }).then([](int n) {
      return std::pair(n, std::this_thread::get_id());
    });
    CHECK(then.wait(io.waitScope) == std::pair(7, here));
  }
  SECTION("may return nothing, or what can only be moved") {
    std::atomic<bool> ran = false;
    offload(pool, [&ran] { ran = true; }).wait(io.waitScope);
    CHECK(ran);
    CHECK(*offload(pool, [] { return std::make_unique<int>(3); }).wait(io.waitScope) == 3);
  }
  SECTION("may return a Result") {
    auto status = offload(pool, []() -> Status { return Error{Errc::conflict, "no"}; });
    CHECK(status.wait(io.waitScope).error() == Error{Errc::conflict, "no"});
  }
  SECTION("passes exceptions on") {
    auto ours = offload(pool, []() -> int { throw std::runtime_error("it broke"); });
    try {
      ours.wait(io.waitScope);
      FAIL("must throw");
    } catch (const kj::Exception& exception) {
      CHECK(std::string(exception.getDescription().cStr()).find("it broke") != std::string::npos);
    }
    auto theirs = offload(pool, [] {
      kj::throwFatalException(kj::Exception(kj::Exception::Type::DISCONNECTED, __FILE__, __LINE__));
    });
    try {
      theirs.wait(io.waitScope);
      FAIL("must throw");
    } catch (const kj::Exception& exception) {
      CHECK(exception.getType() == kj::Exception::Type::DISCONNECTED);
    }
  }
  SECTION("of many pieces arrives whole") {
    std::atomic<int> sum = 0;
    auto all = kj::heapArrayBuilder<kj::Promise<void>>(1000);
    for (int i = 1; i <= 1000; ++i) {
      all.add(offload(pool, [&sum, i] { sum += i; }));
    }
    kj::joinPromises(all.finish()).wait(io.waitScope);
    CHECK(sum == 500'500);
  }
}

TEST_CASE("a dropped promise does not stop its work", "[process]") {
  std::promise<void> open_gate;
  std::atomic<bool> ran = false;
  auto pool = std::make_unique<ThreadPool>(1);
  {
    auto io = kj::setupAsyncIo();
    auto gate = std::make_shared<std::future<void>>(open_gate.get_future());
    auto promise = offload(*pool, [gate, &ran] {
      gate->wait();
      ran = true;
    });
  }  // the loop is gone before the work is done
  open_gate.set_value();
  pool.reset();
  CHECK(ran);
}

TEST_CASE("a pool runs what is queued before it ends", "[process]") {
  std::atomic<int> ran = 0;
  {
    ThreadPool pool(1);
    for (int i = 0; i < 100; ++i) CHECK(pool.post([&ran] { ++ran; }));
  }
  CHECK(ran == 100);
}

TEST_CASE("a full queue refuses work", "[process]") {
  auto io = kj::setupAsyncIo();
  std::promise<void> open_gate;
  auto gate = open_gate.get_future().share();
  ThreadPool pool(1);
  std::promise<void> started;
  CHECK(pool.post([gate, &started] {
    started.set_value();
    gate.wait();
  }));
  started.get_future().wait();
  for (std::size_t i = 0; i < ThreadPool::jobs_max; ++i) REQUIRE(pool.post([] {}));
  CHECK_FALSE(pool.post([] {}));
  auto refused = offload(pool, [] { return 1; });
  try {
    refused.wait(io.waitScope);
    FAIL("must throw");
  } catch (const kj::Exception& exception) {
    CHECK(exception.getType() == kj::Exception::Type::OVERLOADED);
  }
  open_gate.set_value();
}
