@0xc5b1e07a94d2f386;
# What the names and ids of the queue look like, and its routes that are too long for a line.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::schema");

const taskIdPattern :Text =
    "^[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]$";
# A slugid: 22 characters of base64url that hold the 16 bytes of a version 4 UUID.
const taskQueueIdPattern :Text =
    "^[a-zA-Z0-9-_]{1,38}/[a-z]([-a-z0-9]{0,36}[a-z0-9])?$";
# `provisionerId/workerType`.

const namePattern :Text = "^([a-zA-Z0-9-_]*)$";
# Of workerGroup and workerId.
const pathNamePattern :Text = "^[a-zA-Z0-9-_]{1,38}$";
# Of names in routes: workerGroup, workerId, and the halves of a taskQueueId.
const workerTypePattern :Text = "^[a-z]([-a-z0-9]{0,36}[a-z0-9])?$";
# Of the second half of a taskQueueId.
const schedulerIdPattern :Text = "^([a-zA-Z0-9-_]*)$";
# Of a schedulerId, which has 1 to 38 characters.
const artifactNamePattern :Text = "^[\\x20-\\x7e]+$";
# Printable ASCII.

const taskIdForm :Text = "an id of 22 characters such as fN1SbArXTPSVFNUvaOlinQ";
# `taskIdPattern` in words.
const taskQueueIdForm :Text =
    "a task queue such as local/default: PROVISIONER/WORKER-TYPE, the latter in lower case";
# `taskQueueIdPattern` in words.

const workersRoute :Text = "/provisioners/<provisionerId>/worker-types/<workerType>/workers";
# Of the workers of a task queue.
const workerRoute :Text =
    "/provisioners/<provisionerId>/worker-types/<workerType>/workers/<workerGroup>/<workerId>";
# Of one worker.
const declareRoute :Text =
    "/provisioners/<provisionerId>/worker-types/<workerType>/<workerGroup>/<workerId>";
# Of declareWorker, which differs from other methods of a worker.
const quarantineScope :Text =
    "queue:quarantine-worker:<provisionerId>/<workerType>/<workerGroup>/<workerId>";
# To change a worker's quarantine.
const declareScope :Text =
    "queue:declare-worker:<provisionerId>/<workerType>/<workerGroup>/<workerId>#<property>";
# To declare one property of a worker.
