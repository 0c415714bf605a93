// What it costs to find out who makes a request: nanoseconds of one processor's time for each
// check, and for each signing.
//
//   plain        a signed header of a client with 200 scopes
//   payload      the same with the hash of a body of 1 KiB, which is computed and compared
//   temporary    named temporary credentials with 20 scopes
//   bewit        a signed URL
//   bad_mac      as plain, with the wrong key
//
// The realm has no roles: expansion is measured elsewhere, and here it is one sorting of the 20
// scopes of the temporary credentials. `hmac` is one HMAC-SHA256 over the text of `plain`, which no
// check can do without; `temporary` takes three.
//
// Prints one JSON object a line. Repeat it with: scripts/bench hawk
#include "runtime/base/hash.h"
#include "runtime/hawk/authenticate.h"
#include "runtime/hawk/mac.h"
#include "runtime/hawk/sign.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

namespace troupe::hawk {
namespace {

constexpr Instant now{1'700'000'000'000};
constexpr int runs = 15;
constexpr int calls_per_run = 20'000;
constexpr const char* resource = "/api/queue/v1/task/KBEAceo4RwWS2NdDj-eSVQ/status";
constexpr const char* host = "troupe.example.com";

[[noreturn]] void fail(const std::string& why) {
  fmt::print(stderr, "hawk_bench: {}\n", why);
  std::exit(1);
}

std::vector<std::string> scopes(std::size_t count) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(fmt::format("queue:create-task:highest:project-{:03}/workers", i));
  }
  return all;
}

// One client that may do everything of its project, and no roles.
class BenchRealm final : public Realm {
 public:
  BenchRealm(std::string client_id, const Secret& token, std::vector<std::string> held)
      : client_id_(std::move(client_id)),
        client_(
            std::make_shared<const Client>(Client{.access_token = token,
                                                  .scopes = ScopeSet::of(held),
                                                  .with_anonymous = expand(with_anonymous(held)),
                                                  .expires = now + std::chrono::days(1)})) {}

  std::shared_ptr<const Client> find(std::string_view client_id) const override {
    return client_id == client_id_ ? client_ : nullptr;
  }
  HeldScopes expand(std::vector<std::string> given) const override {
    return {.set = ScopeSet::of(given)};
  }

 private:
  const std::string client_id_;
  const std::shared_ptr<const Client> client_;
};

// Calls `work` often, and prints how much time of the processor one call took in the runs.
template <class Work>
void measure(const char* name, Work work) {
  std::vector<double> ns;
  for (int run = 0; run < runs; ++run) {
    const std::clock_t start = std::clock();
    for (int i = 0; i < calls_per_run; ++i) work();
    const auto ticks = static_cast<double>(std::clock() - start);
    ns.push_back(ticks * 1e9 / CLOCKS_PER_SEC / calls_per_run);
  }
  std::sort(ns.begin(), ns.end());
  fmt::print(R"({{"benchmark":"hawk_{}","unit":"ns","min":{:.0f},"median":{:.0f},"max":{:.0f},)"
             R"("runs":{},"calls_per_run":{}}})"
             "\n",
             name, ns.front(), ns[ns.size() / 2], ns.back(), runs, calls_per_run);
  std::fflush(stdout);
}

Request request_of(const std::string& authorization) {
  return {.method = "get",
          .resource = resource,
          .host = host,
          .port = 443,
          .authorization = authorization};
}

void expect(bool condition, const char* what) {
  if (!condition) fail(what);
}

