"""The kinds of malformed and hostile requests, each with what may become of it. Only the random
numbers decide what a kind makes, so that a seed repeats a run."""

import base64
import gzip
import json
import string
import zlib

import hawk
from hostile_wire import CLOSED, Shot

API = "/api/auth/v1"
CURRENT = API + "/scopes/current"
EXPAND = API + "/scopes/expand"
JSON = "Content-Type: application/json"
NO = frozenset({400})
SHUT = frozenset({400, CLOSED})  # malformed HTTP: nothing behind it can be trusted

# Kind -> (share of the requests, allowed, function of an Attacker that makes the bytes).
KINDS = {}


def kind(share, *allowed, alone=False, half_close=False):
    """Registers a function of an Attacker that makes the bytes of one request."""
    def register(make):
        KINDS[make.__name__] = (share, frozenset(allowed), make, alone, half_close)
        return make
    return register


class Attacker:
    """Makes requests: some with good credentials, all of them bad in one way."""

    def __init__(self, rng, host, port, credentials, now):
        self.rng = rng
        self.host = host
        self.port = port
        self.credentials = credentials
        self.now = now

    def shot(self, name):
        _, allowed, make, alone, half_close = KINDS[name]
        data = make(self)
        return Shot(name, data if isinstance(data, bytes) else data.encode("latin-1"), allowed,
                    alone, half_close)

    def text(self, most=12, alphabet=string.ascii_letters + string.digits):
        return "".join(self.rng.choices(alphabet, k=self.rng.randint(1, most)))

    def bytes(self, most=40):
        return self.rng.randbytes(self.rng.randint(1, most))

    def sign(self, verb, target, ext="", body_hash="", ts=None, **changes):
        return "Authorization: " + hawk.header(
            {**self.credentials, **changes}, verb, target, self.host, self.port, ext=ext,
            body_hash=body_hash, ts=self.now if ts is None else ts, nonce=self.text(6))

    def request(self, verb, target, *headers, body=b"", version="HTTP/1.1"):
        lines = ["%s %s %s" % (verb, target, version), "Host: %s:%d" % (self.host, self.port)]
        if body or verb in ("POST", "PUT"):
            lines.append("Content-Length: %d" % len(body))
        return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body

    def get(self, target, *headers):
        """Signed as it should be."""
        return self.request("GET", target, self.sign("GET", target), *headers)

    def expand(self, body, *headers):
        """A signed call that takes a body."""
        return self.request("POST", EXPAND, self.sign("POST", EXPAND), *(headers or (JSON,)),
                            body=body)

    def authorized(self, value, target=CURRENT):
        return self.request("GET", target, "Authorization: " + value)

    def raw(self, *lines, body=b""):
        """A head of these lines as they are."""
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def host_line(self):
        return "Host: %s:%d" % (self.host, self.port)


# -- bodies --------------------------------------------------------------------------------------
@kind(3, 400)
def broken_json(a):
    good = json.dumps({"scopes": [a.text(), a.text()]})
    return a.expand(good[:a.rng.randint(1, len(good) - 1)].encode())


@kind(3, 400)
def random_bytes_as_json(a):
    return a.expand(b"{" + a.bytes())


@kind(1, 400)
def deep_arrays(a):
    depth = a.rng.choice([100, 1000, 20_000, 1_000_000])
    return a.expand(b'{"scopes":' + b"[" * depth + b"]" * depth + b"}")


@kind(1, 400)
def deep_objects(a):
    depth = a.rng.choice([100, 1000, 20_000])
    return a.expand(b'{"a":' * depth + b"1" + b"}" * depth)


@kind(1, 400)
def deep_and_unclosed(a):
    return a.expand(b'[{"a":' * a.rng.choice([1000, 50_000]))


@kind(2, 400)
def huge_numbers(a):
    number = a.rng.choice(["1e999999", "-1e-999999999", "9" * 5000, "0." + "1" * 5000, "1e+",
                           "18446744073709551616", "-9223372036854775809"])
    return a.expand(('{"scopes":[%s]}' % number).encode())


@kind(3, 400)
def wrong_types(a):
    value = a.rng.choice([None, 1, 1.5, True, "x", {}, [1], [None], [[]], [{}], ["a", 2]])
    return a.expand(json.dumps({"scopes": value}).encode())


