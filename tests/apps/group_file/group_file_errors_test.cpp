#include "tests/apps/group_file/support.h"

using namespace troupe;
using namespace troupe::group_file;
using namespace troupe::group_file::test;

TEST_CASE("what is not a group file says where", "[group_file]") {
  CHECK(errors_of("") == "f:1:1: the file is empty");
  CHECK(errors_of("tasks: [") == "f:1:1: not YAML: end of sequence flow not found");
  CHECK(errors_of("- a\n") ==
        "f:1:1: this is no group file: a group file is a map with `tasks`, not a list");
  CHECK(errors_of("{}") == "f:1:1: `tasks` is a map of names to tasks, at least one");
  CHECK(errors_of("tasks: {}") == "f:1:8: `tasks` is a map of names to tasks, at least one");
  CHECK(errors_of("tasks: {a: {run: x}}\n---\ntasks: {}\n") ==
        "f:3:1: a second document; a file holds one");
  CHECK(errors_of("tasks: {a: {run: x}}\nx: &a [*a]\n").find("nested too deeply") !=
        std::string::npos);
}

TEST_CASE("what is not UTF-8 text is called so, with its place", "[group_file]") {
  constexpr const char* what_to_do = "; save it as UTF-8, or name another file";
  using namespace std::string_literals;
  CHECK(errors_of("\x7f"s
                  "ELF\x02\x01\x01\0\0\xe4"s) ==
        "f:1:8: not UTF-8 text: byte 8 of the file is 0x00"s + what_to_do);
  CHECK(errors_of("\xff\xfet\0a\0"s) ==
        "f:1:1: not UTF-8 text: byte 1 of the file is 0xff"s + what_to_do);
  CHECK(errors_of("tasks:\n  a:\n    run: \"\xe4\"\n") ==
        "f:3:11: not UTF-8 text: byte 23 of the file is 0xe4"s + what_to_do);
  CHECK(errors_of("{\"tasks\": \"\xe4\"}") ==
        "f:1:12: not UTF-8 text: byte 12 of the file is 0xe4"s + what_to_do);
}

TEST_CASE("every error is told at once, in the order of the file", "[group_file]") {
  CHECK(errors_of(R"(tsaks: 1
tasks:
  a:
    rnu: x
    run: x
    retries: many
  b:
    needs: [c]
    run: x
)") == "f:1:1: unknown key `tsaks`; did you mean `tasks`?\n"
       "f:4:5: unknown key `rnu`; did you mean `run`?\n"
       "f:6:14: `retries` is a number, not text\n"
       "f:8:13: unknown task `c`; did you mean `a`?");
}

