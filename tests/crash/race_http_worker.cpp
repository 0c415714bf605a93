#include "runtime/base/random.h"
#include "runtime/clock/clock.h"
#include "runtime/hawk/sign.h"
#include "tests/crash/race_worker.h"

#include <kj/compat/http.h>
#include <rapidjson/document.h>

#include <cstdlib>
#include <utility>
#include <vector>

namespace troupe::load {
namespace {

struct Answer {
  unsigned status = 0;
  std::string body;
};

struct Run {
  std::string task;
  unsigned number = 0;
  hawk::Credentials credentials;
};

std::string member(const rapidjson::Value& object, const char* name) {
  return {object[name].GetString(), object[name].GetStringLength()};
}

std::vector<Run> read_claims(const std::string& body) {
  rapidjson::Document answer;
  answer.Parse(body.data(), body.size());
  std::vector<Run> runs;
  for (const auto& claim : answer["tasks"].GetArray()) {
    const auto& given = claim["credentials"];
    runs.push_back({member(claim["status"], "taskId"),
                    claim["runId"].GetUint(),
                    {.client_id = member(given, "clientId"),
                     .access_token = Secret(member(given, "accessToken")),
                     .certificate = member(given, "certificate")}});
  }
  return runs;
}

/// One life.
class HttpWorker {
 public:
  HttpWorker(const Race& race, Habits habits)
      : race_(race), habits_(std::move(habits)), table_(kj::HttpHeaderTable::Builder().build()) {
    root_ = {.client_id = race_.target.client_id,
             .access_token = Secret(race_.target.access_token)};
    address_ = race_.target.root_url.substr(race_.target.root_url.find("//") + 2);
  }

  /// Until its death.
  kj::Promise<void> live() {
    if (habits_.dies_after == 0) return connect().then([this] { return work(); });
    return connect().then([this] { return hang_up(); }).then([this] { return work(); });
  }

 private:
  kj::Promise<void> connect() {
    client_ = nullptr;
    stream_ = nullptr;
    auto address = race_.io.provider->getNetwork().parseAddress(address_.c_str());
    return address
        .then([](kj::Own<kj::NetworkAddress> found) {
          auto connected = found->connect();
          return connected.attach(kj::mv(found));
        })
        .then([this](kj::Own<kj::AsyncIoStream> stream) {
          stream_ = kj::mv(stream);
          client_ = kj::newHttpClient(*table_, *stream_);
        });
  }

  // Asks for tasks, does not wait for the answer, and comes back on another connection.
  kj::Promise<void> hang_up() {
    auto request = start(claim_path(), root_, claim_body().size());
    auto text = kj::heap<std::string>(claim_body());
    auto sent = request.body->write(text->data(), text->size());
    // What belongs to the connection goes before it does.
    return sent.attach(kj::mv(request.response), kj::mv(request.body), kj::mv(text))
        .then([] {})
        .then([this] { return connect(); });
  }

  kj::Promise<void> work() {
    const auto asked = race_.log.now();
    return post(claim_path(), claim_body(), root_).then([this, asked](const Answer& answer) {
      if (answer.status != 200) give_up("claimWork", answer);
      auto runs = read_claims(answer.body);
      const auto got = race_.log.now();
      for (const auto& run : runs) {
        race_.log.line("claimed {} {} {} {} {}", run.task, run.number, habits_.name, asked, got);
      }
      claims_ += runs.size();
      if (habits_.dies_after > 0 && claims_ >= habits_.dies_after) {
        race_.log.line("died {}", habits_.name);
        return kj::Promise<void>(kj::READY_NOW);
      }
      return race_.io.provider->getTimer()
          .afterDelay(habits_.pause)
          .then([this, runs = std::move(runs)]() mutable { return report(std::move(runs)); })
          .then([this] { return work(); });
    });
  }

