#include "tests/apps/group_file/support.h"

using namespace troupe;
using namespace troupe::group_file;
using namespace troupe::group_file::test;

TEST_CASE("a task with nothing but a script gets the defaults", "[group_file]") {
  Expanded group("tasks: {a: {run: 'true'}}");
  CHECK(group.tasks[0].definition_json ==
        R"({"taskQueueId":"local/default","created":"2026-01-31T12:00:00.000Z",)"
        R"("deadline":"2026-02-01T12:00:00.000Z","expires":"2026-03-02T12:00:00.000Z",)"
        R"("payload":{"command":[["/bin/sh","-ec","true"]],"maxRunTime":3600},)"
        R"("metadata":{"name":"a","description":"","owner":"me@example.com",)"
        R"("source":"https://example.com/repo"},"retries":5,"dependencies":[],)"
        R"("taskGroupId":"GGGGGGGGQGGGGGGGGGGGGG"})");
  CHECK(group.tasks[0].where == "troupe.yml:1:9");
  CHECK(group.tasks[0].queue == "local/default");
}

TEST_CASE("fields of a definition pass under their own names", "[group_file]") {
  Expanded group(R"(tasks:
  a:
    provisionerId: p
    workerType: w
    schedulerId: s
    projectId: proj/x
    priority: high
    routes: [index.a.b, x]
    scopes: [one, two]
    tags: {kind: test}
    extra: {n: 1, deep: {x: [1, 2]}}
    created: {$fromNow: 1 minute}
    deadline: 2026-02-02T00:00:00Z
    expires: {$fromNow: 2 days}
    metadata: {name: The name, owner: o, source: ssh://x, description: d}
    payload:
      command: [[echo, hi]]
      maxRunTime: 7
      features: {liveLog: false}
      artifacts: [{type: file, path: x, name: public/x, expires: {$fromNow: 1 day}}]
)");
  CHECK(group.at("a", "/taskQueueId").empty());
  CHECK(group.at("a", "/provisionerId") == "\"p\"");
  CHECK(group.tasks[0].queue == "p/w");
  CHECK(group.at("a", "/schedulerId") == "\"s\"");
  CHECK(group.at("a", "/projectId") == "\"proj/x\"");
  CHECK(group.at("a", "/priority") == "\"high\"");
  CHECK(group.at("a", "/routes") == R"(["index.a.b","x"])");
  CHECK(group.at("a", "/scopes") == R"(["one","two"])");
  CHECK(group.at("a", "/tags") == R"({"kind":"test"})");
  CHECK(group.at("a", "/extra") == R"({"n":1,"deep":{"x":[1,2]}})");
  CHECK(group.at("a", "/created") == "\"2026-01-31T12:01:00.000Z\"");
  CHECK(group.at("a", "/deadline") == "\"2026-02-02T00:00:00Z\"");
  CHECK(group.at("a", "/expires") == "\"2026-02-02T12:00:00.000Z\"");
  CHECK(group.at("a", "/metadata") ==
        R"({"name":"The name","owner":"o","source":"ssh://x","description":"d"})");
  CHECK(group.at("a", "/payload") ==
        R"({"command":[["echo","hi"]],"maxRunTime":7,"features":{"liveLog":false},)"
        R"("artifacts":[{"type":"file","path":"x","name":"public/x",)"
        R"("expires":"2026-02-01T12:00:00.000Z"}]})");
}

TEST_CASE("short keys and a written payload merge", "[group_file]") {
  Expanded group(R"(tasks:
  a:
    run: x
    maxRunTime: 90
    retryOn: any
    caches: {ccache: .cache/ccache}
    artifacts: [./out/, /var/log/x.log]
    payload:
      onExitStatus: {purgeCaches: [3]}
      mounts: [{file: f, content: {raw: hello}}]
)");
  CHECK(group.at("a", "/payload/maxRunTime") == "90");
  CHECK(group.at("a", "/payload/onExitStatus/purgeCaches") == "[3]");
  CHECK(group.definitions["a"]["payload"]["onExitStatus"]["retry"].Size() == 255);
  CHECK(group.at("a", "/payload/onExitStatus/retry/0") == "1");
  CHECK(group.at("a", "/payload/mounts") ==
        R"([{"cacheName":"ccache","directory":".cache/ccache"},)"
        R"({"file":"f","content":{"raw":"hello"}}])");
  CHECK(group.at("a", "/scopes") == R"(["generic-worker:cache:ccache"])");
  CHECK(group.at("a", "/payload/artifacts") ==
        R"([{"path":"out","type":"directory","name":"public/out"},)"
        R"({"path":"/var/log/x.log","type":"file","name":"public/var/log/x.log"}])");
}

TEST_CASE("defaults merge by key, and give way to either form", "[group_file]") {
  Expanded group(R"(defaults:
  queue: a/default
  env: {A: 1, B: 2}
  retries: 1
  routes: [x]
  run: default
  metadata: {owner: them}
tasks:
  plain: {}
  other:
    taskQueueId: b/own
    env: {B: 3}
    payload: {command: [[own]]}
    routes: [y]
  halves: {provisionerId: p, workerType: w, payload: {env: {C: 4}}}
)");
  CHECK(group.at("plain", "/taskQueueId") == "\"a/default\"");
  CHECK(group.at("plain", "/payload/command/0/2") == "\"default\"");
  CHECK(group.at("plain", "/metadata/owner") == "\"them\"");
  CHECK(group.at("plain", "/retries") == "1");
  CHECK(group.at("other", "/taskQueueId") == "\"b/own\"");
  CHECK(group.at("other", "/payload/env") == R"({"B":"3","A":"1"})");
  CHECK(group.at("other", "/payload/command") == R"([["own"]])");
  CHECK(group.at("other", "/routes") == R"(["y"])");
  CHECK(group.at("halves", "/taskQueueId").empty());
  CHECK(group.at("halves", "/payload/env") == R"({"C":"4","A":"1","B":"2"})");
}

TEST_CASE("a matrix fills env and every text but the script", "[group_file]") {
  Expanded group(R"(defaults:
  env: {v: from defaults}
tasks:
  m:
    matrix: {v: [3.10, no, "a b", null]}
    run: echo ${v} ${HOME}
    env: {COPY: "<${v}>", OTHER: "${HOME}"}
    artifacts: ["out-${v}.txt"]
    caches: {"c-${v}": "dir-${v}"}
    tags: {v: "${v}"}
)");
  CHECK(group.names() == std::vector<std::string>{"m-3.10", "m-no", "m-a-b", "m-null"});
  CHECK(group.at("m-3.10", "/payload/command/0/2") == "\"echo ${v} ${HOME}\"");
  CHECK(group.at("m-3.10", "/payload/env") == R"({"COPY":"<3.10>","OTHER":"${HOME}","v":"3.10"})");
  CHECK(group.at("m-no", "/payload/env/v") == "\"no\"");
  CHECK(group.at("m-a-b", "/payload/artifacts/0/path") == "\"out-a b.txt\"");
  CHECK(group.at("m-no", "/payload/mounts/0/directory") == "\"dir-no\"");
  CHECK(group.at("m-no", "/scopes/0") == "\"generic-worker:cache:c-no\"");
  CHECK(group.at("m-null", "/tags/v") == "\"null\"");
}

TEST_CASE("needs take names, matrices, combinations and ids", "[group_file]") {
  Expanded group(R"(tasks:
  last: {needs: [m-2, one, one, dSlITZ4yQgmvxxAi4A8fHQ], run: x}
  all: {needs: [m], run: x}
  m: {matrix: {n: [1, 2]}, run: x}
  one: {dependencies: [dSlITZ4yQgmvxxAi4A8fHQ], run: x}
)");
  CHECK(group.names() == std::vector<std::string>{"m-2", "one", "last", "m-1", "all"});
  const auto quoted = [&](const char* name) { return "\"" + group.ids[name] + "\""; };
  CHECK(group.at("last", "/dependencies") ==
        "[" + quoted("m-2") + "," + quoted("one") + ",\"dSlITZ4yQgmvxxAi4A8fHQ\"]");
  CHECK(group.at("all", "/dependencies") == "[" + quoted("m-1") + "," + quoted("m-2") + "]");
  CHECK(group.at("one", "/dependencies") == "[\"dSlITZ4yQgmvxxAi4A8fHQ\"]");
}

TEST_CASE("inputs mount artifacts by path, by name and from a matrix", "[group_file]") {
  Expanded group(R"(tasks:
  src:
    run: x
    artifacts: [a.txt, {path: b.bin, name: private/renamed.bin}, d/]
  m:
    matrix: {n: [1, 2]}
    run: x
    artifacts: [r.tar.zst]
  use:
    run: x
    inputs:
      - src:a.txt
      - src:b.bin
      - src:public/other.log
      - dSlITZ4yQgmvxxAi4A8fHQ:public/far.txt
      - m:r.tar.zst
      - m-1:r.tar.zst
      - {from: m, artifact: r.tar.zst, directory: un}
      - {from: src, artifact: a.txt, file: copy.txt}
      - {from: src, artifact: b.bin, directory: z, format: zip}
      - src:public/d/one.txt
)");
  const auto mount = [&](const char* kind, const char* path, const std::string& id,
                         const char* artifact) {
    return std::string("{\"") + kind + "\":\"" + path + "\",\"content\":{\"taskId\":\"" + id +
           "\",\"artifact\":\"" + artifact + "\"}}";
  };
  const std::string src = group.ids["src"];
  const std::string far = "dSlITZ4yQgmvxxAi4A8fHQ";
  CHECK(group.at("use", "/payload/mounts/0") == mount("file", "a.txt", src, "public/a.txt"));
  CHECK(group.at("use", "/payload/mounts/1") == mount("file", "b.bin", src, "private/renamed.bin"));
  CHECK(group.at("use", "/payload/mounts/2") ==
        mount("file", "other.log", src, "public/other.log"));
  CHECK(group.at("use", "/payload/mounts/3") == mount("file", "far.txt", far, "public/far.txt"));
  CHECK(group.at("use", "/payload/mounts/4") ==
        mount("file", "m-1/r.tar.zst", group.ids["m-1"], "public/r.tar.zst"));
  CHECK(group.at("use", "/payload/mounts/5") ==
        mount("file", "m-2/r.tar.zst", group.ids["m-2"], "public/r.tar.zst"));
  CHECK(group.at("use", "/payload/mounts/6") ==
        mount("file", "r.tar.zst", group.ids["m-1"], "public/r.tar.zst"));
  CHECK(group.at("use", "/payload/mounts/7/directory") == "\"m-1/un\"");
  CHECK(group.at("use", "/payload/mounts/7/format") == "\"tar.zst\"");
  CHECK(group.at("use", "/payload/mounts/8/directory") == "\"m-2/un\"");
  CHECK(group.at("use", "/payload/mounts/9") == mount("file", "copy.txt", src, "public/a.txt"));
  CHECK(group.at("use", "/payload/mounts/10/format") == "\"zip\"");
  CHECK(group.at("use", "/payload/mounts/11/file") == "\"d/one.txt\"");
  CHECK(group.at("use", "/scopes/0") == "\"queue:get-artifact:public/a.txt\"");
  CHECK(group.definitions["use"]["scopes"].Size() == 6);
  CHECK(group.definitions["use"]["dependencies"].Size() == 4);
}

TEST_CASE("with an upload, relative paths move below src", "[group_file]") {
  Expanded group(R"(upload: sub
tasks:
  a:
    run: make
    caches: {c: .cache}
    artifacts: [out.txt, {path: /abs.txt, name: public/abs.txt}]
  own:
    payload: {command: [[make]], artifacts: [{type: file, path: p}]}
    inputs: [a:out.txt, a:public/abs.txt]
)");
  CHECK(group.at("a", "/payload/command/0/2") == "\"cd src\\nmake\"");
  CHECK(group.at("a", "/payload/mounts/1/directory") == "\"src/.cache\"");
  CHECK(group.at("a", "/payload/artifacts/0/path") == "\"src/out.txt\"");
  CHECK(group.at("a", "/payload/artifacts/0/name") == "\"public/out.txt\"");
  CHECK(group.at("a", "/payload/artifacts/1/path") == "\"/abs.txt\"");
  CHECK(group.at("own", "/payload/command") == R"([["make"]])");
  CHECK(group.at("own", "/payload/artifacts/0/path") == "\"p\"");
  CHECK(group.at("own", "/payload/mounts/0/directory") == "\"src\"");
  CHECK(group.at("own", "/payload/mounts/1/file") == "\"src/out.txt\"");
  CHECK(group.at("own", "/payload/mounts/2/file") == "\"src/abs.txt\"");
}

TEST_CASE("a file says whether its group is sealed, and may name it", "[group_file]") {
  CHECK(parse("tasks: {a: {run: x}}", "f").value().seal);
  const auto open = parse("{\"seal\": false, \"tasks\": {\"a\": {\"run\": \"x\"}}}", "f");
  REQUIRE(open.ok());
  CHECK_FALSE(open.value().seal);
  CHECK_FALSE(open.value().task_group_id);
  const auto named = parse("defaults: {taskGroupId: X}\ntasks: {a: {run: x}}", "f");
  REQUIRE(named.ok());
  CHECK(named.value().task_group_id == "X");
}