@kind(2, 400)
def not_an_object(a):
    return a.expand(a.rng.choice([b"null", b"1", b'"x"', b"true", b"[]", b"[1]", b"-0"]))


@kind(2, 400)
def unknown_properties(a):
    return a.expand(json.dumps({"scopes": [], a.text() + "_": a.text()}).encode())


@kind(1, 400)
def many_properties(a):
    return a.expand(json.dumps({"p%d" % i: i for i in range(2000)}).encode())


@kind(2, 400)
def bad_utf8(a):
    bad = a.rng.choice([b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82"])
    return a.expand(b'{"scopes":["' + bad + b'"]}')


@kind(2, 400)
def lone_surrogates(a):
    bad = a.rng.choice([rb"\ud800", rb"\udfff", rb"\ud800\u0041", rb"\u12"])
    return a.expand(b'{"scopes":["' + bad + b'"]}')


@kind(2, 400)
def control_characters(a):
    bad = a.rng.choice([rb"\u0000", b"\0", b"\n", b"\x1f", rb"\u007f", rb"\t"])
    return a.expand(b'{"scopes":["' + bad + b'"]}')


@kind(2, 400)
def duplicate_items(a):
    scope = a.text()
    return a.expand(json.dumps({"scopes": [scope, scope]}).encode())


@kind(1, 400)
def duplicate_keys(a):
    return a.expand(b'{"scopes":["a"],"scopes":%d}' % a.rng.randint(0, 9))


@kind(2, 400)
def empty_body(a):
    return a.expand(b"")


@kind(2, 400)
def wrong_content_type(a):
    kinds = ["text/plain", "application/xml", "multipart/form-data", "", "json", "*/*", "a/b;c"]
    return a.expand(b'{"scopes":[]}', "Content-Type: " + a.rng.choice(kinds))


@kind(1, 400, 415)
def unknown_charset(a):
    return a.expand(b'{"scopes":[]}', "Content-Type: application/json; charset=x-" + a.text())


@kind(1, 400, 415)
def unknown_encoding(a):
    return a.expand(b'{"scopes":[]}', JSON, "Content-Encoding: x-" + a.text())


@kind(1, 400, 415)
def nested_encodings(a):
    packed = gzip.compress(gzip.compress(b'{"scopes":[1]}'))
    return a.expand(packed, JSON, "Content-Encoding: gzip, gzip")


@kind(2, 400)
def broken_compression(a):
    name = a.rng.choice(["gzip", "deflate", "br"])
    return a.expand(b"\x1f\x8b" + a.bytes(), JSON, "Content-Encoding: " + name)


@kind(2, 400)
def truncated_compression(a):
    packed = gzip.compress(json.dumps({"scopes": [a.text(200)]}).encode())
    return a.expand(packed[:a.rng.randint(3, len(packed) - 9)], JSON, "Content-Encoding: gzip")


SPACES = b" " * (30 << 20)
BOMBS = {"gzip": gzip.compress(SPACES, 9), "deflate": zlib.compress(SPACES, 9)}


@kind(0.1, 413, CLOSED)
def zip_bomb(a):
    name = a.rng.choice(["gzip", "deflate"])
    return a.expand(BOMBS[name], JSON, "Content-Encoding: " + name)


@kind(0.5, 400, 413, CLOSED)
def announced_too_large(a):
    size = a.rng.choice([10_485_761, 1 << 31, 1 << 40, (1 << 63) - 1])
    return a.raw("POST %s HTTP/1.1" % EXPAND, a.host_line(), a.sign("POST", EXPAND), JSON,
                 "Content-Length: %d" % size)


# -- signatures ----------------------------------------------------------------------------------
@kind(4, 401)
def wrong_token(a):
    return a.request("GET", CURRENT, a.sign("GET", CURRENT, accessToken=a.text(44)))


@kind(3, 401)
def unknown_client(a):
    return a.request("GET", CURRENT, a.sign("GET", CURRENT, clientId="nobody/" + a.text()))


@kind(3, 401)
def altered_signature(a):
    signed = a.sign("GET", CURRENT)
    attribute = a.rng.choice(["id", "ts", "nonce", "mac"])
    start = signed.index(attribute + '="') + len(attribute) + 2
    at = a.rng.randrange(start, signed.index('"', start))
    other = a.rng.choice([c for c in string.ascii_letters if c != signed[at]])
    return a.request("GET", CURRENT, signed[:at] + other + signed[at + 1:])


@kind(3, 401)
def replayed_elsewhere(a):
    """A good signature of another request."""
    verb, target = a.rng.choice([("GET", API + "/clients/x"), ("POST", CURRENT),
                                 ("GET", CURRENT + "?x=1"), ("GET", CURRENT + "/")])
    return a.request("GET", CURRENT, a.sign(verb, target))


@kind(2, 401)
def stale(a):
    late = a.rng.choice([-1, 1]) * a.rng.randint(2000, 10**9)
    return a.request("GET", CURRENT, a.sign("GET", CURRENT, ts=max(0, a.now + late)))


@kind(2, 401)
def strange_times(a):
    ts = a.rng.choice(["-1", "1e9", "9" * 40, "0x10", "1.5", " 1", "nan"])
    return a.request("GET", CURRENT, a.sign("GET", CURRENT, ts=ts))


@kind(2, 401)
def wrong_payload_hash(a):
    digest = a.rng.choice([hawk.payload_hash(a.bytes(), "application/json"), a.text(43), "="])
    return a.request("POST", EXPAND, a.sign("POST", EXPAND, body_hash=digest), JSON,
                     body=b'{"scopes":[]}')


@kind(3, 401)
def garbage_authorization(a):
    printable = string.ascii_letters + string.digits + string.punctuation + " "
    return a.authorized("Hawk " + a.text(80, printable).strip() + "=")


@kind(2, 401)
def other_schemes(a):
    return a.authorized(a.rng.choice(["Basic ", "Bearer ", "Digest ", "Hawkish "]) + a.text(60))


@kind(1, 401, 400)
def long_authorization(a):
    return a.authorized('Hawk id="%s", ts="1", nonce="n", mac="m"' % (a.text() * 300))


@kind(1, 400, 401)
def two_authorizations(a):
    return a.request("GET", CURRENT, a.sign("GET", CURRENT), "Authorization: Hawk " + a.text())


@kind(3, 401)
def garbage_ext(a):
    ext = base64.b64encode(a.bytes()).decode()
    return a.request("GET", CURRENT, a.sign("GET", CURRENT, ext=ext))


def _with_ext(a, value):
    ext = base64.b64encode(json.dumps(value).encode()).decode()
    return a.request("GET", CURRENT, a.sign("GET", CURRENT, ext=ext))


@kind(2, 401)
def wrong_authorized_scopes(a):
    return _with_ext(a, {"authorizedScopes": a.rng.choice([1, "x", {}, None, [1], [["a"]],
                                                           ["\n"], {"0": "*"}])})


@kind(3, 401)
def wrong_certificates(a):
    certificate = json.loads(hawk.temporary(a.credentials, ["*"])["certificate"])
    name = a.rng.choice(list(certificate))
    if a.rng.random() < 0.5:
        certificate[name] = a.rng.choice([None, True, -1, 2**70, "x" * 44, [], {}, ["\n"]])
    elif name in ("version", "seed", "start", "expiry", "scopes", "signature"):
        del certificate[name]
    return _with_ext(a, {"certificate": certificate})


@kind(2, 401)
def not_a_certificate(a):
    return _with_ext(a, {"certificate": a.rng.choice([1, "x", [], [[]], True, {}])})


@kind(1, 401)
def deep_ext(a):
    ext = base64.b64encode(b"[" * a.rng.choice([100, 2500])).decode()
    return a.request("GET", CURRENT, a.sign("GET", CURRENT, ext=ext))


# -- signed URLs ---------------------------------------------------------------------------------
def _bewit(a, expires=None, **changes):
    return hawk.bewit({**a.credentials, **changes}, CURRENT, a.host, a.port,
                      a.now + 600 if expires is None else expires)


@kind(3, 401)
def garbage_bewit(a):
    return a.request("GET", CURRENT + "?bewit=" + a.text(80))


@kind(2, 401)
def expired_bewit(a):
    return a.request("GET", CURRENT + "?bewit=" + _bewit(a, a.now - a.rng.randint(1, 10**6)))


@kind(2, 401)
def wrongly_signed_bewit(a):
    return a.request("GET", CURRENT + "?bewit=" + _bewit(a, accessToken=a.text(44)))


@kind(1, 401)
def bewit_of_another_verb(a):
    return a.request("POST", EXPAND + "?bewit=" + _bewit(a), JSON, body=b'{"scopes":[]}')


@kind(1, 401)
def bewit_and_header(a):
    target = CURRENT + "?bewit=" + _bewit(a)
    return a.get(target)


@kind(1, 401, 400)
def many_bewits(a):
    return a.request("GET", CURRENT + "?" + "&".join("bewit=" + a.text() for _ in range(50)))


# -- targets -------------------------------------------------------------------------------------
@kind(3, 404)
def unknown_paths(a):
    return a.get("/api/%s/v1/%s" % (a.rng.choice(["auth", "nothing"]), a.text(30) + "_"))


@kind(2, 404)
def unknown_verbs_of_a_path(a):
    return a.request(a.rng.choice(["DELETE", "PUT", "PATCH"]), API + "/ping", "X: y")


@kind(2, 404, 405)
def verbs_of_others(a):
    return a.request(a.rng.choice(["PROPFIND", "MKCOL", "LOCK", "SEARCH", "TRACE"]), CURRENT)


@kind(2, 400, 404, CLOSED)
def verbs_of_nobody(a):
    return a.request("X" + a.text().upper(), CURRENT)


@kind(3, 400)
def bad_percents(a):
    return a.get(API + "/clients/" + a.rng.choice(["%zz", "%", "%4", "a%g0b", "%%", "%u0041"]))


@kind(2, 400, 404)
def escaped_nonsense(a):
    return a.get(API + "/clients/" + a.rng.choice(["%00", "%c0%af", "%ff", "%0d%0aX:y", "%20",
                                                   "%ed%a0%80", "a%00b"]))


@kind(3, 400, 404)
def dots(a):
    return a.get(a.rng.choice([API + "/../../../etc/passwd", "/../etc/passwd", "/./..",
                               API + "/clients/../../..", API + "/roles/%2e%2e/%2e%2e/x",
                               "/blobs/../../keys.json", "/references/../keys.json"]))


@kind(2, 404)
def slashes(a):
    return a.get(API + a.rng.choice(["//", "/clients//", "/clients//x", "//ping", "/ping//"]))


@kind(3, 400)
def bad_queries(a):
    return a.get(API + "/clients/?" + a.rng.choice(["a=1", "limit=x", "limit=", "limit=-1",
                                                    "limit=1&limit=2", "limit[]=1", "&=&=",
                                                    "continuationToken=", "prefix=%20"]))


@kind(1, 400)
def bad_tokens(a):
    return a.get(API + "/roles2/?limit=1&continuationToken=%21" + a.text())


@kind(1, 404)
def long_names(a):
    return a.get(API + "/clients/" + "x" * a.rng.randint(500, 3000))


@kind(1, 400, 404, 414, 431)
def long_targets(a):
    return a.request("GET", "/" + "x/" * a.rng.randint(1000, 4000))


@kind(2, 400, 401, 404, CLOSED)
def absolute_targets(a):
    return a.get(a.rng.choice(["http://evil.example/", "https://evil.example" + CURRENT, "file:///",
                               "//evil.example/x", "http://[::1", "ftp://x/y"]))


@kind(1, 400, 404, 405, CLOSED)
def no_paths(a):
    return a.request(a.rng.choice(["GET", "POST"]), a.rng.choice(["*", "x", "?", "#", "a:1", "."]))


@kind(1, 400, 404, 405, CLOSED)
def connects(a):
    return a.request("CONNECT", a.rng.choice(["evil.example:443", "127.0.0.1:22", "/"]))


@kind(2, 400, 401, 404, CLOSED)
def bytes_in_targets(a):
    bad = a.rng.choice(["\xff\xfe", "\\..\\x", "<x>", "`id`", "{}", '"', "|x"])
    return a.get(API + "/clients/" + bad + "_" + a.text())


# -- connections ---------------------------------------------------------------------------------
@kind(1, *SHUT)
def spaces_in_targets(a):
    return a.raw("GET %s x HTTP/1.1" % CURRENT, a.host_line())


@kind(1, *SHUT)
def http_0_9(a):
    return "GET %s\r\n\r\n" % a.rng.choice(["/", CURRENT])


@kind(1, *SHUT, 404, 505, alone=True)
def http_2(a):
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0" + a.bytes()


@kind(1, *SHUT)
def other_versions(a):
    version = a.rng.choice(["HTTP/9.9", "HTTP/", "HTTP/x.y", "HTTP/1.1.1", "http/1.1", "ICY"])
    return a.raw("GET %s %s" % (CURRENT, version), a.host_line())


@kind(1, *SHUT, half_close=True)
def tls_hello(a):
    hello = b"\x01\x00\x00\xf4\x03\x03" + a.rng.randbytes(200)
    return b"\x16\x03\x01" + len(hello).to_bytes(2, "big") + hello


@kind(1, *SHUT, half_close=True)
def random_bytes(a):
    return a.rng.randbytes(a.rng.randint(1, 400))


@kind(1, CLOSED, 400, half_close=True)
def nothing_at_all(a):
    return b"\r\n" * a.rng.randint(0, 3)


@kind(1, *SHUT)
def nul_in_head(a):
    where = a.rng.choice(["GET /\0 HTTP/1.1", "GET / HTTP/1.1\r\nX\0: y", "\0GET / HTTP/1.1"])
    return a.raw(where, a.host_line())


@kind(1, *SHUT, 404)
def nul_in_value(a):
    return a.raw("GET /nothing-here HTTP/1.1", a.host_line(), "X: a\0b")


@kind(2, *SHUT)
def length_and_chunks(a):
    """The shape that smuggles a request past a proxy."""
    body = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    return a.raw("POST %s HTTP/1.1" % EXPAND, a.host_line(), JSON, "Content-Length: %d" % len(body),
                 "Transfer-Encoding: chunked", body=body)


@kind(2, *SHUT)
def two_lengths(a):
    lengths = ["Content-Length: 2", "Content-Length: %d" % a.rng.randint(3, 99)]
    a.rng.shuffle(lengths)
    return a.raw("POST %s HTTP/1.1" % EXPAND, a.host_line(), JSON, *lengths, body=b"{}")


@kind(2, *SHUT)
def bad_lengths(a):
    length = a.rng.choice(["-1", "+2", "0x2", "2,3", "two", "", "9" * 30, "2 2", "1e1"])
    return a.raw("POST %s HTTP/1.1" % EXPAND, a.host_line(), JSON, "Content-Length: " + length,
                 body=b"{}")


@kind(2, *SHUT)
def bad_transfer_encodings(a):
    value = a.rng.choice(["xchunked", "chunked, chunked", "identity", "gzip", "chunked\x0b", "",
                          "chunked, identity", '"chunked"'])
    return a.raw("POST %s HTTP/1.1" % EXPAND, a.host_line(), JSON, "Transfer-Encoding: " + value,
                 body=b"2\r\n{}\r\n0\r\n\r\n")


@kind(2, *SHUT)
def bad_chunks(a):
    chunk = a.rng.choice([b"x\r\n", b"-1\r\n", b"0x2\r\n{}\r\n", b"2\n{}\n", b"2\r\n{}xx",
                          b"fffffffffffffffff\r\n", b"g\r\n{}\r\n", b"\r\n{}\r\n",
                          b"+2\r\n{}\r\n"])
    return a.raw("POST %s HTTP/1.1" % EXPAND, a.host_line(), JSON, a.sign("POST", EXPAND),
                 "Transfer-Encoding: chunked", body=chunk + b"0\r\n\r\n")


@kind(1, *SHUT, half_close=True)
def unfinished_chunks(a):
    return a.raw("POST %s HTTP/1.1" % EXPAND, a.host_line(), JSON, a.sign("POST", EXPAND),
                 "Transfer-Encoding: chunked", body=b"5\r\n{\"a")


@kind(2, *SHUT, half_close=True)
def truncated_bodies(a):
    return a.raw("POST %s HTTP/1.1" % EXPAND, a.host_line(), JSON, a.sign("POST", EXPAND),
                 "Content-Length: %d" % a.rng.randint(20, 10**6), body=b'{"scopes":[')


@kind(2, *SHUT, half_close=True)
def truncated_heads(a):
    whole = a.get(CURRENT)
    return whole[:a.rng.randint(1, len(whole) - 3)]


@kind(1, *SHUT)
def bare_line_feeds(a):
    return "GET /nothing-here HTTP/1.1\nHost: x\n\n"


@kind(1, *SHUT)
def bare_carriage_returns(a):
    return "GET /nothing-here HTTP/1.1\r\nHost: x\rX: y\r\n\r\n"


@kind(1, *SHUT)
def spaces_in_names(a):
    name = a.rng.choice(["X Y", "Host ", " X", "X\t", "", "X@(", "Content-Length "])
    return a.raw("GET /nothing-here HTTP/1.1", a.host_line(), name + ": 1")


@kind(1, *SHUT)
def folded_lines(a):
    return a.raw("GET /nothing-here HTTP/1.1", a.host_line(), "X: a", "  b")


@kind(1, *SHUT)
def lines_without_colon(a):
    return a.raw("GET /nothing-here HTTP/1.1", a.host_line(), a.text(40))


@kind(0.5, 431, CLOSED)
def large_heads(a):
    return a.raw("GET %s HTTP/1.1" % CURRENT, a.host_line(),
                 "X: " + "x" * a.rng.randint(17_000, 200_000))


@kind(0.5, 431, CLOSED)
def many_headers(a):
    return a.raw("GET %s HTTP/1.1" % CURRENT, a.host_line(),
                 *("X%d: y" % i for i in range(a.rng.randint(3000, 9000))))


@kind(0.5, 400, 431, CLOSED)
def endless_line(a):
    return b"GET /" + b"a" * a.rng.randint(40_000, 300_000)


@kind(1, *SHUT)
def no_host(a):
    return a.raw("GET %s HTTP/1.1" % CURRENT, a.sign("GET", CURRENT))


@kind(1, *SHUT)
def strange_hosts(a):
    host = a.rng.choice(["a/b", "a b", "x:y", "x:99999", "@", "[::1", "", "a?b", "x:1:2"])
    return a.raw("GET %s HTTP/1.1" % CURRENT, "Host: " + host, a.sign("GET", CURRENT))


@kind(1, *SHUT)
def two_hosts(a):
    return a.raw("GET %s HTTP/1.1" % CURRENT, a.host_line(), "Host: evil.example",
                 a.sign("GET", CURRENT))


@kind(1, 400, 403, 404, 426, CLOSED)
def strange_upgrades(a):
    protocol = a.rng.choice(["websocket", "h2c", "TLS/1.0", a.text()])
    target = a.rng.choice([CURRENT, "/api/troupe/v1/nothing", "/nothing"])
    return a.raw("GET %s HTTP/1.1" % target, a.host_line(), "Connection: Upgrade",
                 "Upgrade: " + protocol, "Sec-WebSocket-Version: %d" % a.rng.randint(0, 99),
                 *(["Sec-WebSocket-Key: " + a.text(40)] if a.rng.random() < 0.7 else []))


@kind(1, 400, 403, 417, CLOSED)
def strange_expectations(a):
    return a.request("POST", EXPAND, JSON, "Expect: " + a.rng.choice(["x", "100-continue", "200"]),
                     body=b"{")


@kind(2, 400, 403)
def from_nobody(a):
    return a.request("GET", API + a.rng.choice(["/scopes/current", "/clients/", "/roles2/",
                                                "/clients/x", "/audit/client/x"]))


@kind(1, 200, 400, 401)
def forwarded_nonsense(a):
    """What is no port may be passed over: the signature decides."""
    name, value = a.rng.choice([("X-Forwarded-Port", "x"), ("X-Forwarded-Port", "99999999999"),
                                ("X-Forwarded-Port", "-1")])
    return a.get(CURRENT, "%s: %s" % (name, value))
