"""The served references and schemas are those of the contract: names, routes, arguments, queries,
scopes and schemas, for every service that is served."""

import functools
import unittest

import schemas
from contract import ContractTest
from normal_schema import differences, normal

# Services of which every method is built.
WHOLE = {"auth", "object", "queue"}
# Defined by this project, so by no contract.
OWN = {"troupe"}

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
}
# The same wherever a structure of the queue stands: what places end with.
ONE_WORD = "`const` as an enumeration of one word"
ALWAYS = "answers have some of the contract's words alone, which are texts here"
EVERYWHERE = {
    "/properties/task/required": DELIBERATE[("task", "/required")],
    "/metadata/properties/source/anyOf": "every text has the format `regex` or `uri`",
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

    def test_manifest(self):
        urls = self.manifest["references"]
        self.assertEqual(urls, sorted(set(urls)))
        self.assertEqual(self.manifest["$schema"],
                         self.server.root_url + "/schemas/common/manifest-v3.json#")
        for url in urls:
            self.local(self.fetch(self.local(url))["$schema"])
        self.assertLessEqual(WHOLE, set(self.served()))

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

    def same_schema(self, path, is_input):
        served = self.fetch(path)
        self.assertEqual(served["$id"], self.server.root_url + path + "#")
        self.assertEqual(served["$schema"],
                         self.server.root_url + "/schemas/common/metaschema.json#")
        wanted = schemas.read_json(path[1:])
        said = differences(normal(wanted, path, self.of_contract, is_input),
                           normal(served, path, self.fetch, is_input))
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
