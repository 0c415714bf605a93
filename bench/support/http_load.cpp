#include "bench/support/http_load.h"

#include "bench/support/platform.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

namespace troupe::bench {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::size_t chunk_bytes = std::size_t{64} << 10;

kj::AutoCloseFd connect_to(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) fail(address + " is no address with a port");
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<std::uint16_t>(std::stoul(address.substr(colon + 1))));
  const std::string host = address.substr(0, colon);
  if (inet_pton(AF_INET, host.c_str(), &peer.sin_addr) != 1) fail(host + " is no IPv4 address");
  kj::AutoCloseFd out(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(out, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0) {
    fail("cannot connect to " + address);
  }
  const int on = 1;
  setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return out;
}

std::size_t content_length(std::string_view head) {
  constexpr std::string_view name = "\r\ncontent-length: ";
  const auto found = std::ranges::search(
      head, name, [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
  std::size_t length = 0;
  const auto at = static_cast<std::size_t>(found.end() - head.begin());
  const auto read = std::from_chars(head.data() + at, head.data() + head.size(), length);
  if (found.empty() || read.ec != std::errc()) fail("an answer without its length");
  return length;
}

bool is_complete(std::string_view answer) {
  const auto end = answer.find(head_end);
  if (end == std::string_view::npos) return false;
  if (!answer.starts_with("HTTP/1.1 200 ")) fail("unexpected answer: " + std::string(answer));
  const auto whole = end + head_end.size() + content_length(answer.substr(0, end));
  if (answer.size() > whole) fail("more than one answer to a request");
  return answer.size() == whole;
}

std::string_view body_of(std::string_view answer) {
  return answer.substr(answer.find(head_end) + head_end.size());
}

}  // namespace

double cpu_seconds_of_thread() {
  rusage used{};
  getrusage(RUSAGE_THREAD, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

HttpLoad::HttpLoad(const std::string& address, std::size_t connections)
    : events_(epoll_create1(EPOLL_CLOEXEC)) {
  for (std::size_t i = 0; i < connections; ++i) {
    lanes_.push_back({.socket = connect_to(address), .asked = 0, .answer = {}});
    epoll_event wanted{.events = EPOLLIN, .data = {.u64 = i}};
    epoll_ctl(events_, EPOLL_CTL_ADD, lanes_.back().socket, &wanted);
  }
}

void HttpLoad::ask(std::size_t lane_number, const std::string& request) {
  Lane& lane = lanes_[lane_number];
  lane.answer.clear();
  lane.asked = clock_.seconds();
  const auto sent = ::send(lane.socket, request.data(), request.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request.size())) fail("a request could not be sent at once");
}

// Whether the answer is complete.
bool HttpLoad::receive(Lane& lane) const {
  std::array<char, chunk_bytes> buffer;  // NOLINT: written before it is read
  const auto size = recv(lane.socket, buffer.data(), buffer.size(), 0);
  if (size <= 0) fail("the server closed a connection");
  lane.answer.append(buffer.data(), static_cast<std::size_t>(size));
  return is_complete(lane.answer);
}

HttpLoad::Answer HttpLoad::take() {
  for (;;) {
    while (!ready_.empty()) {
      const auto number = static_cast<std::size_t>(ready_.back().data.u64);
      ready_.pop_back();
      Lane& lane = lanes_[number];
      if (!receive(lane)) continue;
      return {number, body_of(lane.answer), clock_.seconds() - lane.asked};
    }
    ready_.resize(lanes_.size());
    const int count = epoll_wait(events_, ready_.data(), static_cast<int>(ready_.size()), -1);
    ready_.resize(static_cast<std::size_t>(std::max(count, 0)));
  }
}

Turn HttpLoad::run(const std::vector<std::string>& requests) {
  Turn turn;
  turn.requests = requests.size();
  turn.latencies.seconds.reserve(requests.size());
  auto next = requests.begin();
  const double cpu_before = cpu_seconds_of_thread();
  const Stopwatch clock;
  for (std::size_t i = 0; i < lanes_.size() && next != requests.end(); ++i) ask(i, *next++);
  while (turn.latencies.seconds.size() < requests.size()) {
    const Answer answer = take();
    turn.latencies.seconds.push_back(answer.seconds);
    if (next != requests.end()) ask(answer.lane, *next++);
  }
  turn.seconds = clock.seconds();
  turn.client_cpu_seconds = cpu_seconds_of_thread() - cpu_before;
  return turn;
}

std::string HttpLoad::last_body() const {
  return std::string(body_of(lanes_.front().answer));
}

}  // namespace troupe::bench
