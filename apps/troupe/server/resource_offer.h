// What a worker offers to its tasks: `cpu=8,memory=16GiB,licence=2`.
#pragma once

#include "runtime/base/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::server {

/// By name: `cpu` in thousandths of a processor, `memory` in bytes, others as a number of tokens.
struct ResourceOffer {
  /// Nothing: the worker takes every task, whatever that asks for.
  std::optional<std::map<std::string, std::uint64_t>> amounts = {};

  bool operator==(const ResourceOffer&) const = default;
};

/// `NAME=AMOUNT` with commas between: `cpu` with up to three decimals, `memory` as a size, others
/// as whole numbers. An empty text offers nothing in particular. Nothing if it is malformed or a
/// name is there twice.
std::optional<ResourceOffer> parse_resource_offer(std::string_view text);

/// Reads back as the same offer.
std::string resource_offer_text(const ResourceOffer& offer);

}  // namespace troupe::server