TEST_CASE("each mistake has its place and its words", "[group_file]") {
  // One task, `a`, whose keys start in line 3, column 5.
  const auto in_task = [](const std::string& lines) {
    std::string indented;
    for (std::size_t from = 0; from < lines.size();) {
      const auto end = std::min(lines.find('\n', from), lines.size());
      indented += "    " + lines.substr(from, end - from) + "\n";
      from = end + 1;
    }
    return errors_of("tasks:\n  a:\n" + indented);
  };
  using Row = std::pair<const char*, const char*>;
  const auto [lines, expected] = GENERATE(values<Row>({
      {"run: x\nrun: y", "f:4:5: duplicate key `run`; the first is in line 3"},
      {"run: x\nenv: {A: 1, A: 2}", "f:4:17: duplicate key `A`; the first is in line 4"},
      {"run: x\n<<: {retries: 1}",
       "f:4:5: `<<` is not supported; write the keys out, or use `defaults`"},
      {"run: x\n? [b]\n: c", "f:4:7: a key is text, not a list"},
      {"run: !!binary x",
       "f:3:10: the tag `tag:yaml.org,2002:binary` means nothing here; leave "
       "it out"},
      {"run: [x]", "f:3:10: `run` is a shell script, not a list"},
      {"run: ''", "f:3:10: `run` is empty: it is a shell script, such as `true`"},
      {"run:", "f:3:5: `run` is a shell script, not nothing"},
      {"retries: 1", "f:3:5: a task needs `run`, or `payload` with a `command`"},
      {"run: x\nqueue: a/b\ntaskQueueId: a/b",
       "f:4:5: `queue` and `taskQueueId` say the same thing; keep one"},
      {"run: x\npayload: {command: [[y]]}",
       "f:3:5: `run` and `payload.command` say the same thing; keep one"},
      {"run: x\nenv: {A: 1}\npayload: {env: {B: 1}}",
       "f:4:5: `env` and `payload.env` say the same thing; keep one"},
      {"run: x\nmaxRunTime: 1h\npayload: {maxRunTime: 1}",
       "f:4:5: `maxRunTime` and `payload.maxRunTime` say the same thing; keep one"},
      {"run: x\nartifacts: [y]\npayload: {artifacts: []}",
       "f:4:5: `artifacts` and `payload.artifacts` say the same thing; keep one"},
      {"run: x\nneeds: []\ndependencies: []",
       "f:4:5: `needs` and `dependencies` say the same thing; keep one"},
      {"run: x\nretryOn: [1]\npayload: {onExitStatus: {retry: [2]}}",
       "f:4:5: `retryOn` and `payload.onExitStatus.retry` say the same thing; keep one"},
      {"run: x\nenv: [A]", "f:4:10: `env` is a map, not a list"},
      {"run: x\nenv: {A: [1]}", "f:4:14: env: `A` is text, not a list"},
      {"run: x\nenv: {A=B: 1}", "f:4:11: `A=B` cannot name a variable"},
      {"run: x\nmaxRunTime: long",
       "f:4:17: `maxRunTime` is a span of time (`20m`) or seconds, from 1s to 366d, not `long`"},
      {"run: x\nmaxRunTime: 0",
       "f:4:17: `maxRunTime` is a span of time (`20m`) or seconds, from 1s to 366d, not `0`"},
      {"run: x\nmaxRunTime: 367d",
       "f:4:17: `maxRunTime` is a span of time (`20m`) or seconds, from 1s to 366d, not `367d`"},
      {"run: x\nmaxRunTime: [1]",
       "f:4:17: `maxRunTime` is a span of time (`20m`) or seconds, from 1s to 366d, not a list"},
      {"run: x\nartifacts: x", "f:4:16: `artifacts` is a list, not text"},
      {"run: x\nartifacts: [1]", "f:4:17: an artifact is a path or a map, not a number"},
      {"run: x\nartifacts: [{name: y}]", "f:4:17: an artifact needs a `path`"},
      {"run: x\nartifacts: [{path: y, optinal: true}]",
       "f:4:27: unknown key `optinal`; did you mean `optional`?"},
      {"run: x\nartifacts: [../y]", "f:4:17: `../y` leaves the task's directory"},
      {"run: x\nartifacts: [y, ./y]", "f:4:20: two artifacts named `public/y`"},
      {"run: x\nartifacts: [{path: y/, type: file}]",
       "f:4:34: a path ending in `/` is a directory"},
      {"run: x\nneeds: b", "f:4:12: `needs` is a list, not text"},
      {"run: x\nneeds: [[b]]", "f:4:13: needs: an item is text, not a list"},
      {"run: x\nneeds: [a]", "f:2:3: a cycle: `a` needs `a`"},
      {"run: x\ndependencies: [b]", "f:4:20: `b` is no task id; names go into `needs`"},
      {"run: x\ninputs: [b]",
       "f:4:14: an input is `TASK:ARTIFACT`, or a map with `from` and `artifact`"},
      {"run: x\ninputs: [aa:b]", "f:4:14: unknown task `aa`; did you mean `a`?"},
      {"run: x\ncaches: [x]", "f:4:13: `caches` is a map, not a list"},
      {"run: x\ncaches: {x: [y]}", "f:4:17: caches: `x` is a directory, not a list"},
      {"run: x\ncaches: {x: /abs}",
       "f:4:17: caches: `x` is a directory below the task's, not `/abs`, an absolute path"},
      {"run: x\ninputs: [{from: a, artifact: public/x, file: /abs}]",
       "f:2:3: a cycle: `a` needs `a`\n"
       "f:4:50: inputs: a place below the task's directory, not `/abs`, an absolute path"},
      {"run: x\nretryOn: all", "f:4:14: `retryOn` is `any` or a list of exit codes"},
      {"run: x\nretryOn: [0]", "f:4:15: retryOn: an exit code is a number from 1 to 255"},
      {"run: x\nretryOn: [256]", "f:4:15: retryOn: an exit code is a number from 1 to 255"},
      {"run: x\nretryOn: [3, 3]", "f:4:18: retryOn: 3 is there twice"},
      {"run: x\nretries: 1.5", "f:4:14: `retries` is a whole number from 0 to 49, not 1.5"},
      {"run: x\nretries: -1", "f:4:14: `retries` is a whole number from 0 to 49, not -1"},
      {"run: x\nretries: 50", "f:4:14: `retries` is a whole number from 0 to 49, not 50"},
      {"run: x\nmatrix: [a]", "f:4:13: `matrix` is a map of names to lists of values"},
      {"run: x\nmatrix: {b: []}", "f:4:17: matrix: `b` is a list of at least one value"},
      {"run: x\nmatrix: {b: c}", "f:4:17: matrix: `b` is a list of at least one value"},
      {"run: x\nmatrix: {b c: [1]}",
       "f:4:14: `b c` cannot name a variable: letters, digits and `_`"},
      {"run: x\nmatrix: {b: [[1]]}", "f:4:18: matrix: a value is text, not a list"},
      {"run: x\nmatrix: {b: [1]}\nenv: {b: 2}",
       "f:4:14: `b` is in `env` and in `matrix`; keep one"},
      {"run: x\nmatrix: {suite: [1]}\ntags: {x: '${siute}'}",
       "f:5:15: `siute` is not in the matrix; did you mean `suite`?"},
      {"run: x\nmatrix: {b: ['1 2', 1/2]}",
       "f:2:3: two tasks are named `a-1-2`; the other is in "
       "line 2"},
      {"run: x\nmetadata: {nmae: x}", "f:4:16: unknown key `nmae`; did you mean `name`?"},
      {"run: x\nmetadata: {owner: 3}", "f:4:23: metadata: `owner` is text, not a number"},
      {"run: x\ndeadline: soon",
       "f:4:15: `deadline` is a span (`90m`, `30d`), a time (`2026-01-31T08:00:00Z`) or "
       "`{$fromNow: 2 hours}`"},
      {"run: x\nexpires: {$fromNow: soon}",
       "f:4:25: expires: `{$fromNow: ...}` takes one span of time such as `2 hours`"},
      {"run: x\npriority: 3", "f:4:15: `priority` is text, not a number"},
  }));
  INFO(lines);
  CHECK(in_task(lines) == expected);
}