  kj::Promise<void> report(std::vector<Run> runs) {
    if (runs.empty()) return kj::READY_NOW;
    const Run run = std::move(runs.back());
    runs.pop_back();
    race_.log.line("reporting {} {} {}", run.task, run.number, habits_.name);
    const auto path = fmt::format("/api/queue/v1/task/{}/runs/{}/completed", run.task, run.number);
    return post(path, "{}", run.credentials)
        .then([this, run, runs = std::move(runs)](Answer answer) mutable {
          if (answer.status == 200) {
            race_.log.line("reported {} {}", run.task, run.number);
          } else if (answer.status == 409 || answer.status == 401) {
            // Ended meanwhile, as its credentials have.
            race_.log.line("refused {} {} {}", run.task, run.number, answer.status);
          } else {
            give_up("reportCompleted", answer);
          }
          return report(std::move(runs));
        });
  }

  std::string claim_path() const {
    std::string name = race_.queue;
    name.replace(name.find('/'), 1, "%2F");
    return "/api/queue/v1/claim-work/" + name;
  }

  std::string claim_body() const {
    return fmt::format(R"({{"workerGroup":"race","workerId":"{}","tasks":{}}})", habits_.name,
                       habits_.tasks);
  }

  kj::HttpClient::Request start(const std::string& path,
                                const hawk::Credentials& credentials,
                                std::size_t bytes) {
    const auto colon = address_.rfind(':');
    const std::string host = address_.substr(0, colon);
    const auto port = static_cast<std::uint16_t>(std::stoul(address_.substr(colon + 1)));
    const auto signature = hawk::sign_request(
        credentials, {.method = "post", .resource = path, .host = host, .port = port}, wall_now(),
        new_slugid());
    kj::HttpHeaders headers(*table_);
    headers.set(kj::HttpHeaderId::HOST, kj::heapString(address_.c_str()));
    headers.set(kj::HttpHeaderId::CONTENT_TYPE, "application/json");
    headers.add("Authorization", kj::heapString(signature.c_str()));
    return client_->request(kj::HttpMethod::POST, path.c_str(), headers, std::uint64_t{bytes});
  }

  kj::Promise<Answer> post(const std::string& path,
                           const std::string& body,
                           const hawk::Credentials& credentials) {
    auto request = start(path, credentials, body.size());
    auto text = kj::heap<std::string>(body);
    auto& stream = *request.body;
    auto sent = stream.write(text->data(), text->size()).attach(kj::mv(request.body), kj::mv(text));
    return sent.then([answer = kj::mv(request.response)]() mutable { return kj::mv(answer); })
        .then([](kj::HttpClient::Response response) {
          auto read = response.body->readAllText();
          return read.attach(kj::mv(response.body))
              .then([status = response.statusCode](kj::String got) {
                return Answer{status, {got.begin(), got.size()}};
              });
        });
  }

  [[noreturn]] void give_up(const char* what, const Answer& answer) const {
    fmt::print(stderr, "{}: {}: {} {}\n", habits_.name, what, answer.status, answer.body);
    std::abort();
  }

  const Race& race_;
  const Habits habits_;
  const kj::Own<kj::HttpHeaderTable> table_;
  hawk::Credentials root_;
  std::string address_;
  kj::Own<kj::AsyncIoStream> stream_;
  kj::Own<kj::HttpClient> client_;
  std::size_t claims_ = 0;
};

kj::Promise<void> live_on(const Race& race, Habits habits, std::size_t life) {
  auto own = habits;
  if (life > 0) own.name += "-" + std::to_string(life);
  auto worker = kj::heap<HttpWorker>(race, std::move(own));
  auto& living = *worker;
  return living.live()
      .attach(kj::mv(worker))
      .then([&race, habits = std::move(habits), life]() mutable {
        return live_on(race, std::move(habits), life + 1);
      });
}

}  // namespace

kj::Promise<void> race_over_http(const Race& race, Habits habits) {
  return live_on(race, std::move(habits), 0);
}

}  // namespace troupe::load
