// The queue over HTTP: as many connections as calls may wait, kept alive for a step.
#include "bench/support/queue_face.h"
#include "bench/support/signer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace troupe::bench {
namespace {

constexpr std::size_t tasks_a_claim_max = 32;
constexpr std::string_view api = "/api/queue/v1";

// A run, with what its worker was given to report it.
struct HeldTask {
  std::string task;
  std::uint64_t run = 0;
  hawk::Credentials credentials;
};

std::string member(const rapidjson::Value& object, const char* name) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd() || !found->value.IsString()) return {};
  return {found->value.GetString(), found->value.GetStringLength()};
}

std::vector<HeldTask> read_claims(std::string_view body) {
  rapidjson::Document answer;
  answer.Parse(body.data(), body.size());
  if (answer.HasParseError() || !answer.HasMember("tasks")) fail("claimWork: no answer");
  std::vector<HeldTask> held;
  for (const auto& claim : answer["tasks"].GetArray()) {
    const auto& given = claim["credentials"];
    held.push_back({member(claim["status"], "taskId"),
                    claim["runId"].GetUint64(),
                    {.client_id = member(given, "clientId"),
                     .access_token = Secret(member(given, "accessToken")),
                     .certificate = member(given, "certificate")}});
  }
  return held;
}

std::string definition_text(const TaskPlan& plan) {
  return fmt::format(
      R"({{"taskQueueId":"{}","taskGroupId":"{}","dependencies":[{}],"created":"{}",)"
      R"("deadline":"{}","payload":{{"command":["true"]}},"metadata":{{"name":"bench",)"
      R"("description":"One of many.","owner":"bench@example.com",)"
      R"("source":"https://example.com/bench"}}}})",
      plan.queue, plan.group,
      plan.needs.empty() ? "" : fmt::format("\"{}\"", fmt::join(plan.needs, "\",\"")),
      format_time(plan.created), format_time(plan.deadline));
}

class HttpFace final : public QueueFace {
 public:
  explicit HttpFace(const Platform& platform)
      : address_(platform.http_address()), signer_(address_) {
    const auto target = platform.credentials();
    root_ = {.client_id = target.client_id, .access_token = Secret(target.access_token)};
  }

  const char* name() const override { return "http"; }

  void create(const TaskPlan& plan, const Ids& ids, Pace pace, Meter& meter) override {
    const std::string body = definition_text(plan);
    measure(ids.size(), pace, meter, [&](std::size_t i) { return put_task(ids[i], body); });
  }

  void statuses(const Ids& ids, Pace pace, Meter& meter) override {
    if (pace.batch == 1) {
      measure(ids.size(), pace, meter, [&](std::size_t i) {
        return say("GET", fmt::format("{}/task/{}/status", api, ids[i]));
      });
      return;
    }
    const std::size_t calls = (ids.size() + pace.batch - 1) / pace.batch;
    measure(calls, {.in_flight = 1}, meter, [&](std::size_t i) {
      const auto first = ids.begin() + static_cast<std::ptrdiff_t>(i * pace.batch);
      const auto count = std::min(pace.batch, ids.size() - i * pace.batch);
      const auto end = first + static_cast<std::ptrdiff_t>(count);
      return say("POST", fmt::format("{}/tasks/status", api),
                 fmt::format(R"({{"taskIds":["{}"]}})", fmt::join(first, end, "\",\"")));
    });
  }

  void claim(const std::string& queue, std::size_t count, Pace pace, Meter& meter) override {
    if (pace.batch > 1) return claim_many(queue, count, pace.batch, meter);
    const auto ask = [&](std::size_t) { return claim_work(queue, 1); };
    measure(count, pace, meter, ask, [this](std::size_t, std::string_view body) { hold(body); });
    if (held_.size() != count) fail("claimWork: a task is missing");
  }

  void complete(Pace pace, Meter& meter) override {
    const auto runs = std::exchange(held_, {});
    measure(runs.size(), pace, meter, [&](std::size_t i) { return report(runs[i]); });
  }

