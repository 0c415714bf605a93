"""Calls over HTTP as they are written: signed or not, well or badly formed."""

import http.client
import json

import hawk
import kept_logs

API = "/api/auth/v1"


class Answer:
    """What the server said: `status`, `headers`, `raw` bytes, `json` if it is JSON, not packed."""

    has_headers = True

    def __init__(self, verb, target, response):
        self.verb = verb
        self.target = target
        self.status = response.status
        self.headers = response.headers
        self.raw = response.read()
        readable = "application/json" in self.headers.get("content-type", "") and \
            "content-encoding" not in self.headers
        self.json = json.loads(self.raw) if self.raw and readable else None
        if readable:
            kept_logs.plant(*kept_logs.secrets_in(self.raw.decode()))

    def __repr__(self):
        return "%s %s: %d %s" % (self.verb, self.target, self.status, self.raw[:2000])


class Caller:
    """One caller: its credentials, and a connection that is kept. Each answer is given to `check`,
    which raises AssertionError where it breaks the contract. `family` is a list that this caller,
    and those made of it, are added to: for who closes them."""

    def __init__(self, host, port, credentials=None, check=None, family=None):
        self.host = host
        self.port = port
        self.credentials = credentials
        self.check = check
        self.family = [] if family is None else family
        self.family.append(self)
        self._connection = None

    def called(self, credentials):
        """The same for other credentials."""
        return Caller(self.host, self.port, credentials, self.check, self.family)

    def get(self, path, **how):
        return self.call("GET", path, **how)

    def put(self, path, body, **how):
        return self.call("PUT", path, body=body, **how)

    def post(self, path, body=None, **how):
        return self.call("POST", path, body=body, **how)

    def delete(self, path, **how):
        return self.call("DELETE", path, **how)

    def call(self, verb, path, *, body=None, raw=None, content_type="application/json",
             headers=None, api=API, hashed=False, authorized_scopes=None, ext=None,
             authorization=None, ts=None):
        """`path` below `api`, with its query. `body` is sent as JSON, `raw` as it is. `hashed`
        signs the payload; `authorization` replaces the signature, an empty one leaves it out."""
        target = api + path
        data = json.dumps(body).encode() if body is not None else raw
        sent = dict(headers or {})
        if data is not None:
            sent.setdefault("Content-Type", content_type)
        if authorization is None and self.credentials:
            restricted = hawk.ext_of(self.credentials, authorized_scopes) if ext is None else ext
            body_hash = hawk.payload_hash(data or b"", content_type if data else "")
            authorization = hawk.header(self.credentials, verb, target, self.host, self.port, ts=ts,
                                        body_hash=body_hash if hashed else "", ext=restricted)
        if authorization:
            sent["Authorization"] = authorization
        answer = self._send(verb, target, data, sent)
        if self.check:
            self.check(answer)
        return answer

    def _send(self, verb, target, data, headers):
        for attempt in (1, 2):
            fresh = self._connection is None
            if fresh:
                self._connection = http.client.HTTPConnection(self.host, self.port, timeout=120)
            try:
                self._request(verb, target, data, headers)
                response = self._connection.getresponse()
                answer = Answer(verb, target, response)
                if response.will_close:
                    self.close()
                return answer
            except (ConnectionError, http.client.BadStatusLine):
                # A kept connection may have been closed meanwhile; a fresh one may not.
                self.close()
                if fresh or attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def _request(self, verb, target, data, headers):
        try:
            self._connection.request(verb, target, data, headers)
        except ConnectionError:
            if not data:
                raise
            # The server may have answered before it had the whole body.

    def close(self):
        if self._connection:
            self._connection.close()
            self._connection = None