TEST_CASE("mistakes between tasks are found", "[group_file]") {
  CHECK(errors_of("tasks:\n  upload: {run: x}\n") ==
        "f:2:3: `upload` is a reserved name; call the task something else");
  CHECK(errors_of("upload: .\ntasks:\n  upload: {run: x}\n") ==
        "f:3:3: `upload` is a reserved name; call the task something else");
  CHECK(errors_of("tasks:\n  a:b: {run: x}\n") ==
        "f:2:3: `a:b` cannot name a task: no spaces, `:`, `/` or `$`, and no `-` or `.` in front");
  CHECK(errors_of("tasks:\n  a: 1\n") == "f:2:6: the task `a` is a map, not a number");
  CHECK(errors_of("defaults: 1\ntasks: {a: {run: x}}\n") ==
        "f:1:11: `defaults` is a map, not a number");
  CHECK(errors_of("seal: perhaps\ntasks: {a: {run: x}}\n") ==
        "f:1:7: `seal` is true or false, not text");
  CHECK(errors_of("upload: [a]\ntasks: {a: {run: x}}\n") ==
        "f:1:9: `upload` is a directory, not a list");
  CHECK(errors_of("tasks:\n  a: {run: x, needs: [b], artifacts: [y]}\n"
                  "  b: {run: x, needs: [c]}\n  c: {run: x, inputs: ['a:y']}\n") ==
        "f:2:3: a cycle: `a` needs `b` needs `c` needs `a`");
  CHECK(errors_of("tasks:\n  a: {run: x, artifacts: [d/]}\n  b: {run: x, inputs: ['a:d/']}\n") ==
        "f:3:24: `d` of `a` is a directory, and a mount takes one artifact; pack it, or name one "
        "file in it");
  CHECK(errors_of("tasks:\n  a: {run: x, artifacts: [d]}\n"
                  "  b: {run: x, inputs: [{from: a, artifact: d}]}\n") ==
        "f:3:24: an input needs `file` or `directory`: where to put the artifact");
  CHECK(errors_of("tasks:\n  a: {run: x, artifacts: [d]}\n"
                  "  b: {run: x, inputs: [{from: a, artifact: d, directory: e}]}\n")
            .rfind("f:3:24: `public/d` is not an archive that can be unpacked; give its `format`",
                   0) == 0);
  CHECK(errors_of("tasks:\n  a: {run: x, taskGroupId: g}\n  b: {run: x, taskGroupId: h}\n") ==
        "f:3:28: the tasks of a file are one group: `taskGroupId` differs");
  CHECK(errors_of("tasks:\n  m-1: {run: x}\n  m: {run: x, matrix: {n: [1]}}\n") ==
        "f:3:3: two tasks are named `m-1`; the other is in line 2");
}

