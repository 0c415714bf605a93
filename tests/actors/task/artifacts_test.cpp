// Artifacts as their creators meet them over HTTP: what is refused and in which order, what may
// take whose place, and when it is told. Source: spec/queue.md, section 9.
#include "actors/task/codec.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"
#include "schema/store/rows.capnp.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

constexpr int fine = 0;
constexpr int invalid = static_cast<int>(Errc::invalid);
constexpr int missing = static_cast<int>(Errc::not_found);
constexpr int conflict = static_cast<int>(Errc::conflict);

const ActorId a = task_id("A");
const std::string upload = "SoMeUploadIdOf22Chars_";

struct Put {
  std::string storage = "s3";
  std::string type = "text/plain";
  Instant expires = start + hour;
  std::string details = {};  // the target, the URL, the reason or the uploadId
  std::int64_t length = -1;
  std::string name = "public/a";
  std::uint32_t run = 0;
};

Bytes put(const Put& what) {
  return build<schema::TaskMessage>([&](schema::TaskMessage::Builder m) {
    auto out = m.initPutArtifact();
    out.getClaimRef().setRunId(what.run);
    out.getClaimRef().setByRun(true);
    auto artifact = out.getArtifact();
    artifact.setName(text(what.name));
    artifact.setStorageType(text(what.storage));
    artifact.setContentType(text(what.type));
    artifact.setExpires(what.expires.ms);
    artifact.setAnnouncedLength(what.length);
    if (what.storage == "link") artifact.setLink(text(what.details));
    if (what.storage == "reference") artifact.setUrl(text(what.details));
    if (what.storage == "error") artifact.setReason(text(what.details));
    if (what.storage == "object") artifact.setUploadId(text(what.details));
  });
}

Bytes store(const std::string& bytes, const std::string& upload_id = {}) {
  return build<schema::TaskMessage>([&](schema::TaskMessage::Builder m) {
    auto out = m.initStoreBlob();
    out.setBlobName("public/a");
    out.setSha256({reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()});
    out.setSize(bytes.size());
    out.setContentEncoding("gzip");
    out.setBlobUploadId(text(upload_id));
  });
}

Bytes finish(const std::string& upload_id, const std::string& name = "public/a") {
  return build<schema::TaskMessage>([&](schema::TaskMessage::Builder m) {
    auto out = m.initFinishArtifact();
    out.setFinishedName(text(name));
    out.setUploadId(text(upload_id));
  });
}

int code_of(const Result<Bytes>& answer) {
  return answer.ok() ? fine : static_cast<int>(answer.error().code);
}

// Task A, whose run 0 is running.
void bring(Cast& cast) {
  REQUIRE(cast.ask(a, create_task("A")).ok());
  REQUIRE(cast.ask(a, claim_by_name(0, "g/w", 1)).ok());
  cast.take_events();
}

TEST_CASE("createArtifact's checks come in their order", "[artifact]") {
  Cast cast;
  const Instant year = start + hour * 24 * 400;
  const Instant old = start - minute * 16;
  // A task that is missing is an error of the input, as is what is wrong before that.
  CHECK(code_of(cast.ask(a, put({}))) == invalid);
  REQUIRE(cast.ask(a, create_task("A")).ok());
  const auto unclaimed = cast.ask(a, put({.expires = year}));
  REQUIRE(code_of(unclaimed) == invalid);
  CHECK(unclaimed.error().detail.find("claimed") != std::string::npos);
  REQUIRE(cast.ask(a, claim_by_name(0, "g/w", 1)).ok());
  CHECK(code_of(cast.ask(a, put({.run = 1}))) == invalid);
  CHECK(code_of(cast.ask(a, put({.expires = old}))) == invalid);
  CHECK(code_of(cast.ask(a, put({.expires = start - minute * 15}))) == fine);
  CHECK(code_of(cast.ask(a, put({.expires = year}))) == invalid);
  CHECK(code_of(cast.ask(a, put({.name = std::string(1025, 'n')}))) == invalid);
  CHECK(code_of(cast.ask(a, put({.name = std::string(1024, 'n')}))) == fine);
  REQUIRE(cast.ask(a, resolve(cast.claim("A"), {Outcome::COMPLETED})).ok());
  // An expiry that is too late is told before the run's end, the end before the conflict.
  CHECK(code_of(cast.ask(a, put({.expires = year}))) == invalid);
  CHECK(code_of(cast.ask(a, put({}))) == conflict);
  CHECK(cast.faults == Names{});
}

