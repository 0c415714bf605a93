// A client that asks as fast as it is answered and costs little beside the server: requests on
// plain sockets that stay open, one thread.
#pragma once

#include "bench/support/probe.h"
#include "runtime/clock/stopwatch.h"

#include <kj/io.h>

#include <sys/epoll.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::bench {

/// How one turn of asking went.
struct Turn {
  std::size_t requests = 0;
  double seconds = 0;
  double client_cpu_seconds = 0;
  Latencies latencies;

  double per_second() const { return static_cast<double>(requests) / seconds; }
};

/// Processor time of this thread.
double cpu_seconds_of_thread();

/// Connections to one server, each of which waits for an answer before it asks again. Answers have
/// status 200 and a content-length: all else ends the program.
class HttpLoad {
 public:
  struct Answer {
    std::size_t lane = 0;
    std::string_view body;  // until the lane asks again
    double seconds = 0;     // since it asked
  };

  /// `address`: `127.0.0.1:port`.
  HttpLoad(const std::string& address, std::size_t connections);

  /// Sends a request on a connection that waits for no answer.
  void ask(std::size_t lane, const std::string& request);

  /// Waits for the next answer, on whichever connection.
  Answer take();

  /// Sends each request once, to whichever connection is free, and reads the answers.
  Turn run(const std::vector<std::string>& requests);

  /// Body of an answer that the last turn ended with.
  std::string last_body() const;

 private:
  struct Lane {
    kj::AutoCloseFd socket;
    double asked = 0;  // seconds since the first connection
    std::string answer;
  };

  bool receive(Lane& lane) const;

  const Stopwatch clock_;
  kj::AutoCloseFd events_;
  std::vector<Lane> lanes_;
  std::vector<epoll_event> ready_;  // not looked at yet: the last first
};

}  // namespace troupe::bench