void measure_checks(const Realm& realm,
                    const Credentials& permanent,
                    const Credentials& temporary) {
  const Outgoing plain{.method = "GET", .resource = resource, .host = host, .port = 443};
  const std::string body(1024, 'b');
  Outgoing with_body = plain;
  with_body.payload = Payload{"application/json", body};

  const std::string plain_header = sign_request(permanent, plain, now, "nonce1");
  measure("check_plain", [&realm, &plain_header] {
    const auto outcome = authenticate(request_of(plain_header), realm, now);
    expect(std::holds_alternative<Success>(outcome), "plain was refused");
  });
  const std::string payload_header = sign_request(permanent, with_body, now, "nonce1");
  measure("check_payload", [&realm, &payload_header, &body] {
    const auto outcome = authenticate(request_of(payload_header), realm, now);
    const auto* success = std::get_if<Success>(&outcome);
    expect(success != nullptr, "payload was refused");
    expect(!payload_fault(success->hash, "application/json", body), "the body was refused");
  });
  const std::string temporary_header = sign_request(temporary, plain, now, "nonce1");
  measure("check_temporary", [&realm, &temporary_header] {
    const auto outcome = authenticate(request_of(temporary_header), realm, now);
    expect(std::holds_alternative<Success>(outcome), "temporary was refused");
  });
  const auto url =
      sign_url(permanent, fmt::format("https://{}{}", host, resource), now + std::chrono::hours(1));
  const std::string with_bewit = url.value().substr(url.value().find("/api"));
  measure("check_bewit", [&realm, &with_bewit] {
    const auto outcome = authenticate(
        {.method = "get", .resource = with_bewit, .host = host, .port = 443}, realm, now);
    expect(std::holds_alternative<Success>(outcome), "bewit was refused");
  });
  auto wrong = permanent;
  wrong.access_token = Secret("another token");
  const std::string wrong_header = sign_request(wrong, plain, now, "nonce1");
  measure("check_bad_mac", [&realm, &wrong_header] {
    const auto outcome = authenticate(request_of(wrong_header), realm, now);
    expect(std::holds_alternative<Failure>(outcome), "a wrong key was accepted");
  });
}

void measure_signing(const Credentials& permanent, const Credentials& temporary) {
  const Outgoing plain{.method = "GET", .resource = resource, .host = host, .port = 443};
  measure("sign_plain", [&permanent, &plain] {
    expect(!sign_request(permanent, plain, now, "nonce1").empty(), "nothing was signed");
  });
  measure("sign_temporary", [&temporary, &plain] {
    expect(!sign_request(temporary, plain, now, "nonce1").empty(), "nothing was signed");
  });
  measure("issue_temporary", [&permanent] {
    const auto made = make_temporary(
        permanent, {.client_id = "project/task", .scopes = scopes(20), .start = now, .expiry = now},
        std::string(44, 's'));
    expect(made.ok(), "no temporary credentials were issued");
  });
}

void run() {
  const Secret token("GtnoaKR1S3W8uJt1ahbYbgKwvWvW9mR2CTD9gG6gqXRw");
  const Credentials permanent{.client_id = "project/builder", .access_token = token};
  std::vector<std::string> held = scopes(199);
  held.emplace_back("auth:create-client:project/*");
  const BenchRealm realm(permanent.client_id, token, held);
  auto temporary = make_temporary(permanent,
                                  {.client_id = "project/task",
                                   .scopes = scopes(20),
                                   .start = now,
                                   .expiry = now + std::chrono::hours(1)},
                                  std::string(44, 's'));
  if (!temporary) fail(temporary.error().detail);

  const std::string text = normalized_text(Scheme::header, {.ts = "1700000000",
                                                            .nonce = "nonce1",
                                                            .method = "GET",
                                                            .resource = resource,
                                                            .host = host,
                                                            .port = 443,
                                                            .hash = {},
                                                            .ext = {},
                                                            .app = {},
                                                            .dlg = {}});
  measure("hmac", [&token, &text] {
    expect(hmac_sha256(token.reveal(), text) != Sha256{}, "the MAC is zero");
  });
  measure_checks(realm, permanent, temporary.value());
  measure_signing(permanent, temporary.value());
}

}  // namespace
}  // namespace troupe::hawk

int main() {
  troupe::hawk::run();
  return 0;
}