TEST_CASE("an input is an artifact that its task lists, or has a full name", "[group_file]") {
  const auto taking = [](const std::string& artifact) {
    return errors_of(
        "tasks:\n  a: {run: x, artifacts: [x.txt, report/]}\n"
        "  b: {run: x, inputs: ['a:" +
        artifact + "']}\n");
  };
  CHECK(taking("x.txt").empty());
  CHECK(taking("public/x.txt").empty());
  CHECK(taking("public/report/sums.xml").empty());
  CHECK(taking("public/logs/live_backing.log").empty());
  CHECK(taking("y.txt") == "f:3:24: `a` lists no artifact `y.txt`; did you mean `x.txt`?");
  CHECK(taking("report/sums.xml") ==
        "f:3:24: `a` lists no artifact `report/sums.xml`; in its folder `report` it is "
        "`public/report/sums.xml`");
  // A payload for another kind of worker.
  CHECK(errors_of("tasks:\n  a: {payload: {image: i, artifacts: {public/x: {path: /x}}}}\n"
                  "  b: {run: x, inputs: ['a:x']}\n")
            .empty());
}

TEST_CASE("a file of another kind is named so, and not repeated", "[group_file]") {
  const std::string no_group_file =
      "f:1:1: this is no group file: a group file is a map with `tasks`, not one without any of "
      "the "
      "keys of a group file";
  CHECK(errors_of("root:*:19000:0:99999:7::: \ndaemon:!:19000::::: \n") == no_group_file);
  CHECK(errors_of("secret: hunter2\nsecret: hunter3\n") == no_group_file);
  CHECK(errors_of("{\"password\": \"hunter2\"}") == no_group_file);
  CHECK(errors_of("a\n---\nb\n").find("f:1:1: this is no group file") == 0);
}

TEST_CASE("of a million problems the first are told", "[group_file]") {
  Problems problems("f");
  for (std::size_t line = 1; line <= 1'000'000; ++line) problems.add({line, 1}, "wrong");
  const std::string text = problems.error().detail;
  CHECK(text.starts_with("f:1:1: wrong\nf:2:1: wrong\n"));
  CHECK(text.ends_with("f:100:1: wrong\nand at least 9900 more"));
}

TEST_CASE("unknown keys are cut, made harmless, and counted", "[group_file]") {
  std::string text = "tasks: {a: {run: x}}\n";
  for (int i = 1; i <= 7; ++i) text += "nonsense" + std::to_string(i) + ": 1\n";
  const std::string errors = errors_of(text);
  CHECK(errors.find("f:2:1: unknown key `nonsense1`\n") == 0);
  CHECK(errors.find("f:6:1: unknown key `nonsense5`\n") != std::string::npos);
  CHECK(errors.find("nonsense6") == std::string::npos);
  CHECK(errors.find("f:8:1: 2 more unknown keys, the last one here") != std::string::npos);

  CHECK(errors_of("tasks: {a: {run: x}}\n\"a\\e[31mb\": 1\n") ==
        "f:2:1: unknown key `a\\u001b[31mb`");
  CHECK(errors_of("tasks: {a: {run: x}}\n" + std::string(500, 'x') + ": 1\n") ==
        "f:2:1: unknown key `" + std::string(64, 'x') + "...`");
}