TEST_CASE("an exception's artifacts may come 25 minutes late, whatever else runs", "[artifact]") {
  Cast cast;
  bring(cast);
  REQUIRE(
      cast.ask(a, resolve(cast.claim("A"), {Outcome::EXCEPTION, Reason::WORKER_SHUTDOWN})).ok());
  REQUIRE(cast.ask(a, claim_over_http(1, "g/w2")).ok());
  cast.advance(minute * 19);
  REQUIRE(cast.ask(a, reclaim(cast.claim("A"))).ok());
  cast.advance(minute * 6 - second);
  CHECK(code_of(cast.ask(a, put({}))) == fine);
  cast.advance(second);
  CHECK(code_of(cast.ask(a, put({}))) == conflict);
  CHECK(code_of(cast.ask(a, put({.run = 1}))) == fine);
}

struct Row {
  Put first;
  Put second;
  int code = fine;
};

TEST_CASE("what may take an artifact's place", "[artifact]") {
  const Instant later = start + hour * 2;
  const Instant earlier = start + minute;
  const std::vector<Row> rows = {
      {{"s3"}, {"s3"}},
      {{"s3"}, {.storage = "s3", .expires = later}},
      {{"s3"}, {.storage = "s3", .expires = earlier}, conflict},
      {{"s3"}, {.storage = "s3", .type = "text/html"}, conflict},
      {{"s3"}, {.storage = "s3", .length = 7}},
      {{.storage = "error", .details = "r"}, {.storage = "error", .details = "r"}},
      {{.storage = "error", .details = "r"}, {.storage = "error", .details = "q"}, conflict},
      {{.storage = "link", .details = "x"}, {.storage = "link", .type = "b/c", .details = "x"}},
      {{.storage = "link", .details = "x"}, {.storage = "link", .details = "y"}, conflict},
      {{.storage = "link", .details = "x"},
       {.storage = "link", .expires = earlier, .details = "x"},
       conflict},
      {{.storage = "reference", .details = "x:"}, {.storage = "reference", .details = "y:"}},
      {{.storage = "reference", .details = "x:"},
       {.storage = "reference", .type = "b/c", .details = "x:"},
       conflict},
      {{.storage = "reference", .details = "x:"},
       {.storage = "link", .type = "b/c", .details = "x"}},
      {{.storage = "reference", .details = "x:"},
       {.storage = "link", .expires = earlier, .details = "x"},
       conflict},
      {{.storage = "object", .details = upload}, {.storage = "object", .details = "another"}},
      {{.storage = "object", .details = upload},
       {.storage = "object", .expires = later, .details = "another"},
       conflict},
      {{.storage = "object", .details = upload},
       {.storage = "object", .details = "another", .length = 3},
       conflict},
      {{.storage = "link", .details = "x"}, {.storage = "reference", .details = "x:"}, conflict},
      {{"s3"}, {.storage = "object", .details = upload}, conflict},
      {{.storage = "object", .details = upload}, {"s3"}, conflict},
      {{"s3"}, {.storage = "link", .details = "x"}, conflict},
      {{.storage = "error", .details = "r"}, {"s3"}, conflict},
  };
  for (const Row& row : rows) {
    INFO(row.first.storage << " -> " << row.second.storage << ", row " << &row - rows.data());
    Cast cast;
    bring(cast);
    const auto first = cast.ask(a, put(row.first));
    REQUIRE(first.ok());
    const bool told = row.first.storage != "s3" && row.first.storage != "object";
    CHECK(cast.take_events() == (told ? Names{"artifact-created A.0"} : Names{}));
    const auto second = cast.ask(a, put(row.second));
    REQUIRE(code_of(second) == row.code);
    // Each call that succeeds is told, a repeat too.
    const bool again = told && second.ok();
    CHECK(cast.take_events() == (again ? Names{"artifact-created A.0"} : Names{}));
    if (!second.ok()) continue;
    Stored<schema::ArtifactRow> kept(second.value());
    CHECK(str(kept.get().getContentType()) == row.first.type);
    CHECK(kept.get().getAnnouncedLength() == row.first.length);
    CHECK(kept.get().getExpires() == row.second.expires.ms);
    CHECK(str(kept.get().getStorageType()) == row.second.storage);
    if (row.first.storage == "object") CHECK(str(kept.get().getUploadId()) == upload);
    if (row.second.storage == "link") CHECK(str(kept.get().getLink()) == row.second.details);
    if (row.second.storage == "reference") CHECK(str(kept.get().getUrl()) == row.second.details);
  }
}

