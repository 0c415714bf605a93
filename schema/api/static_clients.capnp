@0xe7b52c90fd184a36;
# The file of static clients, which an operator writes in JSON.

using Cxx = import "/capnp/c++.capnp";
using A = import "annotations.capnp";
$Cxx.namespace("troupe::schema");

struct StaticClient {
  # A client that the configuration defines: no method changes it.
  clientId @0 :Text $A.required $A.pattern("^static/[A-Za-z0-9!@/:.+|_-]+$")
      $A.form("a name that begins with static/, such as static/ci/scheduler");  # its name
  accessToken @1 :Text $A.required $A.pattern("^[a-zA-Z0-9_-]{22,66}$")
      $A.form("a token of 22 to 66 letters, digits, - or _");  # what signs its requests
  description @2 :Text $A.length((max = 10240));           # Markdown
  scopes @3 :List(Text) $A.required $A.unique $A.pattern("^[ -~]*$")
      $A.form("printable ASCII characters");               # what it may do
}

struct StaticClientFile {
  # The whole of it.
  clients @0 :List(StaticClient) $A.required;  # each name once
}
