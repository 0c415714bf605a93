@0xd95f1c3a7be24860;
# A service with one method of each sort, for the tests of runtime/api.

using Cxx = import "/capnp/c++.capnp";
using A = import "/schema/api/annotations.capnp";
$Cxx.namespace("troupe::sample");

struct Note $A.schema("note") {
  text @0 :Text $A.required $A.length((max = 5));
  labels @1 :List(Text) $A.default("[]");
  urgent @2 :Bool $A.default("true");
}

struct NoteList $A.schema("notes") {
  notes @0 :List(Note) $A.body;
}

interface Part {
  alive @0 () -> Note
      $A.method((verb = get, route = "/alive", access = (public = void), title = "Alive"));
}

interface Notes extends(Part)
    $A.service((name = "notes", title = "Notes", description = "Of people.")) {
  read @0 (id :Text $A.pattern("^[a-z]+$"), page :UInt32) -> Note
      $A.method((verb = get, route = "/note/<id>", title = "Read", description = "One.",
                 category = "Notes", access = (needs = (scope = "notes:read:<id>"))));
  write @1 (id :Text $A.pattern("^[a-z]+$"), note :Note, requestId :Text $A.rpcOnly) -> Note
      $A.method((verb = put, route = "/note/<id>", title = "Write", stability = experimental,
                 access = (needs = (allOf = [
                     (scope = "notes:write:<id>"),
                     (forEach = (for = "label", in = "labels", each = "notes:label:<label>"))]))));
  list @2 (prefix :Text) -> NoteList
      $A.method((verb = get, route = "/notes/<prefix...>", title = "List",
                 access = (needs = (scope = "notes:list"))));
  forget @3 (id :Text) -> ()
      $A.method((verb = delete, route = "/note/<id>", title = "Forget",
                 access = (needs = (scope = "notes:forget:<id>"))));
  whisper @4 (id :Text) -> ()
      $A.method((access = (needs = (scope = "notes:whisper:<id>")), title = "Whisper"));
  careless @5 (id :Text) -> Note
      $A.method((verb = post, route = "/careless/<id>", title = "Careless",
                 access = (needs = (allOf = [
                     (forEach = (for = "x", in = "xs", each = "notes:<x>"))]))));
}

# -- services that are wrong ----------------------------------------------------------------------
interface Nameless {}

interface Unmarked $A.service((name = "unmarked")) {
  method @0 () -> ();
}

interface Openhanded $A.service((name = "openhanded")) {
  method @0 () -> () $A.method((verb = get, route = "/", title = "Neither needs nor public"));
}

interface Mistaken $A.service((name = "mistaken")) {
  method @0 (id :Text) -> ()
      $A.method((verb = get, route = "/<other>", access = (public = void), title = "Mistaken"));
}
