#include "apps/troupe/cli/output.h"

#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/refusal.h"
#include "runtime/base/json_writer.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace troupe::cli {
namespace {

void write_fully(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) {
    return;
  }
  const int code = errno;
  // Nothing can be said to a reader that has gone, and no destructor must try to.
  if (code == EPIPE) _exit(exit_closed_pipe);
  print_error("cannot write to standard output: " + std::generic_category().message(code));
  _exit(exit_failed);
}

}  // namespace

void print_out(std::string_view text) {
  write_fully(text);
}

void print_line(std::string_view line) {
  write_fully(std::string(line) + '\n');
}

void end_if_reader_has_gone() {
  pollfd out{STDOUT_FILENO, 0, 0};
  // POLLERR is what a pipe without a reader reports; a file or terminal never does.
  if (::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0) _exit(exit_done);
}

void print_error(std::string_view message) {
  const bool several = message.find('\n') != std::string_view::npos;
  const std::string line = (several ? "" : "troupe: ") + std::string(message) + '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void print_note(std::string_view message) {
  const std::string line = std::string(message) + '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

int exit_status_of(const Error& error) {
  switch (error.code) {
    case Errc::invalid:
    case Errc::malformed:
    case Errc::bad_arguments:
    case Errc::invalid_payload:
    case Errc::not_acceptable:
    case Errc::too_large: return exit_usage;
    case Errc::unauthenticated:
    case Errc::forbidden:
    case Errc::unavailable:
    case Errc::too_many_requests:
    case Errc::busy: return exit_unreachable;
    case Errc::not_found:
    case Errc::conflict:
    case Errc::stale:
    case Errc::corrupt:
    case Errc::expired:
    case Errc::internal: return exit_failed;
  }
  return exit_failed;
}

int report(const Error& error) {
  print_error(error.code == Errc::forbidden ? short_refusal(error.detail) : error.detail);
  return exit_status_of(error);
}

int report_refusal(const Error& error) {
  std::string_view rest = error.detail;
  if (error.code == Errc::forbidden || rest.find('\n') == std::string_view::npos) {
    return report(error);
  }
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (end > 0) print_error(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return exit_status_of(error);
}

int report_file(const Error& error) {
  print_note(error.detail);
  return exit_status_of(error);
}

std::string json_string(std::string_view text) {
  JsonWriter json;
  json.string(text);
  return json.take();
}

}  // namespace troupe::cli
