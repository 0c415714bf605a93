@0x9e4d7c21b8a05f63;
# Artifacts of runs: what workers make known, and how their bytes are sent and had. Times are
# milliseconds since 1970, UTC; 0 is absent.

using Cxx = import "/capnp/c++.capnp";
using A = import "annotations.capnp";
using N = import "queue_names.capnp";
$Cxx.namespace("troupe::schema");

struct TaskCredentials $A.schema("task-credentials") {
  # Temporary credentials.
  clientId @0 :Text $A.required $A.length((min = 1));     # who they are of, and for what
  accessToken @1 :Text $A.required $A.length((min = 1));  # what signs requests
  certificate @2 :Text $A.required $A.length((min = 1));  # JSON: until when and how much they may
}

struct ObjectCredentials $A.schema("object-credentials") {
  # Temporary credentials for one object: a structure of its own, as its JSON schema is.
  clientId @0 :Text $A.required $A.length((min = 1));     # who they are of, and for what
  accessToken @1 :Text $A.required $A.length((min = 1));  # what signs requests
  certificate @2 :Text $A.required $A.length((min = 1));  # JSON: until when and how much they may
}

enum ArtifactErrorReason {
  # Why there are no bytes.
  fileMissingOnWorker @0 $A.jsonName("file-missing-on-worker");        # no such file
  invalidResourceOnWorker @1 $A.jsonName("invalid-resource-on-worker");  # no file, but a folder...
  tooLargeFileOnWorker @2 $A.jsonName("too-large-file-on-worker");     # more than the worker takes
  fileNotReadableOnWorker @3 $A.jsonName("file-not-readable-on-worker");  # the worker may not
}

struct S3Artifact {
  # Bytes that follow by a PUT to the URL of the answer.
  expires @0 :Int64 $A.required $A.dateTime;   # kept until then; never after the task's `expires`
  contentType @1 :Text $A.required $A.length((max = 255));  # MIME type
  contentLength @2 :Int64 = -1 $A.optional $A.range((max = 9223372036854775807));  # bytes
}

struct ObjectArtifact {
  # Bytes that follow through the object service.
  expires @0 :Int64 $A.required $A.dateTime;   # kept until then; never after the task's `expires`
  contentType @1 :Text $A.required $A.length((max = 255));  # MIME type
  contentLength @2 :Int64 = -1 $A.optional $A.range((max = 9223372036854775807));  # bytes
}

struct ReferenceArtifact {
  # Bytes that are somewhere else.
  expires @0 :Int64 $A.required $A.dateTime;  # known until then; never after the task's `expires`
  url @1 :Text $A.required $A.pattern("^[a-zA-Z][a-zA-Z0-9+.-]*:[^ ]*$") $A.form("a URL");  # where
  contentType @2 :Text $A.required $A.length((max = 255));  # MIME type
}

struct LinkArtifact {
  # Another name for an artifact of the same run.
  expires @0 :Int64 $A.required $A.dateTime;  # known until then; never after the task's `expires`
  artifact @1 :Text $A.required;              # the other's name; it need not exist
  contentType @2 :Text $A.optional $A.length((max = 255));  # MIME type
}

struct ErrorArtifact {
  # Why there is no artifact where one was wanted.
  expires @0 :Int64 $A.required $A.dateTime;     # known until then; never after the task's
  reason @1 :ArtifactErrorReason $A.required;    # for programs
  message @2 :Text $A.required $A.length((max = 4096));  # for people
}

struct ArtifactRequest $A.schema("post-artifact-request") $A.discriminator("storageType") {
  # What createArtifact makes known.
  union {
    s3 @0 :S3Artifact;                # kept here, sent by one PUT
    object @1 :ObjectArtifact;        # kept here, sent through the object service
    reference @2 :ReferenceArtifact;  # kept elsewhere
    link @3 :LinkArtifact;            # another name
    error @4 :ErrorArtifact;          # could not be had
  }
}

struct S3Upload {
  # Where the bytes go.
  contentType @0 :Text $A.required $A.length((max = 255));  # to send with them, exactly
  expires @1 :Int64 $A.required $A.dateTime;        # of the URL; ask again for another
  putUrl @2 :Text $A.required;                      # takes one PUT with the bytes
}

struct ObjectUpload {
  # How the bytes are sent through the object service.
  name @0 :Text $A.required $A.pattern(N.artifactNamePattern);  # of the object
  projectId @1 :Text $A.required $A.length((min = 1, max = 500))
      $A.pattern("^([a-zA-Z0-9._/-]*)$");               # the task's
  uploadId @2 :Text $A.required $A.pattern(N.taskIdPattern);  # to name in finishArtifact
  expires @3 :Int64 $A.required $A.dateTime;            # of the credentials
  credentials @4 :ObjectCredentials $A.required;        # to upload with, and for nothing else
}

struct NothingToSend {
  # The artifact is complete.
}

struct ArtifactAnswer $A.schema("post-artifact-response") $A.discriminator("storageType") {
  # What is to be done next for an artifact.
  union {
    s3 @0 :S3Upload;               # send the bytes
    object @1 :ObjectUpload;       # send the bytes, then call finishArtifact
    reference @2 :NothingToSend;   # done
    link @3 :NothingToSend;        # done
    error @4 :NothingToSend;       # done
  }
}

struct FinishArtifactRequest $A.schema("finish-artifact-request") {
  # Which upload is complete.
  uploadId @0 :Text $A.required $A.pattern(N.taskIdPattern) $A.form(N.taskIdForm);
  # as createArtifact gave it
}

struct ArtifactLocation $A.schema("get-artifact-response") {
  # Where an artifact's bytes are. Over HTTP it comes with a redirect there (303); that of an error
  # artifact is answered 424, with `reason` and `message` alone.
  storageType @0 :Text $A.required;  # of what links led to
  url @1 :Text $A.required;          # good for half an hour; empty for an error artifact
}

struct ArtifactUrl {
  # Bytes that a GET fetches.
  url @0 :Text $A.required;  # where
}

struct ArtifactObject {
  # Bytes that the object service has.
  name @0 :Text $A.required $A.pattern(N.artifactNamePattern);  # of the object
  credentials @1 :ObjectCredentials $A.required;  # to download with, and for nothing else
}

struct ArtifactError {
  # Why there are no bytes.
  reason @0 :Text $A.required;   # for programs: as of ErrorArtifact
  message @1 :Text $A.required;  # for people
}

struct ArtifactContent $A.schema("artifact-content-response") $A.discriminator("storageType") {
  # How an artifact's bytes are had.
  union {
    s3 @0 :ArtifactUrl;         # here
    object @1 :ArtifactObject;  # here, through the object service
    reference @2 :ArtifactUrl;  # elsewhere
    error @3 :ArtifactError;    # not at all
  }
}
