@0xb7d24f609c1ae583;
# Which blobs are in use: what their collectors keep, what they are told and what they answer. There
# are 256 collectors: a blob's is named by the first byte of its SHA-256, in hexadecimal.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::schema");

struct BlobUser {
  # An artifact or object whose row names a blob.
  sha256 @0 :Data;  # name of the blob, 32 bytes
  taskId @1 :Text;  # of an artifact; empty: an object of the object service
  runId @2 :UInt32;  # of an artifact
  name @3 :Text;    # of the artifact or object
}

struct CollectorRow {
  # Table blobs_state, key (): one for each collector that ever heard of a blob.
  collector @0 :Text;  # the actor's key
}

struct BlobReferenceRow {
  # Table blob_references, key (SHA-256 of the blob, SHA-256 of its user's names).
  user @0 :BlobUser;  # as it told
}

struct BlobGarbageRow {
  # Table blob_garbage, key (SHA-256 of the blob): nobody uses it, and its file may be there.
  due @0 :Int64;  # when it may be removed, ms since 1970
}

struct BlobMessage {
  # To a collector.
  union {
    reference @0 :BlobUser;        # from a task or object: its row names the blob
    unreference @1 :BlobUser;      # from a task or object: its row does so no more
    watch @2 :Void;                # command -> BlobPush, again and again: an earlier one ends
    settle :group {                # command -> Void: what became of the blobs of a BlobPush
      removed @3 :List(Data);      # these are gone
      kept @4 :List(Data);         # these were in use lately: they are offered again, later
    }
    suspect @5 :List(Data);        # command -> Void: blobs that are here, perhaps without a user
  }
}

struct BlobPush {
  # What a collector tells whoever can remove blobs.
  garbage @0 :List(Data);  # blobs that nobody has used for some time
}