  void live(const TaskPlan& plan, const Ids& ids, Pace pace, Meter& meter) override {
    if (pace.batch > 1) return live_many(plan, ids, pace.batch, meter);
    const std::string body = definition_text(plan);
    enum class Step { none, create, claim, report };
    HttpLoad load(address_, pace.in_flight);
    std::vector<Step> steps(pace.in_flight, Step::none);
    std::vector<double> begun(pace.in_flight);
    std::size_t created = 0;
    std::size_t ended = 0;
    meter.start();
    const Stopwatch clock;
    const auto begin = [&](std::size_t lane) {
      steps[lane] = Step::none;
      if (created == ids.size()) return;
      steps[lane] = Step::create;
      begun[lane] = clock.seconds();
      load.ask(lane, put_task(ids[created++], body));
    };
    for (std::size_t lane = 0; lane < pace.in_flight; ++lane) begin(lane);
    while (ended < ids.size()) {
      const auto answer = load.take();
      Step& step = steps[answer.lane];
      if (step == Step::create) {
        step = Step::claim;
        load.ask(answer.lane, claim_work(plan.queue, 1));
      } else if (step == Step::claim) {
        step = Step::report;
        hold(answer.body);
        if (held_.empty()) fail("claimWork: a task is missing");
        load.ask(answer.lane, report(held_.back()));
        held_.pop_back();
      } else {
        meter.latencies.seconds.push_back(clock.seconds() - begun[answer.lane]);
        ended += 1;
        begin(answer.lane);
      }
    }
    meter.stop();
  }

  void edges(const std::string& queue,
             const std::map<std::string, std::string>& dependents,
             Pace pace,
             Meter& meter) override {
    const auto runs = std::exchange(held_, {});
    const std::size_t wide = std::max(pace.in_flight, pace.batch);
    // Those that wait for work, then those that report.
    HttpLoad load(address_, 2 * wide);
    std::map<std::string, double> reported;  // when, by dependent
    std::vector<std::size_t> idle;
    std::size_t next = 0;
    std::size_t open = 0;
    const Stopwatch clock;
    for (std::size_t lane = 0; lane < wide; ++lane) {
      load.ask(lane, claim_work(queue, 1));
      idle.push_back(wide + lane);
    }
    meter.start();
    while (next < runs.size() || open > 0 || idle.size() < wide) {
      // An edge begins once another is through; a batch once all of the last one are.
      const bool begins = pace.batch == 1 || (open == 0 && idle.size() == wide);
      while (begins && next < runs.size() && open < wide && !idle.empty()) {
        reported.emplace(dependents.at(runs[next].task), clock.seconds());
        load.ask(idle.back(), report(runs[next++]));
        idle.pop_back();
        open += 1;
      }
      const auto answer = load.take();
      if (answer.lane >= wide) {
        idle.push_back(answer.lane);
        continue;
      }
      for (const auto& claim : read_claims(answer.body)) {
        const auto found = reported.find(claim.task);
        if (found == reported.end()) fail("a claim that nobody waits for");
        meter.latencies.seconds.push_back(clock.seconds() - found->second);
        open -= 1;
      }
      load.ask(answer.lane, claim_work(queue, 1));
    }
    meter.stop();
  }

 private:
  using Ask = std::function<std::string(std::size_t)>;
  using Take = std::function<void(std::size_t, std::string_view)>;

  // Times `count` calls; batches of them are timed as a whole.
  void measure(std::size_t count, Pace pace, Meter& meter, const Ask& ask, const Take& take = {}) {
    const std::size_t wide = std::max(pace.in_flight, pace.batch);
    HttpLoad load(address_, wide);
    meter.start();
    if (pace.batch == 1) {
      exchange(load, wide, 0, count, ask, take, &meter.latencies);
    } else {
      for (std::size_t first = 0; first < count; first += pace.batch) {
        const Stopwatch clock;
        exchange(load, wide, first, std::min(count, first + pace.batch), ask, take, nullptr);
        meter.latencies.seconds.push_back(clock.seconds());
      }
    }
    meter.stop();
  }

