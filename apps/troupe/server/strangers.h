// Peers that are connected and have not proven who they are: a few at a time, so that they keep
// nobody out.
#pragma once

#include <kj/async.h>

#include <cstddef>
#include <list>
#include <map>
#include <string>

namespace troupe::server {

/// Beyond the limit a newcomer takes the place of another: the oldest of the address that has the
/// most. Whoever proves at once who it is, which takes two round trips, is gone from here by then.
///
/// Thread: one KJ event loop. Cost: little a newcomer, however many there are of one address.
class Strangers {
 public:
  explicit Strangers(std::size_t limit) : limit_(limit) {}

  /// One connection, counted while it lives and until it is trusted.
  class Stranger {
   public:
    Stranger(Strangers& all, const std::string& address);
    ~Stranger() { forget(); }
    Stranger(const Stranger&) = delete;
    Stranger& operator=(const Stranger&) = delete;

    /// It has proven who it is: it does not count any more.
    void trust() { forget(); }

    /// Resolves when it has to leave for another. Call it once.
    kj::Promise<void> has_to_leave() { return kj::mv(has_to_leave_); }

   private:
    friend class Strangers;
    void forget();

    using Group = std::map<std::string, std::list<Stranger*>>::iterator;

    Strangers& all_;
    bool present_ = true;
    Group group_;                           // these two only while it is present
    std::list<Stranger*>::iterator place_;  // in the group
    kj::Promise<void> has_to_leave_;
    kj::Own<kj::PromiseFulfiller<void>> leave_;
  };

  /// Lets one in, and sends another away if there is no room. *this outlives what is returned.
  kj::Own<Stranger> admit(const std::string& address);

  /// Makes room for a newcomer; false if nobody is here who could leave.
  bool send_one_away();

  /// How many are here.
  std::size_t count() const { return count_; }

  /// How many had to leave so far.
  std::size_t sent_away() const { return sent_away_; }

 private:
  const std::size_t limit_;
  std::map<std::string, std::list<Stranger*>> present_;  // by address, oldest first; none is empty
  std::size_t count_ = 0;                                // of all that are present
  std::size_t sent_away_ = 0;
};

}  // namespace troupe::server
