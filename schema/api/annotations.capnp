@0xd2a1c7f0b3e84a51;
# What a field is beyond its Cap'n Proto type: its shape in JSON and the limits of its value.
# Read by reflection (runtime/transcode); there is no second list of these rules.

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
