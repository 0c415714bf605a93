// A queue's rows, their keys, and what messages carry of resources.
#pragma once

#include "actors/task_queue/entry.h"
#include "actors/task_queue/state.h"
#include "runtime/store/key.h"
#include "schema/api/queue_types.capnp.h"
#include "schema/rpc/worker.capnp.h"
#include "schema/store/rows.capnp.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::task_queue {

Bytes encode_row(const QueueState& state);
/// Reads the queue's own row alone.
void decode_row(WordSpan row, QueueState& state);
/// What the rows of a queue say: all but who waits.
void read_state(const Rows& rows, QueueState& state);

/// What has no amount is left out: nobody needs it.
Amounts read_amounts(capnp::List<schema::Resource>::Reader list);
void fill_amounts(const Amounts& amounts, capnp::List<schema::Resource>::Builder list);

EntryKey make_entry_key(schema::Priority priority, std::uint64_t number);

// -- queue_entries; queue_lanes and queue_held behind a prefix

std::string entry_key(const EntryKey& key);
std::string lane_prefix(const std::string& lane);
/// Of all that have this concurrency key; of its entries with these demands.
std::string held_prefix(const std::string& concurrency_key);
std::string held_prefix(const std::string& concurrency_key, const Amounts& demands);
/// After all entries' keys with this prefix, and before all others.
std::string behind_group(const std::string& prefix);

/// `key` is what follows the prefix.
EntryKey decode_entry_key(std::string_view key);
Entry decode_entry(std::string_view key, WordSpan row);
Bytes encode_entry(const Entry& entry);
Amounts decode_demands(WordSpan entry_row);

// -- queue_admitted

/// Of an entry that waits and is limited, or asks for resources: how to find it by its number.
struct Waiting {
  EntryKey key;
  std::string concurrency_key;
  Amounts demands;
};
/// Of a claimed run that is limited, or uses up what its worker has.
struct Claimed {
  std::string concurrency_key;
  std::uint64_t worker = 0;  // its `worker_mark`
  Amounts demands;
};
std::string waiting_key(std::uint64_t number);
std::string claimed_key(std::uint64_t number);
std::string waiting_prefix();
std::string claimed_prefix();
Bytes encode_waiting(const Entry& entry);
Bytes encode_claimed(const Entry& entry, std::uint64_t worker);
Waiting decode_waiting(std::uint64_t number, WordSpan row);
Claimed decode_claimed(WordSpan row);

/// The entry that waits under a number, if it is limited or asks for resources.
std::optional<Waiting> find_waiting(const Rows& rows, std::uint64_t number);
/// That entry, unless it is held back.
std::optional<Entry> find_open(const Rows& rows, const Waiting& waiting);
/// Any entry; `key` is where it is if it is neither limited nor asks for resources.
std::optional<Entry> find_stored_entry(const Rows& rows, const EntryKey& key);

/// Limited entries that are open, behind a prefix as that of queue_held; their rows say nothing.
std::string open_prefix(const std::string& concurrency_key, const Amounts& demands);
Bytes encode_open();

// -- queue_concurrency

struct Concurrency {
  std::uint32_t limit = 0;    // 0: nothing of the key is here
  std::uint64_t claimed = 0;  // runs
  std::uint64_t waiting = 0;  // entries
  Instant newest = {};        // when the task was created whose limit it is

  bool is_reached() const { return claimed >= limit; }
};
std::string concurrency_row_key(const std::string& concurrency_key);
Bytes encode_concurrency(const Concurrency& concurrency);
Concurrency decode_concurrency(WordSpan row);

// -- queue_quarantines and queue_requests

std::string quarantine_key(const std::string& worker);
std::string request_key(std::uint64_t number);
/// `worker`: whose it is, `group/id`.
Bytes encode_request(const WorkRequest& request, const std::string& worker);
/// That worker; one that nobody is if an earlier program wrote the row.
std::string decode_claimant(WordSpan request_row);
std::vector<ClaimedRun> decode_claims(WordSpan request_row);
void fill_claims(const std::vector<ClaimedRun>& claims,
                 capnp::List<schema::HeldClaim>::Builder list);

}  // namespace troupe::task_queue