  // Says what `ask` makes for each number below `end`, on so many connections.
  static void exchange(HttpLoad& load,
                       std::size_t wide,
                       std::size_t next,
                       std::size_t end,
                       const Ask& ask,
                       const Take& take,
                       Latencies* latencies) {
    std::size_t open = 0;
    for (std::size_t lane = 0; lane < wide && next < end; ++lane, ++open)
      load.ask(lane, ask(next++));
    while (open > 0) {
      const auto answer = load.take();
      if (take) take(answer.lane, answer.body);
      if (latencies != nullptr) latencies->seconds.push_back(answer.seconds);
      open -= 1;
      if (next == end) continue;
      load.ask(answer.lane, ask(next++));
      open += 1;
    }
  }

  // As few claimWork side by side as that takes; who gets less than it asked for asks again.
  void claim_some(HttpLoad& load, const std::string& queue, std::size_t count) {
    const std::size_t goal = held_.size() + count;
    while (held_.size() < goal) {
      const std::size_t missing = goal - held_.size();
      const std::size_t calls = (missing + tasks_a_claim_max - 1) / tasks_a_claim_max;
      exchange(
          load, calls, 0, calls,
          [&](std::size_t i) {
            return claim_work(queue, std::min(tasks_a_claim_max, missing - i * tasks_a_claim_max));
          },
          [this](std::size_t, std::string_view body) { hold(body); }, nullptr);
    }
  }

  void claim_many(const std::string& queue, std::size_t count, std::size_t batch, Meter& meter) {
    HttpLoad load(address_, batch);
    meter.start();
    for (std::size_t done = 0; done < count; done += batch) {
      const Stopwatch clock;
      claim_some(load, queue, std::min(batch, count - done));
      meter.latencies.seconds.push_back(clock.seconds());
    }
    meter.stop();
  }

  void live_many(const TaskPlan& plan, const Ids& ids, std::size_t batch, Meter& meter) {
    const std::string body = definition_text(plan);
    HttpLoad load(address_, batch);
    meter.start();
    for (std::size_t first = 0; first < ids.size(); first += batch) {
      const std::size_t end = std::min(ids.size(), first + batch);
      const Stopwatch clock;
      exchange(
          load, batch, first, end, [&](std::size_t i) { return put_task(ids[i], body); }, {},
          nullptr);
      claim_some(load, plan.queue, end - first);
      const auto runs = std::exchange(held_, {});
      exchange(
          load, batch, 0, runs.size(), [&](std::size_t i) { return report(runs[i]); }, {}, nullptr);
      meter.latencies.seconds.push_back(clock.seconds());
    }
    meter.stop();
  }

  void hold(std::string_view body) {
    for (auto& run : read_claims(body)) held_.push_back(std::move(run));
  }

  std::string say(std::string_view verb, const std::string& path, const std::string& body = {}) {
    return signer_.request(root_, verb, path, body);
  }

  std::string put_task(const std::string& id, const std::string& body) {
    return say("PUT", fmt::format("{}/task/{}", api, id), body);
  }

  std::string claim_work(const std::string& queue, std::size_t tasks) {
    std::string name = queue;
    name.replace(name.find('/'), 1, "%2F");
    return say("POST", fmt::format("{}/claim-work/{}", api, name),
               fmt::format(R"({{"workerGroup":"bench","workerId":"w","tasks":{}}})", tasks));
  }

  std::string report(const HeldTask& run) {
    return signer_.request(run.credentials, "POST",
                           fmt::format("{}/task/{}/runs/{}/completed", api, run.task, run.run),
                           "{}");
  }

  const std::string address_;
  Signer signer_;
  hawk::Credentials root_;
  std::vector<HeldTask> held_;
};

}  // namespace

std::unique_ptr<QueueFace> make_http_face(const Platform& platform) {
  return std::make_unique<HttpFace>(platform);
}

}  // namespace troupe::bench
