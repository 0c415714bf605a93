#include "bench/support/platform.h"

#include "runtime/clock/clock.h"
#include "runtime/clock/stopwatch.h"
#include "runtime/store/message.h"

#include <fmt/format.h>
#include <kj/compat/http.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

extern char** environ;

namespace troupe::bench {
namespace {

constexpr Duration day{24 * 60 * 60 * 1000};

std::string program() {
  const char* other = std::getenv("TROUPE_BINARY");  // NOLINT: no other thread yet
  return other != nullptr ? other : TROUPE_BUILT_BINARY;
}

// The line that the server prints when it serves; empty if it has ended.
std::string read_line(int fd) {
  std::string line;
  char c = 0;
  while (read(fd, &c, 1) == 1 && c != '\n') line.push_back(c);
  return line;
}

std::string word_after(const std::string& line, const std::string& name) {
  const auto begin = line.find(name);
  if (begin == std::string::npos) fail("the server did not start: " + line);
  return line.substr(begin + name.size(), line.find(' ', begin) - begin - name.size());
}

// The answer's body; fails if its status is not 200.
std::string http_get(kj::AsyncIoContext& io, const std::string& address, const std::string& path) {
  kj::HttpHeaderTable::Builder builder;
  const auto table = builder.build();
  auto& network = io.provider->getNetwork();
  auto stream = network.parseAddress(address.c_str()).wait(io.waitScope)->connect();
  auto connected = stream.wait(io.waitScope);
  auto client = kj::newHttpClient(*table, *connected);
  kj::HttpHeaders headers(*table);
  headers.set(kj::HttpHeaderId::HOST, kj::heapString(address.c_str()));
  auto request = client->request(kj::HttpMethod::GET, path.c_str(), headers);
  auto response = request.response.wait(io.waitScope);
  if (response.statusCode != 200) fail(path + ": " + response.statusText.cStr());
  const auto body = response.body->readAllText().wait(io.waitScope);
  return {body.begin(), body.size()};
}

}  // namespace

void fail(const std::string& why) {
  throw std::runtime_error(why);
}

int run_main(void (*benchmark)()) noexcept {
  const auto failed = kj::runCatchingExceptions([benchmark] { benchmark(); });
  KJ_IF_MAYBE (failure, failed) {
    fmt::print(stderr, "bench: {}\n", failure->getDescription().cStr());
    return 1;
  }
  return 0;
}

std::size_t number_from_environment(const char* name, std::size_t usual) {
  const char* value = std::getenv(name);  // NOLINT: no other thread yet
  return value != nullptr ? std::strtoull(value, nullptr, 10) : usual;
}

Started start_program(const std::vector<std::string>& arguments, int stdin_fd) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) fail("cannot make a pipe");
  ChildOptions options;
  // So that it ends with this process, however that ends.
  options.arguments = {"setpriv", "--pdeathsig", "TERM", "--"};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  for (char** variable = environ; *variable != nullptr; ++variable) {
    options.environment.emplace_back(*variable);
  }
  options.stdin_fd = stdin_fd;
  options.stdout_fd = ends[1];
  const auto process = spawn(options);
  close(ends[1]);
  if (!process.ok()) fail(process.error().detail);
  Started started{process.value(), read_line(ends[0])};
  close(ends[0]);
  return started;
}

double cpu_seconds_of(pid_t pid) {
  double sum = 0;
  const std::filesystem::path threads = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& thread : std::filesystem::directory_iterator(threads)) {
    double nanoseconds = 0;
    std::ifstream(thread.path() / "schedstat") >> nanoseconds;
    sum += nanoseconds * 1e-9;
  }
  return sum;
}

