@0xeff84c93fac270e3;
# Objects of the object service: what their actors keep and what they are told. Times are
# milliseconds since 1970, 0 is none.

using Cxx = import "/capnp/c++.capnp";
using Q = import "../api/queue_types.capnp";
$Cxx.namespace("troupe::schema");

struct ObjectRow {
  # Table object_state, key (): one for each object. Also the answer to commands.
  name @0 :Text;         # the actor's key: printable ASCII
  projectId @1 :Text;    # as it was created
  uploadId @2 :Text;     # of its uploader; empty: it is finished
  created @3 :Int64;     # by the first createUpload
  expires @4 :Int64;     # as it was created
  hashes @5 :List(Q.Tag);  # algorithm and value, as its uploader said, sorted
  sha256 @6 :Data;       # name of its blob, 32 bytes; empty until that is here
  size @7 :UInt64;       # bytes of its blob
  contentType @8 :Text;  # MIME type, as its uploader said
  finishedUploadId @9 :Text;  # as `uploadId` was before it was finished
}

struct ObjectMessage {
  # To the actor of one object; its key is the object's name.
  union {
    createUpload :group {     # command -> ObjectRow: reserves the name, again and again
      projectId @0 :Text;     # may not differ from the first call's
      uploadId @1 :Text;      # likewise
      expires @2 :Int64;      # likewise
      hashes @3 :List(Q.Tag);  # those that are known are not changed
    }
    storeBlob :group {        # command -> Void: its bytes are here
      blobUploadId @4 :Text;  # as of createUpload
      sha256 @5 :Data;        # of the bytes
      size @6 :UInt64;        # of the bytes
      contentType @7 :Text;   # MIME type
    }
    finishUpload :group {     # command -> ObjectRow
      ofProject @8 :Text;      # as of createUpload
      finishedUploadId @9 :Text;  # as of createUpload
      moreHashes @10 :List(Q.Tag);  # those that are known are not changed
    }
  }
}
