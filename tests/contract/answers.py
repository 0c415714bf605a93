"""Whether an answer keeps to what all services share: spec/api-framework.md, sections 8 to 11."""

import re

import schemas

UUID4 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
STATUS = {"MalformedPayload": 400, "InvalidRequestArguments": 400, "InputValidationError": 400,
          "InputError": 400, "AuthenticationFailed": 401, "InsufficientScopes": 403,
          "ResourceNotFound": 404, "RequestConflict": 409, "ResourceExpired": 410,
          "InputTooLarge": 413, "InternalServerError": 500, "TooManyRequests": 429,
          "DenylistedAddress": 400, "NoMatchingMethod": 406, "NoMatchingBackend": 400}
ALWAYS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "report-uri /__cspreport__;default-src 'none';"
                               "frame-ancestors 'none';",
}
BELOW_API = {
    "cache-control": "no-store no-cache must-revalidate",
    "access-control-allow-origin": "*",
    "access-control-max-age": "900",
    "access-control-allow-methods": "OPTIONS,GET,HEAD,POST,PUT,DELETE,TRACE,CONNECT",
    "access-control-request-method": "*",
    "access-control-allow-headers": "X-Requested-With,Content-Type,Authorization,Accept,Origin,"
                                    "Cache-Control",
}


def check(answer):
    """Raises AssertionError with everything that is wrong with the answer."""
    _raise(answer, _headers(answer) + _body(answer))


def check_body(answer):
    """The same of an answer without headers, as clients pass it on."""
    _raise(answer, _body(answer))


def _raise(answer, found):
    if found:
        raise AssertionError("%r breaks the contract:\n  %s" % (answer, "\n  ".join(found)))


def text_of(answer):
    """The message of an error, without its footer."""
    return answer.json["message"].split("\n\n---\n\n")[0]


def _headers(answer):
    wanted = dict(ALWAYS)
    if answer.target.startswith("/api/"):
        wanted.update(BELOW_API)
    found = ["header %s is %r, not %r" % (name, answer.headers.get(name), value)
             for name, value in wanted.items() if answer.headers.get(name) != value]
    if not UUID4.match(answer.headers.get("x-for-request-id", "")):
        found.append("x-for-request-id is no fresh UUID: %r"
                     % answer.headers.get("x-for-request-id"))
    if not answer.headers.get("x-for-trace-id"):
        found.append("x-for-trace-id is missing")
    if "x-powered-by" in answer.headers:
        found.append("x-powered-by is there")
    return found


def _body(answer):
    if not answer.target.startswith("/api/") or not schemas.contract_dir():
        return []
    if answer.verb in ("HEAD", "OPTIONS"):
        return ["a %s has a body" % answer.verb] if answer.verb == "HEAD" and answer.raw else []
    service, entry = schemas.find_method(answer.verb, answer.target)
    if answer.status == 424 and entry and entry["name"] in ("getArtifact", "getLatestArtifact"):
        return _no_artifact(answer)
    if answer.status >= 400:
        return _error(answer, entry)
    if answer.status == 204:
        return _nothing(answer)
    if not entry:
        return ["the contract has no such method"]
    if answer.status in (200, 303) and "output" in entry and entry["output"] != "blob":
        return _json_type(answer) + schemas.problems(
            answer.json, "/schemas/%s/%s" % (service, entry["output"]))
    return []


def _no_artifact(answer):
    """An error artifact, instead of one with bytes. Source: spec/queue.md, section 9.5."""
    found = _json_type(answer)
    return found if set(answer.json) == {"reason", "message"} else found + ["no reason, message"]


def _nothing(answer):
    if not answer.has_headers:
        return []
    found = ["a 204 has a body"] if answer.raw else []
    return found + (["a 204 has a content type"] if "content-type" in answer.headers else [])


def _json_type(answer):
    if not answer.has_headers:
        return []
    kind = answer.headers.get("content-type")
    return [] if kind == "application/json; charset=utf-8" else ["content-type is %r" % kind]


def _error(answer, entry):
    found = _json_type(answer)
    if entry is None:
        if answer.json != {"error": "Not found"} or answer.status != 404:
            found.append('an unknown route is not {"error": "Not found"} with 404')
        return found
    body = answer.json
    if answer.status == 413 and isinstance(body, dict) and "requestInfo" not in body:
        # Refused while it came in, before a method could see it.
        return found + ([] if body.get("code") == "InputTooLarge" else ["the code is no 413"])
    if not isinstance(body, dict) or set(body) != {"code", "message", "requestInfo"}:
        return found + ["an error is not code, message and requestInfo"]
    # The contract has no code for a coding or charset that nobody knows.
    unknown_coding = (body["code"], answer.status) == ("InputError", 415)
    if STATUS.get(body["code"]) != answer.status and not unknown_coding:
        found.append("code %s with status %d" % (body["code"], answer.status))
    return found + _request_info(answer, body, entry["name"])


def _request_info(answer, body, method):
    info = body["requestInfo"]
    found = []
    if not set(info) <= {"method", "params", "payload", "time"} or \
            not {"method", "params", "time"} <= set(info):
        return ["requestInfo has %s" % sorted(info)]
    if info["method"] != method:
        found.append("requestInfo.method is %s, not %s" % (info["method"], method))
    if not re.fullmatch(TIME, info["time"]):
        found.append("requestInfo.time is %r" % info["time"])
    if not isinstance(info["params"], dict):
        found.append("requestInfo.params is no object")
    footer = ("\n\n---\n\n* method:     %s\n* errorCode:  %s\n* statusCode: %d\n* time:       %s"
              % (method, body["code"], answer.status, info["time"]))
    if not body["message"].endswith(footer):
        found.append("the message does not end with %r" % footer)
    return found
