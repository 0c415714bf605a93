@0xd2a1c7f0b3e84a51;
# What a field is beyond its Cap'n Proto type: its shape in JSON and the limits of its value; and
# what a method is over HTTP and who may call it. Read by reflection (runtime/transcode and
# runtime/api); there is no second list of these rules.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::schema");

struct Range {
  # Both limits are included. Left out, `min` is 0 and `max` does not limit.
  min @0 :Int64;                        # smallest value, inclusive
  max @1 :Int64 = 9223372036854775807;  # largest value, inclusive
}

# -- shapes --------------------------------------------------------------------------------------
annotation jsonName @0xa5f1c1d8e6b7a001 (enumerant, field, param) :Text;
# The name in JSON, where it differs from the name here.
annotation jsonText @0xa5f1c1d8e6b7a002 (field, param) :Void;
# A Text that holds an object in JSON: it passes verbatim.
annotation dateTime @0xa5f1c1d8e6b7a003 (field, param) :Void;
# An Int64 of milliseconds since 1970 that JSON writes as RFC 3339. 0 is absent.
annotation map @0xa5f1c1d8e6b7a004 (field, param) :Void;
# A list of {key, value} that JSON writes as an object.
annotation optional @0xa5f1c1d8e6b7a005 (field, param) :Void;
# Left out of JSON while it holds its default (an empty text, list or struct, 0, the first
# enumerant); a field without this is always written.

annotation anyJson @0xa5f1c1d8e6b7a00e (field, param) :Void;
# A Text that holds any one value in JSON: it passes verbatim.
annotation body @0xa5f1c1d8e6b7a00f (field, param) :Void;
# Of the only field of an answer: in JSON the answer is its value, not an object around it.
annotation discriminator @0xa5f1c1d8e6b7a010 (struct) :Text;
# The struct holds nothing but an unnamed union of structs. In JSON it is the one that is set, with
# this further property, which holds the member's name.
annotation schema @0xa5f1c1d8e6b7a011 (struct) :Text;
# Name of the JSON schema that is served for it: `create-client-request`.

# -- limits of input -----------------------------------------------------------------------------
annotation required @0xa5f1c1d8e6b7a006 (field, param) :Void;
# The caller must give it.
annotation default @0xa5f1c1d8e6b7a007 (field, param) :Text;
# JSON that is filled in when the caller leaves it out.
annotation pattern @0xa5f1c1d8e6b7a008 (field, param) :Text;
# RE2; of a Text, or of each item of a List(Text).
annotation form @0xa5f1c1d8e6b7a00d (field, param) :Text;
# What the pattern asks for, in words and with an example: for the error about a text that fails.
annotation length @0xa5f1c1d8e6b7a009 (field, param) :Range;
# Code points of a Text, or of each item of a List(Text) or value of a map of texts.
annotation items @0xa5f1c1d8e6b7a00a (field, param) :Range;
# Number of items of a list.
annotation range @0xa5f1c1d8e6b7a00b (field, param) :Range;
# Of an integer.
annotation unique @0xa5f1c1d8e6b7a00c (field, param) :Void;
# Items of a list differ.

# -- services and methods ------------------------------------------------------------------------
# A method's parameters that its route names come from the path. One that is a struct is the body.
# All others are the query string's; they are left out at will. A method that answers with an
# implicit, empty struct answers 204 over HTTP.
struct Service {
  # Of an interface.
  name @0 :Text;             # as URLs have it: `auth`
  version @1 :Text = "v1";   # of its HTTP API
  title @2 :Text;            # a few words
  description @3 :Text;      # Markdown
}
annotation service @0xa5f1c1d8e6b7a012 (interface) :Service;
# Makes an interface a service; without this it is only a part of those that extend it.

enum Verb {
  # An HTTP method. A GET answers HEAD too.
  get @0;     # reads
  post @1;    # does something
  put @2;     # creates, safe to repeat
  delete @3;  # removes, safe to repeat
}

enum Stability {
  # What its users may rely on.
  stable @0;        # stays as it is
  experimental @1;  # may change
  deprecated @2;    # has a better successor
}

struct ScopeExpression {
  # Which scopes a caller needs; `<parameter>` in a scope stands for a value of the call.
  # Source: spec/api-framework.md, "Scope-expression templates".
  union {
    scope @0 :Text;                   # this one
    allOf @1 :List(ScopeExpression);  # each of these; none is satisfied
    anyOf @2 :List(ScopeExpression);  # one of these; none is not satisfied
    forEach :group {
      # Inside a list: a scope for each item of a parameter.
      for @3 :Text;   # what an item is called in `each`
      in @4 :Text;    # the parameter: a list of texts
      each @5 :Text;  # the scope
    }
    condition :group {
      # `then` if a parameter is true, `else` if it is false.
      if @6 :Text;               # the parameter
      then @7 :ScopeExpression;  # if it is true
      else @8 :ScopeExpression;  # if it is false; null: nothing is needed then
    }
  }
}

struct Method {
  # Of a method of a service; each has it.
  verb @0 :Verb;    # with the route, what HTTP calls it by
  route @1 :Text;
  # Below `/api/<service>/<version>`, as runtime/http/router.h has it. Empty: over RPC alone.
  access :union {
    # Who may call it.
    needs @2 :ScopeExpression;
    # Whose scopes satisfy this. Where all of its parameters are the route's, it is checked before
    # the method is called; else the method names the values and has it checked.
    public @3 :Void;  # anybody, without a look at credentials
  }
  title @4 :Text;        # a few words
  description @5 :Text;  # Markdown
  category @6 :Text;     # a heading for it in lists
  stability @7 :Stability;  # what its users may rely on
  input @8 :Text;   # name of the body's schema, where it is not that of its struct
  output @9 :Text;  # name of the answer's schema, likewise
}
annotation method @0xa5f1c1d8e6b7a013 (method) :Method;
# What it is over HTTP, and who may call it.

annotation rpcOnly @0xa5f1c1d8e6b7a014 (param) :Void;
# A parameter that HTTP does not have.
