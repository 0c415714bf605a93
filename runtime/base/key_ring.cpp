#include "runtime/base/key_ring.h"

#include "runtime/base/assert.h"
#include "runtime/base/hash.h"
#include "runtime/base/random.h"
#include "runtime/base/secret_box.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>

namespace troupe {
namespace {

using Json = rapidjson::Value;

constexpr std::size_t key_bytes = 32;
constexpr std::size_t id_bytes_max = 64;
// An old box without a name is tried with each.
constexpr std::size_t keys_max = 64;

constexpr std::string_view box_mark = "key:";

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= id_bytes_max && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

struct NamedBox {
  std::string_view id;
  std::string_view rest;  // as secret_box.h made it
};

// Nothing if `box` names no key; a random nonce that looks like a name is nearly impossible.
std::optional<NamedBox> split(std::string_view box) {
  if (!box.starts_with(box_mark)) return std::nullopt;
  box.remove_prefix(box_mark.size());
  const auto end = box.substr(0, id_bytes_max + 1).find(':');
  if (end == std::string_view::npos || !is_id(box.substr(0, end))) return std::nullopt;
  return NamedBox{box.substr(0, end), box.substr(end + 1)};
}

std::optional<Secret> open_with(const Secret& key, std::string_view context, std::string_view box) {
  auto text = open_secret(key.reveal(), context, box);
  if (!text) return std::nullopt;
  return Secret::taken_from(*text);
}

Error malformed(std::string detail) {
  return {Errc::corrupt, std::move(detail)};
}

std::string_view text_of(const Json& value) {
  return {value.GetString(), value.GetStringLength()};
}

// A misspelt "current" would go unnoticed, and the wrong key would seal.
Status check_fields(const Json& object, std::initializer_list<std::string_view> known) {
  for (const auto& member : object.GetObject()) {
    const std::string_view name = text_of(member.name);
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return malformed(
        fmt::format("\"{}\" is no field here: there are \"{}\"", name, fmt::join(known, "\", \"")));
  }
  return Done{};
}

}  // namespace

// Reads one JSON text into a ring.
class KeyRingReader {
 public:
  Result<KeyRing> read(std::string_view json) {
    rapidjson::Document document;
    document.Parse(json.data(), json.size());
    if (document.HasParseError()) {
      return malformed(fmt::format("no JSON, at byte {}: {}", document.GetErrorOffset(),
                                   rapidjson::GetParseError_En(document.GetParseError())));
    }
    if (!document.IsObject()) return malformed("holds no JSON object");
    auto status = check_fields(document, {"keys", "current"});
    if (status) status = read_keys(document);
    if (status) status = read_current(document);
    if (!status) return std::move(status).error();
    return std::move(ring_);
  }

 private:
  Status read_keys(const Json& object) {
    const auto keys = object.FindMember("keys");
    if (keys == object.MemberEnd()) return malformed("\"keys\" is missing");
    if (!keys->value.IsArray()) return malformed("\"keys\" is not a list");
    if (keys->value.Empty()) return malformed("\"keys\" is empty");
    if (keys->value.Size() > keys_max) {
      return malformed(
          fmt::format("\"keys\" has {} entries: at most {}", keys->value.Size(), keys_max));
    }
    for (const Json& entry : keys->value.GetArray()) {
      auto status = read_key(entry);
      if (!status) return status;
    }
    return Done{};
  }

  Status read_key(const Json& entry) {
    if (!entry.IsObject()) return malformed("an entry of \"keys\" is no object");
    if (auto status = check_fields(entry, {"id", "key"}); !status) return status;
    const auto id = entry.FindMember("id");
    if (id == entry.MemberEnd()) return malformed("\"id\" is missing");
    if (!id->value.IsString() || !is_id(text_of(id->value))) {
      return malformed("\"id\" is not 1 to 64 letters, digits, '.', '_' and '-'");
    }
    const std::string_view name = text_of(id->value);
    if (ring_.find(name) != nullptr) return malformed(fmt::format("two keys have \"id\" {}", name));
    const auto key = entry.FindMember("key");
    if (key == entry.MemberEnd()) return malformed("\"key\" is missing");
    auto bytes = key->value.IsString() ? from_base64(text_of(key->value)) : std::nullopt;
    if (!bytes || bytes->size() != key_bytes) {
      return malformed("\"key\" is not 32 bytes in base64");
    }
    ring_.keys_.push_back({std::string(name), Secret::taken_from(*bytes)});
    return Done{};
  }

