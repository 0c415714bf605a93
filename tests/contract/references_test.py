"""The served references and schemas are those of the contract: which there are, and in them names,
routes, arguments, queries, scopes and schemas, for every service that is served."""

import functools
import os
import re
import unittest

import schemas
from contract import ContractTest
from normal_schema import differences, normal

# Services of which every method is built.
WHOLE = {"auth", "object", "queue"}
# Defined by this project, so by no contract.
OWN = {"troupe"}

# Files of the contract that are not served, and why.
NOT_SERVED = {
    "/schemas/common/values.schema.json": "of a chart for Kubernetes, no part of the API",
    "/schemas/queue/v1/poll-task-urls-response.json":
        "of queues at Azure, which workers polled once: no method answers with it",
}
# Types of log lines that are not written, and why.
NOT_WRITTEN = {
    "queue-poll": "nothing polls",
    "hint-poller": "nothing polls",
    **dict.fromkeys(("db-function-call", "db-pool-counts"), "there is no such database"),
    **dict.fromkeys(("pulse.connected", "pulse.disconnected", "pulsePublisherBlocked"),
                    "a broker is optional; its lines are the log's own"),
}
# Types that libraries of Taskcluster's services have, whatever the service.
OF_A_LIBRARY = re.compile(r"monitor\.(?!apiMethod$)")
# Metrics that are not kept, and why.
NOT_COUNTED = {"iterate_duration_seconds": "nothing loops in the background"}
# Fields and labels that have a name of their own here.
RENAMED = {"clientId": "client", "statusCode": "status", "duration": "duration_ms",
           "satisfyingScopes": "scopes"}

# What of the contract's exchanges nothing publishes yet, by service.
UNPUBLISHED = {"auth": set(), "queue": set()}

# Where a served schema differs on purpose: (schema, place), and why that is the same to a client.
HOST = "format `hostname` as a pattern of what it accepts"
ADDRESS = "formats `ipv4` and `ipv6` as a pattern of what they accept"
NEVER = "no deployment without Sentry answers with it"
ONE_OF_THEM = "one way is chosen of those that were proposed, as the schema's words say"
TRUE_ONLY = "never written where it is false"
FALSE_IS_ABSENT = "false is taken as what is not given"
HASHES = "uploaders may name hashes beside sha256 and sha512, which are kept"
ANY_SOURCE = "every text has the format `regex` or `uri`"
DELIBERATE = {
    ("authenticate-hawk-request", "/properties/host/format"): HOST,
    ("authenticate-hawk-request", "/properties/host/maxLength"): HOST,
    ("authenticate-hawk-request", "/properties/host/minLength"): HOST,
    ("authenticate-hawk-request", "/properties/host/pattern"): HOST,
    ("authenticate-hawk-request", "/properties/sourceIp/oneOf"): ADDRESS,
    ("authenticate-hawk-request", "/properties/sourceIp/pattern"): ADDRESS,
    ("authenticate-hawk-response", "/oneOf/0/properties/hash/type"):
        "a hash is always text, which the contract does not say",
    ("sentry-dsn-response", "/properties/dsn/properties/public/format"): NEVER,
    ("sentry-dsn-response", "/properties/dsn/properties/secret/format"): NEVER,
    ("create-task-request", "/properties/scopes/default"): "[], as spec/queue.md says",
    ("create-task-request", "/required"): "the contract's default of `payload` is refused itself",
    ("task", "/required"): "the same structure as createTask's, whose other fields are filled in",
    ("create-upload-response", "/properties/uploadMethod/maxProperties"): ONE_OF_THEM,
    ("create-upload-response", "/properties/uploadMethod/properties/dataInline/const"): TRUE_ONLY,
    ("download-object-request",
     "/properties/acceptDownloadMethods/properties/getUrl/const"): FALSE_IS_ABSENT,
    ("download-object-request",
     "/properties/acceptDownloadMethods/properties/simple/const"): FALSE_IS_ABSENT,
    ("upload-method-data-inline", "/response/const"): TRUE_ONLY,
    ("download-method-geturl", "/request/const"): FALSE_IS_ABSENT,
    ("download-method-simple", "/request/const"): FALSE_IS_ABSENT,
    **{("hashes", "/%s/%s" % (side, keyword)): HASHES for side in ("upload", "download")
       for keyword in ("properties", "additionalProperties")},
    ("task-metadata", "/properties/source/anyOf"): ANY_SOURCE,
}
# The same wherever a structure of the queue stands: what places end with.
ONE_WORD = "`const` as an enumeration of one word"
ALWAYS = "answers have some of the contract's words alone, which are texts here"
EVERYWHERE = {
    "/properties/task/required": DELIBERATE[("task", "/required")],
    "/metadata/properties/source/anyOf": ANY_SOURCE,
    "/runs/items/properties/state/enum": "no run is ever `unscheduled`",
    "/reasonResolved/enum/8": "`none` is never written",
    "/reasonResolved/enum/9": "`superseded` is historic, and never written",
    "/properties/stability/enum": ALWAYS,
    "/properties/storageType/enum": ALWAYS,
    "/properties/storageType/const": ONE_WORD,
    "/properties/storageType/type": ONE_WORD,
    "/properties/url/format": "the format `uri` as a pattern, or not said of what is the server's",
    "/properties/url/pattern": "the format `uri` as a pattern",
    "/hashes/additionalProperties": HASHES,
    "/hashes/properties": HASHES,
    "/properties/putUrl/format": "the format `uri` is not said of what is the server's",
}

