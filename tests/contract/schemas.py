"""The contract's references and schemas, and whether an answer keeps to them.

Imports jsonschema when it is first asked for, so that tests without clients can import this."""

import functools
import json
import os
import re
import urllib.parse

BASE = "https://contract.invalid"  # schemas name themselves without a root URL
# Parameters that take the rest of the path. Source: spec/api-framework.md, section 3.
REST_OF_PATH = {("auth", "awsS3Credentials", "prefix"), ("index", "findArtifactFromTask", "name"),
                ("secrets", "get", "name"), ("secrets", "set", "name"),
                ("secrets", "remove", "name"), ("purge-cache", "purgeCache", "workerPoolId"),
                ("purge-cache", "purgeRequests", "workerPoolId"),
                ("object", "startDownload", "name"), ("object", "object", "name"),
                ("object", "download", "name"), ("queue", "getArtifact", "name"),
                ("queue", "getLatestArtifact", "name"), ("queue", "createArtifact", "name"),
                ("queue", "artifactInfo", "name"), ("queue", "latestArtifactInfo", "name"),
                ("queue", "artifact", "name"), ("queue", "latestArtifact", "name"),
                ("queue", "finishArtifact", "name"), ("queue", "claimWork", "taskQueueId"),
                ("queue", "pendingTasks", "taskQueueId"),
                ("queue", "taskQueueCounts", "taskQueueId"),
                ("queue", "listPendingTasks", "taskQueueId"),
                ("queue", "listClaimedTasks", "taskQueueId"), ("troupe", "explain", "subject")}


def contract_dir():
    """The folder of the contract; None without one."""
    return os.environ.get("TROUPE_CONTRACT_DIR") or None


def read_json(*path):
    with open(os.path.join(contract_dir(), *path)) as file:
        return json.load(file)


@functools.lru_cache(None)
def services():
    """Those of the contract that have methods, by name, each with its reference."""
    found = {}
    for name in sorted(os.listdir(os.path.join(contract_dir(), "references"))):
        path = os.path.join("references", name, "v1", "api.json")
        if os.path.exists(os.path.join(contract_dir(), path)):
            found[name] = read_json(path)
    return found


_own = {}  # services that the contract lacks: their references, by name
_own_schemas = {}  # theirs, by path


def learn(reference, documents):
    """Adds a service that the contract lacks: its reference, and schemas by their paths."""
    _own[reference["serviceName"]] = reference
    _own_schemas.update(documents)
    routes.cache_clear()
    _registry.cache_clear()


def knows(service):
    return service in services() or service in _own


def reference(service):
    return services().get(service) or _own[service]


def entry(service, method):
    """What the reference of a service says of a method."""
    return next(one for one in reference(service)["entries"] if one["name"] == method)


@functools.lru_cache(None)
def routes():
    """(service, verb, compiled pattern of the whole path, entry) in the order of declaration."""
    return [(service, entry["method"], re.compile(_pattern(service, entry)), entry)
            for service in (*services(), *_own) for entry in reference(service)["entries"]]


def _pattern(service, entry):
    parts = []
    for part in re.split(r"(<\w+>)", entry["route"].rstrip("/")):
        if not part.startswith("<"):
            parts.append(re.escape(part))
        elif (service, entry["name"], part[1:-1]) in REST_OF_PATH:
            parts.append("(?P%s.*)" % part)
        else:
            parts.append("(?P%s[^/]+)" % part)
    return "^/api/%s/v1%s/?$" % (service, "".join(parts))


def find_method(verb, target):
    """The (service, entry) that a request meets; (None, None) if the contract has none."""
    path = target.split("?")[0]
    wanted = "get" if verb == "HEAD" else verb.lower()
    for service, method, pattern, entry in routes():
        if method == wanted and pattern.match(path):
            return service, entry
    return None, None


def parameters(verb, target):
    """The decoded parameters of the route that a request meets."""
    path = target.split("?")[0]
    service, entry = find_method(verb, target)
    match = re.match(_pattern(service, entry), path)
    return {name: urllib.parse.unquote(value) for name, value in match.groupdict().items()}


@functools.lru_cache(None)
def _registry():
    import referencing
    import referencing.jsonschema
    resources = [(BASE + path, referencing.jsonschema.DRAFT6.create_resource(schema))
                 for path, schema in _own_schemas.items()]
    for folder, _, names in os.walk(os.path.join(contract_dir(), "schemas")):
        for name in names:
            with open(os.path.join(folder, name)) as file:
                schema = json.load(file)
            if not isinstance(schema, dict) or not schema.get("$id", "").startswith("/"):
                continue
            schema["$id"] = BASE + schema["$id"].rstrip("#")
            resource = referencing.jsonschema.DRAFT6.create_resource(schema)
            resources.append((schema["$id"], resource))
    return referencing.Registry().with_resources(resources)


def problems(value, schema_path):
    """What is wrong with a value by the schema at `/schemas/…` of the contract, in words."""
    import jsonschema
    registry = _registry()
    schema = registry.contents(BASE + schema_path.rstrip("#"))
    validator = jsonschema.Draft6Validator(
        schema, registry=registry, format_checker=jsonschema.Draft6Validator.FORMAT_CHECKER)
    return ["%s: %s" % (error.json_path, error.message[:300])
            for error in validator.iter_errors(value)]