TEST_CASE("what has no content type has the general one", "[artifact]") {
  Cast cast;
  bring(cast);
  for (const char* storage : {"link", "error"}) {
    const auto made =
        cast.ask(a, put({.storage = storage, .type = "", .details = "x", .name = storage}));
    REQUIRE(made.ok());
    CHECK(str(Stored<schema::ArtifactRow>(made.value()).get().getContentType()) ==
          "application/binary");
  }
}

TEST_CASE("bytes come to an s3 artifact at any time, and again", "[artifact]") {
  Cast cast;
  bring(cast);
  CHECK(code_of(cast.ask(a, store("one"))) == missing);
  REQUIRE(cast.ask(a, put({})).ok());
  CHECK(code_of(cast.ask(a, store("one"))) == fine);
  CHECK(code_of(cast.ask(a, store("one", upload))) == conflict);
  REQUIRE(cast.ask(a, resolve(cast.claim("A"), {Outcome::COMPLETED})).ok());
  cast.take_events();
  CHECK(code_of(cast.ask(a, store("two!"))) == fine);
  CHECK(cast.take_events() == Names{});
  const auto words = cast.rows(a).get(tables::task_artifacts.id, task::artifact_key(0, "public/a"));
  REQUIRE(words);
  Stored<schema::ArtifactRow> row(*words);
  CHECK(row.get().getSize() == 4);
  CHECK(str(row.get().getContentEncoding()) == "gzip");
  CHECK(str(row.get().getContentType()) == "text/plain");
}

TEST_CASE("a repeat keeps the bytes that are here", "[artifact]") {
  Cast cast;
  bring(cast);
  REQUIRE(cast.ask(a, put({})).ok());
  REQUIRE(cast.ask(a, store("one")).ok());
  const auto again = cast.ask(a, put({.expires = start + hour * 3}));
  REQUIRE(again.ok());
  Stored<schema::ArtifactRow> row(again.value());
  CHECK(row.get().getSize() == 3);
  CHECK(row.get().getSha256().size() == 3);
  CHECK(str(row.get().getContentEncoding()) == "gzip");
}

TEST_CASE("finishArtifact", "[artifact]") {
  Cast cast;
  bring(cast);
  CHECK(code_of(cast.ask(a, finish(upload))) == missing);
  REQUIRE(cast.ask(a, put({.storage = "link", .details = "x", .name = "public/link"})).ok());
  CHECK(code_of(cast.ask(a, finish(upload, "public/link"))) == invalid);
  REQUIRE(cast.ask(a, put({.storage = "object", .details = upload, .length = 3})).ok());
  cast.take_events();
  CHECK(code_of(cast.ask(a, finish("another"))) == invalid);
  CHECK(code_of(cast.ask(a, finish(upload))) == invalid);  // no bytes
  CHECK(code_of(cast.ask(a, store("one"))) == conflict);
  CHECK(code_of(cast.ask(a, store("one", "another"))) == conflict);
  CHECK(code_of(cast.ask(a, store("one", upload))) == fine);
  CHECK(code_of(cast.ask(a, finish("another"))) == invalid);
  CHECK(cast.take_events() == Names{});

  CHECK(code_of(cast.ask(a, finish(upload))) == fine);
  CHECK(code_of(cast.ask(a, finish("whatever"))) == fine);
  CHECK(cast.take_events() == Names{"artifact-created A.0", "artifact-created A.0"});
  // Finished: the same bytes are no change, all else is.
  CHECK(code_of(cast.ask(a, store("one", upload))) == fine);
  CHECK(code_of(cast.ask(a, store("two", upload))) == conflict);
  CHECK(code_of(cast.ask(a, put({.storage = "object", .details = upload, .length = 3}))) ==
        conflict);
  CHECK(code_of(cast.ask(task_id("B"), finish(upload))) == missing);
  // No state of the run forbids it.
  REQUIRE(cast.ask(a, resolve(cast.claim("A"), {Outcome::COMPLETED})).ok());
  CHECK(code_of(cast.ask(a, finish(upload))) == fine);
}

}  // namespace
}  // namespace troupe::test
