#include "runtime/hawk/mac.h"

#include "runtime/base/hash.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

namespace troupe::hawk {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

void put_line(std::string& out, std::string_view text) {
  out += text;
  out += '\n';
}

template <class Change>
void put_changed_line(std::string& out, std::string_view text, Change change) {
  std::transform(text.begin(), text.end(), std::back_inserter(out), change);
  out += '\n';
}

// What would look like another line is escaped. In base64, as `ext` should be, there is nothing.
void put_escaped_line(std::string& out, std::string_view text) {
  // An `ext` may be long, and to look for two single characters is much faster than for either.
  const auto npos = std::string_view::npos;
  if (text.find('\\') == npos && text.find('\n') == npos) return put_line(out, text);
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  out += '\n';
}

void put_number_line(std::string& out, std::uint16_t number) {
  std::array<char, 8> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  put_line(out, {digits.data(), static_cast<std::size_t>(end - digits.data())});
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

}  // namespace

std::optional<Instant> parse_seconds(std::string_view ts) {
  constexpr std::int64_t seconds_max = 1'000'000'000'000;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(ts.data(), ts.data() + ts.size(), seconds);
  if (error != std::errc() || end != ts.data() + ts.size()) return std::nullopt;
  if (seconds < 0 || seconds > seconds_max) return std::nullopt;
  return Instant{seconds * 1'000};
}

std::string normalized_text(Scheme scheme, const SignedParts& parts) {
  constexpr std::size_t rest = 32;  // more than the first line, the port and the line breaks
  std::string out;
  out.reserve(rest + parts.ts.size() + parts.nonce.size() + parts.method.size() +
              parts.resource.size() + parts.host.size() + parts.hash.size() + parts.ext.size() +
              parts.app.size() + parts.dlg.size());
  put_line(out, scheme == Scheme::header ? "hawk.1.header" : "hawk.1.bewit");
  put_line(out, parts.ts);
  put_line(out, parts.nonce);
  put_changed_line(out, parts.method, upper);
  put_line(out, parts.resource);
  put_changed_line(out, parts.host, lower);
  put_number_line(out, parts.port);
  put_line(out, parts.hash);
  put_escaped_line(out, parts.ext);
  if (!parts.app.empty()) {
    put_line(out, parts.app);
    put_line(out, parts.dlg);
  }
  return out;
}

std::string request_mac(Scheme scheme, const Secret& key, const SignedParts& parts) {
  return to_base64(hmac_sha256(key.reveal(), normalized_text(scheme, parts)));
}

bool same_proof(std::string_view expected, std::string_view given) {
  return constant_time_equal(as_bytes(expected), as_bytes(given));
}

std::string payload_hash(std::string_view content_type, std::string_view body) {
  std::string type(trimmed(content_type.substr(0, content_type.find(';'))));
  std::transform(type.begin(), type.end(), type.begin(), lower);
  return to_base64(sha256({"hawk.1.payload\n", type, "\n", body, "\n"}));
}

std::optional<std::string> payload_fault(std::string_view signed_hash,
                                         std::string_view content_type,
                                         std::string_view body) {
  return payload_fault(signed_hash, payload_hash(content_type, body));
}

std::optional<std::string> payload_fault(std::string_view signed_hash,
                                         const std::string& computed) {
  if (same_proof(computed, signed_hash)) return std::nullopt;
  return "Invalid payload hash: " + std::string(signed_hash) +
         "\nComputed payload hash: " + computed +
         "\nThis happens when your request carries a signed hash of the payload and the hash "
         "doesn't match the hash we've computed on the server-side.";
}

}  // namespace troupe::hawk
