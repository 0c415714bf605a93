#include "runtime/http/request_body.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <string>
#include <utility>

namespace troupe::http {

namespace {

// Of all threads.
std::atomic<std::size_t> all_bodies_bytes = 0;

std::string clean(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  std::string out(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// `charset=...` of a content type, in lower case; empty without one.
std::string charset_of(std::string_view content_type) {
  constexpr std::string_view key = "charset=";
  for (auto at = content_type.find(';'); at != std::string_view::npos;) {
    content_type.remove_prefix(at + 1);
    at = content_type.find(';');
    std::string parameter = clean(content_type.substr(0, at));
    if (!parameter.starts_with(key)) continue;
    parameter.erase(0, key.size());
    if (parameter.size() >= 2 && parameter.starts_with('"') && parameter.ends_with('"')) {
      parameter = parameter.substr(1, parameter.size() - 2);
    }
    return parameter;
  }
  return {};
}

std::string utf8_of_latin1(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | (byte >> 6));
      out += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return out;
}

}  // namespace

std::string media_type_of(std::string_view content_type) {
  return clean(content_type.substr(0, content_type.find(';')));
}

std::optional<Refusal> RequestBody::begin(std::optional<std::uint64_t> length) {
  if (length && *length > bytes_max_) return too_large();
  if (!request_.has_body_header || length == 0) return std::nullopt;
  const auto sent = request_.header("content-encoding");
  const auto coding = parse_coding(sent);
  if (!coding) {
    return Refusal{415, "Content-Encoding " + std::string(sent) +
                            " is not taken: send gzip, deflate, br, or the body as it is"};
  }
  if (auto refused = read_charset()) return refused;
  if (*coding != Coding::identity) {
    inflater_ = make_inflater(*coding);
  } else if (length) {
    request_.body.reserve(*length);
  }
  return std::nullopt;
}

std::optional<Refusal> RequestBody::read_charset() {
  const auto content_type = request_.header("content-type");
  if (media_type_of(content_type) != "application/json") return std::nullopt;
  const auto charset = charset_of(content_type);
  if (charset == "iso-8859-1" || charset == "latin1") {
    charset_ = Charset::latin_1;
  } else if (charset.empty() || charset == "utf-8" || charset == "utf8" || charset == "us-ascii") {
    charset_ = Charset::utf_8;  // ASCII is a part of it
  } else {
    return Refusal{415, "the charset " + charset + " is not known: send JSON as utf-8"};
  }
  return std::nullopt;
}

Refusal RequestBody::too_large() const {
  return {413, "the body has more than " + std::to_string(bytes_max_) +
                   " bytes, the most that is taken"};
}

RequestBody::~RequestBody() {
  all_bodies_bytes -= counted_;
}

std::optional<Refusal> RequestBody::feed(std::string_view bytes) {
  auto refused = take(bytes);
  const std::size_t size = request_.body.size();
  if (size > counted_) all_bodies_bytes += size - std::exchange(counted_, size);
  if (!refused && all_bodies_bytes > all_bodies_bytes_max) {
    return Refusal{503, "too much is being sent at the moment: try again later"};
  }
  return refused;
}

std::optional<Refusal> RequestBody::take(std::string_view bytes) {
  received_ += bytes.size();
  if (received_ > bytes_max_) return too_large();
  if (!inflater_) {
    request_.body += bytes;
    return std::nullopt;
  }
  const auto fed = inflater_->feed(bytes, request_.body, bytes_max_);
  if (fed.ok()) return std::nullopt;
  if (fed.error().code == Errc::too_large) return too_large();
  return Refusal{400, fed.error().detail};
}

std::optional<Refusal> RequestBody::finish() {
  auto& body = request_.body;
  if (inflater_ && received_ > 0 && !inflater_->complete()) {
    return Refusal{400, "the compressed body ends in the middle"};
  }
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  if (charset_ == Charset::utf_8 && body.starts_with(mark)) body.erase(0, mark.size());
  if (charset_ == Charset::latin_1) {
    body = utf8_of_latin1(body);
    if (body.size() > bytes_max_) return too_large();
  }
  return std::nullopt;
}

}  // namespace troupe::http
