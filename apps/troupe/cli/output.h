// What commands write, and to where: results to standard output, all else to standard error.
#pragma once

#include "runtime/base/result.h"

#include <string>
#include <string_view>

namespace troupe::cli {

/// Writes to standard output at once. If its reader has gone the program ends, quietly and with
/// status 0: `troupe task log last | head` has done what was asked.
void print_out(std::string_view text);

/// The same with a line's end.
void print_line(std::string_view line);

/// The same end for a program that has nothing to write just now, and waits. A look costs one call.
void end_if_reader_has_gone();

/// On standard error: one line with `troupe: ` in front; several errors at once, which begin with
/// their places in a file, as they are.
void print_error(std::string_view message);

/// A remark on standard error that is not an error; it leaves standard output to the result.
void print_note(std::string_view message);

/// The exit status that a command with this outcome has (`ExitStatus`).
int exit_status_of(const Error& error);

/// Prints the error and returns its exit status.
int report(const Error& error);

/// The same for what the server refuses, or would: each line is an error of its own.
int report_refusal(const Error& error);

/// The same for what is wrong with a file: each of its lines begins with its place there.
int report_file(const Error& error);

/// A JSON string of `text`; what is not UTF-8 becomes U+FFFD.
std::string json_string(std::string_view text);

}  // namespace troupe::cli
