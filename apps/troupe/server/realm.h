// What authentication needs to know of clients and roles, kept ready for the edges. Every look-up
// compares with what is on disk, so a change counts from the moment at which it is.
#pragma once

#include "apps/troupe/server/shared_expander.h"
#include "runtime/actor/host.h"
#include "runtime/base/generations.h"
#include "runtime/hawk/realm.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::server {

/// Both are called on any thread, by several at once.
struct RealmHooks {
  /// The access token that a client's row holds sealed; nothing if no key opens it.
  std::function<std::optional<Secret>(const std::string& client_id, const std::string& sealed)>
      open;
  /// A client was looked up that was last used at `before`, as far as is known. Returns whether
  /// that is long ago and has been passed on: then it is not told again until `before` has changed.
  std::function<bool(const std::string& client_id, Instant before)> used;
};

/// Thread: any. Cost of a look-up that is remembered: some reads in place, about 2 µs. Whoever
/// needs roles that have changed waits until they are read, once for all; otherwise nobody waits
/// for what another has to work out.
class Realm final : public hawk::Realm {
 public:
  /// Borrows `host`.
  Realm(Host& host, RealmHooks hooks);

  std::shared_ptr<const hawk::Client> find(std::string_view client_id) const override;
  hawk::HeldScopes expand(std::vector<std::string> scopes) const override;

  /// The scopes with all that roles add, and no others. Throws `too_large` if that is beyond
  /// bounds.
  ScopeSet expansion(const std::vector<std::string>& scopes) const;

  /// Some roles that have a scope which satisfies `scope`, for error messages.
  std::vector<std::string> roles_granting(std::string_view scope) const;

 private:
  struct Entry {
    std::uint64_t version = 0;        // of the client's row
    std::uint64_t roles_version = 0;  // that its scopes were expanded with
    std::shared_ptr<const hawk::Client> client = nullptr;
    Instant passed_on = Instant{-1};  // the `lastDateUsed` that was passed on to be renewed
  };

  SharedExpander& refreshed(const Snapshot& snapshot) const;
  std::shared_ptr<const hawk::Client> build(const Snapshot& snapshot, std::string_view id) const;
  Entry remembered(const std::string& id) const;
  void remember(const std::string& id, const Entry& entry) const;

  Host& host_;
  const RealmHooks hooks_;
  mutable SharedExpander expander_;

  mutable std::mutex roles_mutex_;                       // of whoever reads roles that have changed
  mutable std::atomic<std::uint64_t> roles_version_{0};  // at least that is what `expander_` has

  mutable std::mutex clients_mutex_;  // of `clients_`; nobody works anything out under it
  mutable Generations<Entry> clients_;
};

}  // namespace troupe::server