COMPARED = ("type", "method", "route", "args", "scopes", "input", "output", "stability")
TOP_LEVEL = {"$schema", "title", "description", "serviceName", "apiVersion", "entries"}


def files_of(folder):
    """Paths of the contract's files below a folder, as they are served."""
    top = schemas.contract_dir()
    return sorted(os.path.join(where, name)[len(top):]
                  for where, _, names in os.walk(top + folder) for name in names)


def snake_case(name):
    return re.sub(r"[A-Z]", lambda letter: "_" + letter.group().lower(), name)


class References(ContractTest):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fetch = staticmethod(functools.lru_cache(None)(cls._fetch))
        cls.manifest = cls.fetch("/references/manifest.json")

    @classmethod
    def _fetch(cls, path):
        answer = cls.nobody.get(path, api="")
        if answer.status != 200 or answer.json is None:
            raise AssertionError("%r is not served as JSON" % answer)
        return answer.json

    def served(self, kind="api"):
        """The served references of a kind, by service."""
        paths = [self.local(url) for url in self.manifest["references"]]
        return {path.split("/")[2]: self.fetch(path) for path in paths
                if path.endswith("/%s.json" % kind)}

    def local(self, url):
        self.assertTrue(url.startswith(self.server.root_url + "/"), url)
        return url[len(self.server.root_url):]

    def test_every_file_is_served(self):
        """Those of the contract for these services, but for what is left out on purpose."""
        missing = []
        for kind in ("references", "schemas"):
            for folder in sorted(WHOLE) + (["common"] if kind == "schemas" else []):
                for path in files_of("/%s/%s" % (kind, folder)):
                    status = self.nobody.get(path, api="").status
                    if (status == 200) == (path in NOT_SERVED):
                        missing.append((path, status))
        self.assertEqual(missing, [])

    def test_manifest(self):
        urls = self.manifest["references"]
        self.assertEqual(urls, sorted(set(urls)))
        self.assertEqual(self.manifest["$schema"],
                         self.server.root_url + "/schemas/common/manifest-v3.json#")
        for url in urls:
            self.local(self.fetch(self.local(url))["$schema"])
        manifest = schemas.read_json("references", "manifest.json")["references"]
        wanted = {url for url in manifest if url.split("/")[2] in WHOLE}
        self.assertLessEqual(wanted, {self.local(url) for url in urls})
        schema = "/schemas/common/manifest-v3.json#"
        self.assertEqual(schemas.problems({"references": urls}, schema), [])

    def same_telemetry(self, kind, entries):
        """The served references of a kind, and those of the contract, by service."""
        served = self.served(kind)
        self.assertEqual(set(served), WHOLE | OWN)
        schema = "/schemas/common/%s-reference-v0.json#" % kind
        for service, reference in served.items():
            with self.subTest(service=service):
                self.assertEqual(reference["$schema"], self.server.root_url + schema)
                self.assertEqual(schemas.problems({**reference, "$schema": schema}, schema), [])
                self.assertEqual(reference["serviceName"], service)
                found = {entry["name"]: entry for entry in reference[entries]}
                self.assertEqual(len(found), len(reference[entries]), "a name is there twice")
                if service in WHOLE:
                    wanted = schemas.read_json("references", service, "v1", kind + ".json")
                    yield service, found, wanted[entries]

    def test_logs(self):
        for service, found, wanted in self.same_telemetry("logs", "types"):
            for one in wanted:
                if one["type"] in NOT_WRITTEN or OF_A_LIBRARY.match(one["type"]):
                    self.assertNotIn(one["name"], found)
                elif one["type"] == "audit-event" and self.name_here(one) not in found:
                    self.assertNotEqual(service, "auth", "who changes clients is logged")
                else:
                    with self.subTest(type=one["type"]):
                        self.same_line(one, found[self.name_here(one)])

    @staticmethod
    def name_here(line):
        return "apiCall" if line["name"] == "apiMethod" else line["name"]

    def same_line(self, wanted, found):
        fields = {RENAMED.get(field, snake_case(field)) for field in wanted["fields"]}
        self.assertLessEqual(fields, set(found["fields"]))

    def test_metrics(self):
        for _, found, wanted in self.same_telemetry("metrics", "metrics"):
            for one in wanted:
                if one["name"] in NOT_COUNTED:
                    self.assertNotIn(one["name"], found)
                    continue
                with self.subTest(metric=one["name"]):
                    self.assertEqual(found[one["name"]]["type"], one["type"])

    def test_metrics_are_those_that_are_kept(self):
        """What /metrics has is published, with its kind, its labels and its buckets."""
        published = {one["name"]: one for reference in self.served("metrics").values()
                     for one in reference["metrics"]}
        text = self.nobody.get("/metrics", api="").raw.decode()
        kept = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
        self.assertIn("http_requests_total", kept)
        self.assertEqual(kept, {name: published[name]["type"] for name in kept
                                if name in published})
        for name, kind in kept.items():
            one = published[name]
            suffix = "_bucket" if kind == "histogram" else ""
            lines = re.findall(r"^%s%s(?:\{(.*)\})? \S+$" % (name, suffix), text, re.MULTILINE)
            labels = {label for line in lines for label in re.findall(r'(\w+)="', line)}
            self.assertEqual(labels - {"le"}, set(one["labels"]), name)
            if kind == "histogram":
                bounds = {float(bound) for line in lines
                          for bound in re.findall(r'le="([^"]*)"', line)}
                self.assertEqual(bounds, {*one["buckets"], float("inf")}, name)

    def test_every_service_is_known(self):
        self.assertEqual(set(self.served()) - OWN, WHOLE)

    def test_documents(self):
        for service, reference in self.served().items():
            with self.subTest(service=service):
                self.assertEqual(set(reference), TOP_LEVEL)
                self.assertEqual((reference["serviceName"], reference["apiVersion"]),
                                 (service, "v1"))
                self.assertEqual(reference["$schema"], self.server.root_url +
                                 "/schemas/common/api-reference-v0.json#")
                relative = {**reference, "$schema": "/schemas/common/api-reference-v0.json#"}
                self.assertEqual(
                    schemas.problems(relative, "/schemas/common/api-reference-v0.json"), [])

    def test_methods(self):
        for service, reference in self.served().items():
            if service in OWN:
                continue
            wanted = {entry["name"]: entry for entry in schemas.services()[service]["entries"]}
            found = {entry["name"]: entry for entry in reference["entries"]}
            self.assertEqual(len(found), len(reference["entries"]), "a name is there twice")
            for name, entry in found.items():
                with self.subTest(service=service, method=name):
                    self.assertIn(name, wanted, "the contract lacks it")
                    self.same_entry(wanted[name], entry)
            with self.subTest(service=service):
                self.assertEqual(set(wanted) - set(found), set(), "methods are missing")

    def same_entry(self, wanted, found):
        self.assertEqual({key: wanted.get(key) for key in COMPARED},
                         {key: found.get(key) for key in COMPARED})
        self.assertEqual(sorted(wanted["query"]), sorted(found["query"]))
        for prose in ("title", "description", "category"):
            self.assertTrue(found.get(prose), "no " + prose)

    def test_exchanges(self):
        served = self.served("exchanges")
        self.assertEqual(set(served), set(UNPUBLISHED))
        schema = "/schemas/common/exchanges-reference-v0.json#"
        for service, reference in served.items():
            wanted = schemas.read_json("references", service, "v1", "exchanges.json")
            with self.subTest(service=service):
                self.assertEqual(reference["$schema"], self.server.root_url + schema)
                self.assertEqual(schemas.problems({**reference, "$schema": schema}, schema), [])
                for key in ("serviceName", "apiVersion", "exchangePrefix"):
                    self.assertEqual(reference[key], wanted[key])
                self.assertEqual(self.comparable(reference["entries"]),
                                 self.comparable(entry for entry in wanted["entries"]
                                                 if entry["name"] not in UNPUBLISHED[service]))

    @staticmethod
    def comparable(exchanges):
        """Exchanges by name, without their prose."""
        words = ("name", "constant", "multipleWords", "required")
        return {exchange["name"]: {
            **{key: exchange[key] for key in ("type", "exchange", "schema")},
            "routingKey": [{key: word.get(key) for key in words}
                           for word in exchange["routingKey"]]}
            for exchange in exchanges}

    def test_schemas_of_messages(self):
        for service, reference in self.served("exchanges").items():
            for name in {entry["schema"] for entry in reference["entries"]}:
                path = "/schemas/%s/%s" % (service, name.rstrip("#"))
                with self.subTest(schema=path):
                    self.same_schema(path, False)

    def test_schemas_of_methods(self):
        for service, reference in self.served().items():
            if service not in WHOLE:
                continue
            for entry in reference["entries"]:
                for side in ("input", "output"):
                    if entry.get(side, "blob") != "blob":
                        path = "/schemas/%s/%s" % (service, entry[side].rstrip("#"))
                        with self.subTest(method=entry["name"], schema=path):
                            self.same_schema(path, side == "input")

    def test_schemas_of_parts(self):
        """Structures that have a schema of their own though no method takes or gives them alone."""
        named = {"/schemas/%s/%s" % (service, entry[side].rstrip("#"))
                 for service in WHOLE for kind in ("api", "exchanges")
                 for entry in self.served(kind).get(service, {"entries": []})["entries"]
                 for side in ("input", "output", "schema") if side in entry}
        parts = [path for service in sorted(WHOLE) for path in files_of("/schemas/" + service)
                 if path not in named and path not in NOT_SERVED]
        self.assertIn("/schemas/queue/v1/task-status.json", parts)
        for path in parts:
            with self.subTest(schema=path):
                self.same_schema(path, False)

    def test_schemas_of_everybody(self):
        for name in ("action-schema-v1", "manifest-v2", "logs-reference-v0",
                     "metrics-reference-v0"):
            path = "/schemas/common/%s.json" % name
            with self.subTest(schema=path):
                self.assertEqual(
                    differences(normal(self.of_contract(path), path, self.of_contract, True),
                                normal(self.fetch(path), path, self.fetch, True)), [])

    def same_schema(self, path, is_input):
        served = self.fetch(path)
        self.assertEqual(served["$id"], self.server.root_url + path + "#")
        self.assertEqual(served["$schema"],
                         self.server.root_url + "/schemas/common/metaschema.json#")
        wanted = schemas.read_json(path[1:])
        self.assertEqual(set(wanted.get("definitions", ())), set(served.get("definitions", ())))
        said = differences(normal(wanted, path, self.of_contract, is_input),
                           normal(served, path, self.fetch, is_input))
        for definition in wanted.get("definitions", ()):
            part = {"$ref": "#/definitions/" + definition}
            said += differences(normal(part, path, self.of_contract, is_input),
                                normal(part, path, self.fetch, is_input), "/" + definition)
        name = path.split("/")[-1].removesuffix(".json")
        self.assertEqual([one for one in said if not self.is_deliberate(name, one.split(" ")[0])],
                         [])

    @staticmethod
    def is_deliberate(name, place):
        return (name, place) in DELIBERATE or place.endswith(tuple(EVERYWHERE))

    @staticmethod
    def of_contract(path):
        return schemas.read_json(path[1:])

    def test_schemas_of_documents(self):
        """What a document names as its schema is served, and says what kind of document it is."""
        named = {self.fetch(self.local(url))["$schema"] for url in self.manifest["references"]}
        for url in named | {self.manifest["$schema"]}:
            with self.subTest(schema=url):
                schema = self.fetch(self.local(url).rstrip("#"))
                self.assertEqual(schema["$id"], url)
                wanted = schemas.read_json(self.local(url).rstrip("#")[1:])
                self.assertEqual(schema.get("metadata"), wanted.get("metadata"))

    def test_all_in_one_file(self):
        files = self.fetch("/references/references.json")
        contents = {}
        for file in files:
            self.assertEqual(set(file), {"filename", "content"})
            self.assertNotIn(file["filename"], contents)
            contents[file["filename"]] = file["content"]
        self.assertTrue(all(name.startswith(("references/", "schemas/")) for name in contents),
                        sorted(contents))
        for url in self.manifest["references"]:
            path = self.local(url)
            self.assertEqual(self.relative(self.fetch(path)), contents.pop(path[1:], None), path)
        for name, content in contents.items():
            served = self.fetch("/references/manifest.json" if name.endswith("manifest.json")
                                else "/" + name)
            self.assertEqual(self.relative(served), content, name)

    def relative(self, document):
        """A document as references.json has it: `$schema` and `$id` without the root URL."""
        changed = dict(document)
        for key in ("$schema", "$id"):
            if document.get(key, "").startswith(self.server.root_url + "/"):
                changed[key] = self.local(document[key])
        if changed.get("$schema", "").endswith("manifest-v3.json#"):
            changed["references"] = [self.local(url) for url in document["references"]]
        return changed


if __name__ == "__main__":
    unittest.main()
