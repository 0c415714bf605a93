// Which of a loop's connections gives way where there is no room for a newcomer: one whose peer is
// to send something, and has been for long.
#pragma once

#include <kj/async.h>
#include <kj/time.h>
#include <kj/timer.h>

#include <cstddef>
#include <cstdint>
#include <list>

namespace troupe::http {

/// The connections of one event loop that wait for their peers. First goes the one that has been
/// here longest without ever having sent a request, then the one with the longest pause between two
/// requests, then the one whose body has not gone on for longest. A connection whose request is
/// here stays.
///
/// Thread: that of the loop. Cost: little a request, however many there are.
class Waiting {
 public:
  /// Whoever has been here for less has not been silent yet: others go first. So those that send
  /// something now and then cannot fill the room and leave newcomers none.
  static constexpr kj::Duration newcomer_time = 1 * kj::SECONDS;

  explicit Waiting(const kj::Timer& timer) : timer_(timer) {}

  /// What a peer is to send.
  enum class Sends : std::uint8_t { first_request, next_request, body };

  /// One connection, while it lives. A new one waits for its first request.
  class Place {
   public:
    explicit Place(Waiting& all);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    /// The peer is to send something. A wait for a request goes on if it has begun already; one for
    /// a body begins anew, as a part of it has come.
    void wait(Sends what);

    /// Something is here that is ours to deal with.
    void stop_waiting();

    /// Resolves when it has to give way, which is soon over. Call it once.
    kj::Promise<void> has_to_leave() { return kj::mv(has_to_leave_); }

   private:
    friend class Waiting;

    Waiting& all_;
    const kj::TimePoint begun_;
    std::list<Place*> self_;              // one node, while it waits for nothing
    std::list<Place*>* among_ = nullptr;  // where that node is otherwise
    std::list<Place*>::iterator place_;   // of the node, wherever it is
    kj::Promise<void> has_to_leave_;
    kj::Own<kj::PromiseFulfiller<void>> leave_;  // null: it gives way
  };

  /// Has one give way; false if none waits.
  bool end_one();

 private:
  std::list<Place*>& list_of(Sends what);

  const kj::Timer& timer_;
  // Those that have waited longest first.
  std::list<Place*> silent_;
  std::list<Place*> idle_;
  std::list<Place*> stalled_;
};

}  // namespace troupe::http
