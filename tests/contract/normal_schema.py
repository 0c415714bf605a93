"""JSON schemas in a form in which those that accept the same are equal: references put in place,
prose and defaults of keywords left out, what has no order sorted.

Of input, defaults count, and what has one need not be given: it is filled in before the rest is
looked at. Of output, `uniqueItems` does not count: a promise of the server's, not a rule."""

import json
import re
import urllib.parse

PROSE = {"title", "description", "examples", "$id", "id", "$schema", "definitions", "metadata"}
KEYWORD_DEFAULTS = {"additionalProperties": True, "uniqueItems": False, "minItems": 0,
                    "minLength": 0, "minProperties": 0, "required": []}
OF_SCHEMAS = {"properties", "patternProperties"}  # objects of them
LISTS = {"oneOf", "anyOf", "allOf"}
ONE_WORD = re.compile(r"\^(\w+)\$")  # a pattern that only one text has


def normal(schema, base, load, is_input, above=()):
    """`base` is the schema's own path; `load` gives the document at a path."""
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _referenced(schema["$ref"], base, load, is_input, above)
    left_out = PROSE | (set() if is_input else {"default", "uniqueItems"})
    found = {key: _keyword(key, value, base, load, is_input, above)
             for key, value in schema.items() if key not in left_out}
    if is_input and "required" in found:
        found["required"] = [name for name in found["required"]
                             if "default" not in schema["properties"].get(name, {})]
    if ONE_WORD.fullmatch(found.get("pattern", "")):
        found["enum"] = [found.pop("pattern")[1:-1]]
    if isinstance(found.get("const"), str):
        found["enum"] = [found.pop("const")]
    return {key: value for key, value in found.items() if KEYWORD_DEFAULTS.get(key, ...) != value}


def _keyword(key, value, base, load, is_input, above):
    def inner(schema):
        return normal(schema, base, load, is_input, above)

    if key in OF_SCHEMAS:
        return {name: inner(schema) for name, schema in value.items()}
    if key in LISTS:
        return sorted((inner(schema) for schema in value), key=_text)
    if key in ("required", "enum"):
        return sorted(value, key=_text)
    if key == "type" and isinstance(value, list):
        return sorted(value) if len(value) > 1 else value[0]
    if key == "pattern":
        return value.replace(r"\x20-\x7e", " -~").replace(r"\/", "/")
    if isinstance(value, list) and key == "items":
        return [inner(schema) for schema in value]
    return inner(value) if isinstance(value, dict) and key != "default" else value


def _referenced(reference, base, load, is_input, above):
    target = urllib.parse.urljoin(base, reference)
    path, _, fragment = target.partition("#")
    if target in above:
        return {"recursive": path}
    document = load(path)
    part = document
    for step in filter(None, fragment.split("/")):
        name = urllib.parse.unquote(step)
        part = part[int(name) if isinstance(part, list) else name]
    return normal(part, path, load, is_input, (*above, target))


def _text(value):
    return json.dumps(value, sort_keys=True)


def differences(wanted, found, where=""):
    """Each place where two normal schemas differ, in words."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        said = []
        for key in sorted(set(wanted) | set(found)):
            place = where + "/" + key
            if key not in found:
                said.append("%s is missing: %s" % (place, _text(wanted[key])[:200]))
            elif key not in wanted:
                said.append("%s is too much: %s" % (place, _text(found[key])[:200]))
            else:
                said += differences(wanted[key], found[key], place)
        return said
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [one for i, (a, b) in enumerate(zip(wanted, found))
                for one in differences(a, b, "%s/%d" % (where, i))]
    if wanted == found:
        return []
    return ["%s is %s, not %s" % (where, _text(found)[:200], _text(wanted)[:200])]
