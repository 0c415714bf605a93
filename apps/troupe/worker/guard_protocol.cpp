#include "apps/troupe/worker/guard_protocol.h"

#include <cstring>

namespace troupe::worker {
namespace {

void put_number(std::string& out, std::uint32_t value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& out, const std::string& text) {
  put_number(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

void put_list(std::string& out, const std::vector<std::string>& list) {
  put_number(out, static_cast<std::uint32_t>(list.size()));
  for (const auto& text : list) put_text(out, text);
}

// Reads what the functions above wrote; `ok` turns false at the first thing that does not fit.
struct Cursor {
  std::string_view rest;
  bool ok = true;

  std::uint32_t number() {
    std::uint32_t value = 0;
    if (rest.size() < sizeof value) {
      ok = false;
      return 0;
    }
    std::memcpy(&value, rest.data(), sizeof value);
    rest.remove_prefix(sizeof value);
    return value;
  }

  std::string text() {
    const std::uint32_t size = number();
    if (size > rest.size()) {
      ok = false;
      return {};
    }
    std::string out(rest.substr(0, size));
    rest.remove_prefix(size);
    return out;
  }

  std::vector<std::string> list() {
    std::vector<std::string> out;
    for (std::uint32_t count = number(); ok && count > 0; --count) out.push_back(text());
    return out;
  }
};

}  // namespace

std::string encode_request(const GuardRequest& request) {
  std::string body;
  put_text(body, request.directory);
  put_list(body, request.argv);
  put_list(body, request.env);
  std::string out;
  put_number(out, static_cast<std::uint32_t>(body.size()));
  return out + body;
}

std::optional<GuardRequest> decode_request(std::string_view body) {
  Cursor cursor{body};
  GuardRequest request{.directory = cursor.text(), .argv = cursor.list(), .env = cursor.list()};
  if (!cursor.ok || !cursor.rest.empty() || request.argv.empty()) return std::nullopt;
  return request;
}

}  // namespace troupe::worker
