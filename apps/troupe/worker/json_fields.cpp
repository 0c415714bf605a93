#include "apps/troupe/worker/json_fields.h"

#include <fmt/format.h>

namespace troupe::worker {

void JsonErrors::add(const std::string& path, std::string_view what) {
  if (lines_.size() == errors_max) {
    ++dropped_;
    return;
  }
  lines_.push_back(path + ": " + std::string(what));
}

std::string JsonErrors::text() const {
  std::string out;
  for (const auto& line : lines_) out += (out.empty() ? "" : "\n") + line;
  if (dropped_ > 0) out += fmt::format("\n... and {} more", dropped_);
  return out;
}

JsonFields::JsonFields(const rapidjson::Value& value, std::string path, JsonErrors& errors)
    : path_(std::move(path)), errors_(errors) {
  if (value.IsObject()) {
    object_ = &value;
  } else {
    errors_.add(path_, "must be an object");
  }
}

const rapidjson::Value* JsonFields::take(const char* name) {
  known_.insert(name);
  if (object_ == nullptr) return nullptr;
  const auto found = object_->FindMember(name);
  return found == object_->MemberEnd() ? nullptr : &found->value;
}

const rapidjson::Value* JsonFields::require(const char* name) {
  const auto* value = take(name);
  if (value == nullptr && object_ != nullptr) errors_.add(path_of(name), "is required");
  return value;
}

std::optional<std::string> JsonFields::text(const char* name) {
  const auto* value = take(name);
  if (value == nullptr) return std::nullopt;
  return json_text(*value, path_of(name), errors_);
}

std::optional<std::string> JsonFields::required_text(const char* name) {
  const auto* value = require(name);
  if (value == nullptr) return std::nullopt;
  auto text = json_text(*value, path_of(name), errors_);
  if (text && text->empty()) {
    errors_.add(path_of(name), "must not be empty");
    return std::nullopt;
  }
  return text;
}

bool JsonFields::flag(const char* name, bool otherwise) {
  const auto* value = take(name);
  if (value == nullptr) return otherwise;
  if (value->IsBool()) return value->GetBool();
  errors_.add(path_of(name), "must be true or false");
  return otherwise;
}

void JsonFields::finish() {
  if (object_ == nullptr) return;
  std::set<std::string, std::less<>> seen;
  for (const auto& member : object_->GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    if (!seen.insert(name).second) errors_.add(path_ + "." + name, "is written twice");
    if (known_.contains(name)) continue;
    std::string known;
    for (const auto& k : known_) known += (known.empty() ? "" : ", ") + k;
    errors_.add(path_ + "." + name, "is not known to this worker; known here: " + known);
  }
}

std::optional<std::string> json_text(const rapidjson::Value& value,
                                     const std::string& path,
                                     JsonErrors& errors) {
  if (!value.IsString()) {
    errors.add(path, "must be a string");
    return std::nullopt;
  }
  std::string text(value.GetString(), value.GetStringLength());
  if (text.find('\0') != std::string::npos) {
    errors.add(path, "must not contain a NUL character");
    return std::nullopt;
  }
  return text;
}

std::optional<std::int64_t> json_integer(const rapidjson::Value& value,
                                         IntegerRange range,
                                         const std::string& path,
                                         JsonErrors& errors) {
  if (value.IsInt64() && value.GetInt64() >= range.min && value.GetInt64() <= range.max) {
    return value.GetInt64();
  }
  errors.add(path, fmt::format("must be an integer from {} to {}", range.min, range.max));
  return std::nullopt;
}

}  // namespace troupe::worker
