#include "runtime/hawk/header.h"

#include "runtime/hawk/refusal.h"

#include <algorithm>
#include <string>

namespace troupe::hawk {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// Printable ASCII; `"` and `\` cannot come here.
bool is_value(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

bool equals_hawk(std::string_view scheme) {
  constexpr std::string_view name = "hawk";
  return scheme.size() == name.size() && std::equal(scheme.begin(), scheme.end(), name.begin(),
                                                    [](char a, char b) { return (a | 0x20) == b; });
}

std::string_view take_word(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_word);
  const auto word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(word.size());
  return word;
}

void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

struct Attribute {
  std::string_view name;
  std::string_view value;
};

// One `name="value"` and the comma behind it; false if `text` begins with something else.
bool take_attribute(std::string_view& text, Attribute& attribute) {
  attribute.name = take_word(text);
  if (attribute.name.empty() || !take(text, "=\"")) return false;
  const auto end = text.find('"');
  if (end == std::string_view::npos) return false;
  attribute.value = text.substr(0, end);
  // It escapes nothing; to be sure that nobody thinks so, it is not allowed either.
  if (attribute.value.find('\\') != std::string_view::npos) return false;
  text.remove_prefix(end);
  if (!take(text, "\"")) return false;
  skip_blanks(text);
  if (text.empty()) return true;
  if (!take(text, ",")) return false;
  skip_blanks(text);
  return true;
}

// Where an attribute of this name is kept; null for a name that there is not.
std::string_view* place_of(Header& header, std::string_view name) {
  if (name == "id") return &header.id;
  if (name == "ts") return &header.ts;
  if (name == "nonce") return &header.nonce;
  if (name == "hash") return &header.hash;
  if (name == "ext") return &header.ext;
  if (name == "mac") return &header.mac;
  if (name == "app") return &header.app;
  if (name == "dlg") return &header.dlg;
  return nullptr;
}

Error about(const char* fault, std::string_view name) {
  return malformed(std::string(fault) + ": " + std::string(name));
}

}  // namespace

Result<Header> parse_header(std::string_view text) {
  const std::size_t size = text.size();
  if (size > header_bytes_max) return malformed("Header length too long");
  const std::string_view scheme = take_word(text);
  if (scheme.empty()) return malformed("Invalid header syntax");
  if (!text.empty() && !is_blank(text.front())) return malformed("Invalid header syntax");
  skip_blanks(text);
  if (!equals_hawk(scheme)) return unproven("Unauthorized");
  if (text.empty()) return malformed("Invalid header syntax");

  Header header;
  while (!text.empty()) {
    Attribute attribute;
    if (!take_attribute(text, attribute)) return malformed("Bad header format");
    std::string_view* place = place_of(header, attribute.name);
    if (place == nullptr) return about("Unknown attribute", attribute.name);
    if (!is_value(attribute.value)) return about("Bad attribute value", attribute.name);
    if (!place->empty()) return about("Duplicate attribute", attribute.name);
    *place = attribute.value;
  }
  if (size - header.ext.size() > header_rest_bytes_max) return malformed("Header length too long");
  if (header.id.empty() || header.ts.empty() || header.nonce.empty() || header.mac.empty()) {
    return malformed("Missing attributes");
  }
  return header;
}

}  // namespace troupe::hawk
