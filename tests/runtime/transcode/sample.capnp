@0xa41d7c95e8f3b206;
# One field for each shape and each annotation, for the tests of runtime/transcode.

using Cxx = import "/capnp/c++.capnp";
using A = import "/schema/api/annotations.capnp";
$Cxx.namespace("troupe::sample");

enum Colour {
  red @0;
  darkBlue @1 $A.jsonName("dark-blue");
}

struct Pair {
  key @0 :Text;
  value @1 :Text;
}

struct Count {
  key @0 :Text;
  value @1 :Int32 $A.range((min = 1, max = 9));
}

struct Shapes {
  # Ordinals out of order on purpose: JSON follows the text.
  last @1 :Text;
  first @0 :Text;
  nothing @2 :Void;
  yes @3 :Bool;
  tiny @4 :Int8;
  big @5 :Int64;
  unsigned @6 :UInt64;
  single @7 :Float32;
  double @8 :Float64;
  bytes @9 :Data;
  colour @10 :Colour;
  inner @11 :Pair;
  lists @12 :List(List(Int16));
  pairs @13 :List(Pair);
  colours @14 :List(Colour);
  place :group {
    x @15 :Int32;
    y @16 :Int32;
  }
}

struct Notes {
  renamed @0 :Text $A.jsonName("other-name");
  free @1 :Text $A.jsonText;
  when @2 :Int64 $A.dateTime;
  whens @3 :List(Int64) $A.dateTime;
  tags @4 :List(Pair) $A.map;
  counts @5 :List(Count) $A.map;
}

struct Optionals {
  text @0 :Text $A.optional;
  dashed @1 :Text = "-" $A.optional;
  number @2 :Int32 = -1 $A.optional;
  flag @3 :Bool $A.optional;
  when @4 :Int64 $A.optional $A.dateTime;
  colour @5 :Colour $A.optional;
  list @6 :List(Text) $A.optional;
  inner @7 :Pair $A.optional;
  free @8 :Text $A.optional $A.jsonText;
  bytes @9 :Data $A.optional;
  limited @10 :Text $A.optional $A.pattern("^[a-z]+$");
}

struct Limited {
  needed @0 :Text $A.required;
  neededTime @1 :Int64 $A.required $A.dateTime;
  neededInner @2 :Needy $A.required;
  word @3 :Text $A.pattern("^[a-z]*$");
  words @4 :List(Text) $A.pattern("^[a-z]+$") $A.form("a word such as abc") $A.length((max = 3))
      $A.items((min = 1, max = 4)) $A.unique;
  short @5 :Text $A.length((min = 2, max = 4));
  percent @6 :Int32 $A.range((max = 100));
  signed @7 :Int64 $A.range((min = -5, max = -1));
  unsigned @8 :UInt16 $A.range((min = 3));
  tags @9 :List(Pair) $A.map $A.length((max = 3)) $A.items((max = 2));
  free @10 :Text $A.jsonText;
}

struct Needy {
  name @0 :Text $A.required;
}

struct Defaults {
  text @0 :Text = "none" $A.default("\"none\"");
  number @1 :Int32 = 5 $A.default("5");
  colour @2 :Colour $A.default("\"dark-blue\"");
  list @3 :List(Text) $A.default("[\"a\", \"b\"]");
  map @4 :List(Pair) $A.default("{\"k\": \"v\"}") $A.map;
  free @5 :Text $A.default("{\"a\" : 1}") $A.jsonText;
  inner @6 :Pair $A.default("{\"key\": \"k\"}");
}

struct Choice {
  before @0 :Text;
  union {
    nothing @1 :Void;
    number @2 :Int32;
    pair @3 :Pair;
    size :group {
      width @4 :Int32;
    }
  }
}

enum Mood {
  none @0 $A.jsonName("");  # not named
  glad @1;
}

struct Anything {
  value @0 :Text $A.anyJson;
  maybe @1 :Text $A.anyJson $A.optional;
  values @2 :List(Text) $A.anyJson;
  mood @3 :Mood = glad;
}

struct Circle $A.schema("circle") {
  radius @0 :UInt16 $A.required $A.range((max = 9));
  centre @1 :Text $A.optional;
}

struct Square {
  side @0 :UInt16;
}

struct Figure $A.discriminator("kind") {
  union {
    circle @0 :Circle;
    square @1 :Square $A.jsonName("right-angled");
  }
}

struct Drawing {
  figures @0 :List(Figure);
  frame @1 :Figure;
  named @2 :Pair $A.items((min = 1, max = 1));
}

struct Tree {
  name @0 :Text;
  left @1 :Tree $A.optional;
  children @2 :List(Tree);
}

struct Fresh {
  # For the one test that must be the first to use it.
  pairs @0 :List(Pair) $A.map;
  colour @1 :Colour;
  text @2 :Text $A.pattern("^[a-z]*$");
}

struct Endless {
  next @0 :Endless;
}

# -- schemas that are wrong ------------------------------------------------------------------------
interface Port {}

struct WithPort {
  port @0 :Port;
}

struct WithPointer {
  pointer @0 :AnyPointer;
}

struct FormAlone {
  text @0 :Text $A.form("a word");
}

struct BadPattern {
  text @0 :Text $A.pattern("(");
}

struct BadDefault {
  text @0 :Text $A.default("[");
}

struct BadMap {
  map @0 :List(Text) $A.map;
}

struct MisplacedRange {
  text @0 :Text $A.range((max = 3));
}

struct MisplacedDate {
  when @0 :UInt64 $A.dateTime;
}

struct MisplacedAnyJson {
  number @0 :Int32 $A.anyJson;
}

struct BesideDiscriminator $A.discriminator("kind") {
  beside @0 :Text;
  union {
    circle @1 :Circle;
    square @2 :Square;
  }
}

struct TakenDiscriminator $A.discriminator("side") {
  union {
    circle @0 :Circle;
    square @1 :Square;
  }
}

struct MisplacedUnique {
  numbers @0 :List(Int32) $A.unique;
}
