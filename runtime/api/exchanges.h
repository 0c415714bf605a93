// What a service publishes in the event log, as the references tell it: kinds of messages, how they
// are addressed and what is in them. Source: spec/api-framework.md, "Exchange reference".
#pragma once

#include "runtime/base/json_writer.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::api {

/// A word of a routing key.
struct RoutingWord {
  std::string name;
  std::string summary;
  std::string constant = {};  // what it always is; empty: it varies
  bool required = true;       // else `_` stands where there is nothing to say
  bool many = false;          // stands for any number of words
};

/// A kind of message.
struct Exchange {
  std::string name;  // behind the prefix: `client-created`
  std::string title;
  std::string description;
  std::vector<RoutingWord> routing_key;
  std::string schema;  // one of `ServiceExchanges::schemas`
};

/// A property of a message.
struct MessageProperty {
  std::string name;
  std::string schema;  // JSON
  bool required = true;
};

/// Writes the keywords of an object with these properties and no others.
void write_object_keywords(JsonWriter& json, const std::vector<MessageProperty>& properties);

/// The whole schema of such an object.
std::string schema_of(const std::vector<MessageProperty>& properties);

/// All of one service.
struct ServiceExchanges {
  std::string service;
  std::string title;
  std::string description;
  std::vector<Exchange> exchanges;
  std::map<std::string, std::vector<MessageProperty>> schemas;  // by name: `client-message`
};

/// The version that all services and messages have.
inline constexpr std::string_view exchange_version = "v1";

/// What names of exchanges begin with: `exchange/taskcluster-queue/v1/`.
std::string exchange_prefix(std::string_view service);

/// The word that each routing key ends with.
RoutingWord reserved_word();

}  // namespace troupe::api
