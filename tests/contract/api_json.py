"""The JSON of the HTTP API as the structures of schema/api have it, and back. What a field is in
JSON is told by its annotations (schema/api/annotations.capnp), which are read here on their own."""

import datetime
import json

import hawk

JSON_NAME, JSON_TEXT, DATE_TIME, MAP, OPTIONAL, REQUIRED = range(0xa5f1c1d8e6b7a001,
                                                                 0xa5f1c1d8e6b7a007)
ANY_JSON, BODY, DISCRIMINATOR = range(0xa5f1c1d8e6b7a00e, 0xa5f1c1d8e6b7a011)
EPOCH = datetime.datetime(1970, 1, 1)
ZERO = {"text": "", "list": [], "bool": False}  # of other types 0


class Inexpressible(Exception):
    """What cannot be said at all by one way of calling, and why."""


def _notes(annotations):
    return {note.id: getattr(note.value, note.value.which()) for note in annotations}


class Field:
    """One of a structure. `name` is the schema's, `key` that of JSON."""

    def __init__(self, name, field):
        slot = field.proto.slot
        self.name = name
        self.notes = _notes(field.proto.annotations)
        self.key = self.notes.get(JSON_NAME, name)
        self.kind = slot.type.which()
        self.item_kind = slot.type.list.elementType.which() if self.kind == "list" else None
        self.schema = self._schema(field)
        self.is_verbatim = JSON_TEXT in self.notes or ANY_JSON in self.notes
        self.absent = getattr(slot.defaultValue, self.kind) if slot.hadExplicitDefault and \
            self.kind != "enum" else ZERO.get(self.kind, 0)

    @property
    def can_be_absent(self):
        """If the server looks for it: a word or a number always is there."""
        return REQUIRED not in self.notes or DATE_TIME in self.notes or \
            self.kind in ("text", "list", "struct")

    def _schema(self, field):
        """Of the value or, in a list, of each item; of texts and numbers there is none."""
        if self.kind == "list":
            return field.schema.elementType if self.item_kind == "struct" else None
        return field.schema if self.kind in ("struct", "enum") else None


def _cached(make):
    """Schemas have no identity in Python, but an id."""
    known = {}

    def cached(schema):
        number = schema.node.id
        if number not in known:
            known[number] = make(schema)
        return known[number]

    return cached


@_cached
def fields(schema):
    return {field.key: field for field in (Field(*one) for one in schema.fields.items())}


@_cached
def words(schema):
    """Of an enumeration: those of JSON, by name."""
    return {one.name: _notes(one.annotations).get(JSON_NAME, one.name)
            for one in schema.node.enum.enumerants}


@_cached
def discriminator(schema):
    return _notes(schema.node.annotations).get(DISCRIMINATOR)


# -- from JSON

def encoded(value, schema, where):
    """A structure for pycapnp of an object; `where` is its place, for who reads what is wrong."""
    _expect(isinstance(value, dict), where, "is no object")
    kind = discriminator(schema)
    if kind:
        member = fields(schema).get(value.get(kind))
        _expect(member, "%s.%s" % (where, kind), "no such kind: %r" % value.get(kind))
        rest = {key: item for key, item in value.items() if key != kind}
        return {member.name: encoded(rest, member.schema, where)}
    for key, field in fields(schema).items():
        _expect(key in value or field.can_be_absent, "%s.%s" % (where, key),
                "cannot be missing")
    made = {}
    for key, item in value.items():
        place, field = "%s.%s" % (where, key), fields(schema).get(key)
        _expect(field, place, "no such field")
        made[field.name] = given = encoded_field(item, field, place)
        _expect(OPTIONAL not in field.notes or given != field.absent, place,
                "%r is how it is left out" % (given,))
    return made


def encoded_field(value, field, where):
    if field.is_verbatim:
        return json.dumps(value)
    if DATE_TIME in field.notes:
        try:
            milliseconds = hawk.time_ms(value.upper())
        except (ValueError, AttributeError) as error:
            raise Inexpressible("%s: %r is no time" % (where, value)) from error
        kept = value.startswith(decoded_time(milliseconds)[:-1]) and value.endswith("Z")
        _expect(kept, where, "a time of another form")
        return milliseconds or 1  # 0 is none: the server moves it as well
    if MAP in field.notes:
        _expect(isinstance(value, dict), where, "is no object")
        return [encoded({"key": key, "value": item}, field.schema, where)
                for key, item in value.items()]
    if field.kind == "list":
        _expect(isinstance(value, list), where, "is no list")
        return [encoded_value(item, field.item_kind, field.schema, where) for item in value]
    return encoded_value(value, field.kind, field.schema, where)


def encoded_value(value, kind, schema, where):
    if kind == "struct":
        return encoded(value, schema, where)
    if kind == "enum":
        found = [name for name, word in words(schema).items() if word == value]
        _expect(found, where, "no such word: %r" % (value,))
        return found[0]
    right = {"text": str, "bool": bool, "float64": float}.get(kind, int)
    _expect(isinstance(value, right) and (right is bool or not isinstance(value, bool)), where,
            "%r is no %s" % (value, kind))
    if right is int:
        bits = int(kind.lstrip("uint"))
        lowest = 0 if kind.startswith("u") else -1 << bits - 1
        _expect(lowest <= value < lowest + (1 << bits), where, "%d is no %s" % (value, kind))
    return value


def _expect(truth, where, what):
    if not truth:
        raise Inexpressible("%s: %s" % (where, what))


# -- to JSON

def decoded(reader, schema):
    """The JSON of a structure."""
    kind = discriminator(schema)
    if kind:
        member = fields(schema)[reader.which()]
        return {kind: member.key, **decoded(getattr(reader, member.name), member.schema)}
    found = {}
    for key, field in fields(schema).items():
        value = getattr(reader, field.name)
        if BODY in field.notes:
            return _decoded_field(value, field)
        if not _is_left_out(reader, value, field):
            found[key] = _decoded_field(value, field)
    return found


def decoded_time(milliseconds):
    time = EPOCH + datetime.timedelta(milliseconds=milliseconds)
    return time.isoformat(timespec="milliseconds") + "Z"


def _is_left_out(reader, value, field):
    if DATE_TIME in field.notes:
        return value == 0
    if OPTIONAL not in field.notes:
        return False
    if field.kind == "struct":
        return not reader._has(field.name)
    if field.kind == "enum":
        return value.raw == 0
    return len(value) == 0 if field.kind == "list" else value == field.absent


def _decoded_field(value, field):
    if field.is_verbatim:
        return json.loads(value)
    if DATE_TIME in field.notes:
        return decoded_time(value)
    if MAP in field.notes:
        return {one.key: one.value for one in value}
    if field.kind == "list":
        return [decoded(one, field.schema) if field.schema else one for one in value]
    if field.kind == "struct":
        return decoded(value, field.schema)
    return words(field.schema)[str(value)] if field.kind == "enum" else value