  Status read_current(const Json& object) {
    const auto current = object.FindMember("current");
    if (current == object.MemberEnd()) return Done{};
    const auto* key = current->value.IsString() ? ring_.find(text_of(current->value)) : nullptr;
    if (key == nullptr) {
      return malformed("\"current\" names none of the keys, which are " + ring_.ids());
    }
    ring_.current_ = static_cast<std::size_t>(key - ring_.keys_.data());
    return Done{};
  }

  KeyRing ring_;
};

Result<KeyRing> KeyRing::parse(std::string_view json) {
  return KeyRingReader().read(json);
}

KeyRing KeyRing::make() {
  KeyRing ring;
  std::string bytes = random_bytes(key_bytes);
  ring.keys_.push_back({new_slugid(), Secret::taken_from(bytes)});
  return ring;
}

// Laid out for people, who add keys to it. Neither ids nor base64 need escapes.
std::string KeyRing::json() const {
  std::string out = fmt::format("{{\n  \"current\": \"{}\",\n  \"keys\": [", current_id());
  for (const Key& key : keys_) {
    std::string text = to_base64url(as_bytes(key.bytes.reveal()));
    out += fmt::format("{}\n    {{\"id\": \"{}\", \"key\": \"{}\"}}",
                       &key == keys_.data() ? "" : ",", key.id, text);
    OPENSSL_cleanse(text.data(), text.size());
  }
  return out + "\n  ]\n}\n";
}

std::string KeyRing::seal(std::string_view secret, std::string_view context) const {
  const Key& key = keys_[current_];
  return fmt::format("{}{}:{}", box_mark, key.id, seal_secret(key.bytes.reveal(), context, secret));
}

Result<Secret> KeyRing::open(std::string_view box, std::string_view context) const {
  const auto named = split(box);
  const Key* key = named ? find(named->id) : nullptr;
  if (key != nullptr) {
    if (auto secret = open_with(key->bytes, context, named->rest)) return *std::move(secret);
  }
  // From before boxes named their key.
  for (const Key& any : keys_) {
    if (auto secret = open_with(any.bytes, context, box)) return *std::move(secret);
  }
  if (named && key == nullptr) {
    return Error{Errc::corrupt,
                 fmt::format("it is sealed under key {}, which is not among the keys ({}): put "
                             "that key back beside them",
                             named->id, ids())};
  }
  return Error{Errc::corrupt,
               fmt::format("it does not open under any of the keys ({}): it is damaged or from "
                           "elsewhere, or its key was removed",
                           ids())};
}

bool KeyRing::needs_reseal(std::string_view box) const {
  const auto named = split(box);
  return !named || named->id != current_id();
}

Result<std::string> KeyRing::reseal(std::string_view box, std::string_view context) const {
  const auto secret = open(box, context);
  if (!secret) return secret.error();
  return seal(secret.value().reveal(), context);
}

namespace {

// The keys themselves seal; what signs is made from them.
std::string signature_of(const Secret& key, std::string_view text, std::string_view purpose) {
  const Sha256 derived = hmac_sha256(key.reveal(), fmt::format("troupe signature 1\n{}", purpose));
  return to_hex(hmac_sha256({reinterpret_cast<const char*>(derived.data()), derived.size()}, text));
}

}  // namespace

std::string KeyRing::sign(std::string_view text, std::string_view purpose) const {
  return signature_of(keys_[current_].bytes, text, purpose);
}

bool KeyRing::verify(std::string_view signature,
                     std::string_view text,
                     std::string_view purpose) const {
  bool valid = false;
  for (const Key& key : keys_) {
    const std::string expected = signature_of(key.bytes, text, purpose);
    valid = constant_time_equal(as_bytes(expected), as_bytes(signature)) || valid;
  }
  return valid;
}

const KeyRing::Key* KeyRing::find(std::string_view id) const {
  const auto found =
      std::find_if(keys_.begin(), keys_.end(), [id](const Key& key) { return key.id == id; });
  return found == keys_.end() ? nullptr : &*found;
}

std::string KeyRing::ids() const {
  std::string text;
  for (const Key& key : keys_) text.append(text.empty() ? "" : ", ").append(key.id);
  return text;
}

}  // namespace troupe