Folder::Folder(const std::string& name)
    : path_((std::filesystem::current_path() / (name + "-XXXXXX")).string()) {
  if (mkdtemp(path_.data()) == nullptr) fail("cannot create a folder here");
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Platform::Platform(kj::AsyncIoContext& io, std::string data_dir)
    : io_(io), data_dir_(std::move(data_dir)) {
  const Stopwatch stopwatch;
  const auto started = start_program({program(), "up", "--data", data_dir_, "--workers", "0",
                                      "--http", "127.0.0.1:0", "--rpc", "127.0.0.1:0"});
  process_ = started.process;
  http_ = word_after(started.line, "rootUrl=http://");
  http_get(io_, http_, "/readyz");
  ready_seconds_ = stopwatch.seconds();
}

Platform::~Platform() {
  kill(process_.pid, SIGTERM);
  waitpid(process_.pid, nullptr, 0);
}

Memory Platform::memory() const {
  std::ifstream status("/proc/" + std::to_string(process_.pid) + "/status");
  Memory memory;
  for (std::string line; std::getline(status, line);) {
    const auto mebibytes = [&line] { return std::stod(line.substr(line.find(':') + 1)) / 1024; };
    if (line.starts_with("RssAnon:")) memory.anonymous = mebibytes();
    if (line.starts_with("RssFile:")) memory.file = mebibytes();
  }
  return memory;
}

double Platform::metric(const std::string& name) {
  const std::string text = "\n" + http_get(io_, http_, "/metrics");
  double sum = 0;
  for (auto line = text.find("\n" + name); line != std::string::npos;
       line = text.find("\n" + name, line + 1)) {
    const char next = text[line + 1 + name.size()];
    if (next != ' ' && next != '{') continue;  // of a longer name
    const auto end = text.find('\n', line + 1);
    sum += std::stod(text.substr(text.rfind(' ', end) + 1));
  }
  return sum;
}

client::Target Platform::credentials() const {
  auto target = client::read_credentials(data_dir_ + "/credentials.json");
  if (!target.ok()) fail(target.error().detail);
  return std::move(target).value();
}

std::unique_ptr<client::Connection> Platform::connect() {
  // The loop's clock stands while nobody waits on it, and a timeout from then on may be over.
  io_.waitScope.poll();
  return client::connect(*io_.provider, credentials()).wait(io_.waitScope);
}

void fill_definition(const TaskPlan& plan, schema::TaskDefinition::Builder d) {
  d.setTaskQueueId(text(plan.queue));
  d.setTaskGroupId(text(plan.group));
  auto needs = d.initDependencies(static_cast<unsigned>(plan.needs.size()));
  for (unsigned i = 0; i < needs.size(); ++i) needs.set(i, text(plan.needs[i]));
  d.setCreated(plan.created.ms);
  d.setDeadline(plan.deadline.ms);
  d.setPayload(R"({"command":["true"]})");
  auto about = d.initMetadata();
  about.setName("bench");
  about.setDescription("One of many.");
  about.setOwner("bench@example.com");
  about.setSource("https://example.com/bench");
}

TaskPlan plan_for(std::string queue, std::string group) {
  const Instant now = wall_now();
  return {std::move(queue), std::move(group), {}, now, now + day};
}

kj::Promise<void> create_task(schema::Queue::Client queue,
                              const std::string& id,
                              const TaskPlan& plan) {
  auto request = queue.createTaskRequest();
  request.setTaskId(text(id));
  fill_definition(plan, request.initTask());
  return request.send().ignoreResult();
}

kj::Promise<schema::Claim::Client> claim_task(client::Connection& connection,
                                              const std::string& id,
                                              const std::string& worker) {
  auto request = connection.workers().claimTaskRequest();
  request.setTaskId(text(id));
  request.setWorkerGroup("bench");
  request.setWorkerId(text(worker));
  return request.send().then([](auto answer) { return answer.getOffer().getClaim(); });
}

kj::Promise<std::size_t> count_pending(schema::Troupe::Client troupe, std::string queue) {
  return troupe.listQueuesRequest().send().then([queue = std::move(queue)](auto answer) {
    for (const auto found : answer.getQueues()) {
      if (str(found.getTaskQueueId()) == queue) return std::size_t{found.getPending()};
    }
    return std::size_t{0};
  });
}

namespace {

struct Walk {
  std::size_t next = 0;
  std::size_t count = 0;
  std::function<kj::Promise<void>(std::size_t)> step;
};

kj::Promise<void> walk_on(const std::shared_ptr<Walk>& walk) {
  if (walk->next == walk->count) return kj::READY_NOW;
  const auto i = walk->next++;
  return walk->step(i).then([walk] { return walk_on(walk); });
}

}  // namespace

kj::Promise<void> each(std::size_t count,
                       std::size_t at_a_time,
                       const std::function<kj::Promise<void>(std::size_t)>& step) {
  auto walk = std::make_shared<Walk>(Walk{0, count, step});
  kj::Vector<kj::Promise<void>> lanes;
  for (std::size_t lane = 0; lane < at_a_time; ++lane) lanes.add(walk_on(walk));
  return kj::joinPromises(lanes.releaseAsArray());
}

}  // namespace troupe::bench
