@0x88529db3d972228c;
# The object service: immutable bytes by name, and how they come and go. Names are those of
# Taskcluster's. Times are milliseconds since 1970, UTC.

using Cxx = import "/capnp/c++.capnp";
using A = import "annotations.capnp";
using M = import "monitoring.capnp";
using Q = import "queue_types.capnp";
using N = import "queue_names.capnp";
$Cxx.namespace("troupe::schema");

const objectNamePattern :Text = "^[\\x20-\\x7e]+$";
# Printable ASCII.
const projectPattern :Text = "^([a-zA-Z0-9._/-]*)$";
# Of a projectId, which has 1 to 500 characters.

struct InlineUpload {
  # A few bytes that come with the request.
  contentType @0 :Text $A.required;  # MIME type
  objectData @1 :Text $A.required $A.length((max = 10926));  # in base64; 8 KiB of them at most
}

struct PutUpload {
  # Bytes that a PUT to a URL will send.
  contentType @0 :Text $A.required;    # MIME type
  contentLength @1 :Int64 $A.required;  # bytes
}

struct ProposedUploads {
  # Which ways its uploader knows; the first that is given is chosen.
  dataInline @0 :InlineUpload $A.optional;  # the bytes are here
  putUrl @1 :PutUpload $A.optional;         # the bytes follow
}

struct UploadRequest $A.schema("create-upload-request") {
  # What createUpload reserves.
  projectId @0 :Text $A.required $A.length((min = 1, max = 500)) $A.pattern(.projectPattern);
  # whose it is: who may upload it
  uploadId @1 :Text $A.required $A.pattern(N.taskIdPattern) $A.form(N.taskIdForm);
  # random, chosen by the uploader, and nobody else's business
  expires @2 :Int64 $A.required $A.dateTime;      # kept until then
  proposedUploadMethods @3 :ProposedUploads $A.required;  # nothing: the name is reserved
  hashes @4 :List(Q.Tag) $A.optional $A.map;  # sha256 and sha512 in hexadecimal, and any others
}

struct PutTarget {
  # Where the bytes go.
  url @0 :Text $A.required;                # takes one PUT
  expires @1 :Int64 $A.required $A.dateTime;  # of the URL; ask again for another
  headers @2 :List(Q.Tag) $A.required $A.map;  # to send with them, exactly
}

struct ChosenUpload {
  # The way that was chosen; nothing if none was proposed.
  dataInline @0 :Bool $A.optional;      # the bytes are stored
  putUrl @1 :PutTarget $A.optional;     # send them
}

struct UploadAnswer $A.schema("create-upload-response") {
  # What createUpload has reserved.
  projectId @0 :Text $A.required $A.length((min = 1, max = 500)) $A.pattern(.projectPattern);
  # as it was given
  uploadId @1 :Text $A.required $A.pattern(N.taskIdPattern);  # as it was given
  expires @2 :Int64 $A.required $A.dateTime;  # as it was given
  uploadMethod @3 :ChosenUpload $A.required;   # what to do next
}

struct FinishUploadRequest $A.schema("finish-upload-request") {
  # Which upload is complete.
  projectId @0 :Text $A.required $A.length((min = 1, max = 500)) $A.pattern(.projectPattern);
  # as of createUpload
  uploadId @1 :Text $A.required $A.pattern(N.taskIdPattern) $A.form(N.taskIdForm);
  # as of createUpload
  hashes @2 :List(Q.Tag) $A.optional $A.map;  # as of createUpload, or more
}

struct DownloadMethods {
  # Which ways its downloader knows; false is not given.
  simple @0 :Bool $A.optional;  # a URL
  getUrl @1 :Bool $A.optional;  # a URL with hashes to check
}

struct DownloadRequest $A.schema("download-object-request") {
  # How somebody wants to download.
  acceptDownloadMethods @0 :DownloadMethods $A.required;  # one or more
}

struct SimpleDownload {
  # For any HTTP client.
  url @0 :Text $A.required;  # good for half an hour
}

struct GetUrlDownload {
  # For clients that check what they get.
  url @0 :Text $A.required;                # takes a GET, answers without redirects
  expires @1 :Int64 $A.required $A.dateTime;  # of the URL; ask again for another
  hashes @2 :List(Q.Tag) $A.required $A.map;  # algorithm and value in hexadecimal
}

struct Download $A.schema("download-object-response") $A.discriminator("method") {
  # The way that was chosen.
  union {
    simple @0 :SimpleDownload;  # if nothing better was asked for
    getUrl @1 :GetUrlDownload;  # preferred
  }
}

struct ObjectMetadata $A.schema("get-object-response") {
  # What is known of an object, without its bytes.
  projectId @0 :Text $A.required $A.length((min = 1, max = 500)) $A.pattern(.projectPattern);
  # whose it is
  expires @1 :Int64 $A.required $A.dateTime;  # kept until then
  hashes @2 :List(Q.Tag) $A.required $A.map;  # algorithm and value in hexadecimal
}

interface Object extends(M.Monitoring)
    $A.service((name = "object", title = "Object Service",
                description = "Immutable bytes by name, kept here.")) {
  # Each method over HTTP, too.
  createUpload @0 (name :Text $A.pattern(.objectNamePattern), upload :UploadRequest) -> UploadAnswer
      $A.method((verb = put, route = "/upload/<name>",
                 access = (needs = (scope = "object:upload:<projectId>:<name>")),
                 category = "Upload",
                 title = "Begin upload of a new object",
                 description = "Reserves a name, and says how the bytes are sent."));
  # A repeat is answered alike, with a fresh URL.
  finishUpload @1 (name :Text $A.pattern(.objectNamePattern), upload :FinishUploadRequest) -> ()
      $A.method((verb = post, route = "/finish-upload/<name>",
                 access = (needs = (scope = "object:upload:<projectId>:<name>")),
                 category = "Upload",
                 title = "Mark an upload as complete.",
                 description = "The bytes are all there; from now on they can be downloaded."));
  # A repeat is answered alike.
  startDownload @2 (name :Text $A.pattern(.objectNamePattern), download :DownloadRequest)
      -> (answer :Download $A.body)
      $A.method((verb = put, route = "/start-download/<name...>",
                 access = (needs = (scope = "object:download:<name>")),
                 category = "Download", output = "download-object-response",
                 title = "Download object data",
                 description = "How the bytes of an object are fetched."));
  # Not found until its upload is finished.
  object @3 (name :Text $A.pattern(.objectNamePattern)) -> ObjectMetadata
      $A.method((verb = get, route = "/metadata/<name...>",
                 access = (needs = (scope = "object:download:<name>")),
                 category = "Objects",
                 title = "Get an object's metadata",
                 description = "What is known of an object, without its bytes."));
  # Not found until its upload is finished.
  download @4 (name :Text $A.pattern(.objectNamePattern)) -> ()
      $A.method((verb = get, route = "/download/<name...>",
                 access = (needs = (scope = "object:download:<name>")),
                 category = "Download",
                 title = "Get an object's data",
                 description = "Redirects to the bytes of an object."));
  # Over HTTP alone: over RPC nothing is redirected, and startDownload answers the URL.
}
