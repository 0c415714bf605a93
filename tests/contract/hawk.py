"""Signatures as spec/api-framework.md, sections 15 to 17, defines them: the tests' own, so that
they can be made wrong on purpose."""

import base64
import datetime
import hashlib
import hmac
import json
import secrets
import time

import kept_logs


def now_seconds():
    return int(time.time())


def time_ms(text):
    """Milliseconds since 1970 of a time as the API writes it."""
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def _hmac(key, text):
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def mac(key, kind, ts, nonce, method, resource, host, port, payload_hash="", ext=""):
    """The MAC of a request (`kind` header) or of a signed URL (`kind` bewit)."""
    lines = ["hawk.1." + kind, str(ts), nonce, method.upper(), resource, host.lower(), str(port),
             payload_hash, ext, ""]
    return base64.b64encode(_hmac(key, "\n".join(lines))).decode()


def payload_hash(body, content_type):
    kind = content_type.split(";")[0].strip().lower()
    text = b"hawk.1.payload\n" + kind.encode() + b"\n" + body + b"\n"
    return base64.b64encode(hashlib.sha256(text).digest()).decode()


def ext_of(credentials, authorized_scopes=None):
    """What restricts the credentials, as base64; empty if nothing does."""
    ext = {}
    if credentials.get("certificate"):
        ext["certificate"] = json.loads(credentials["certificate"])
    if authorized_scopes is not None:
        ext["authorizedScopes"] = authorized_scopes
    return base64.b64encode(json.dumps(ext).encode()).decode() if ext else ""


def header(credentials, method, resource, host, port, *, ts=None, nonce=None, body_hash="", ext=""):
    """The value of `Authorization`."""
    ts = now_seconds() if ts is None else ts
    nonce = nonce or secrets.token_urlsafe(4)
    signed = mac(credentials["accessToken"], "header", ts, nonce, method, resource, host, port,
                 body_hash, ext)
    kept_logs.plant(signed, credentials["accessToken"])
    attributes = {"id": credentials["clientId"], "ts": ts, "nonce": nonce, "hash": body_hash,
                  "ext": ext, "mac": signed}
    return "Hawk " + ", ".join('%s="%s"' % (name, value) for name, value in attributes.items()
                               if value != "")


def bewit(credentials, resource, host, port, expires, ext=""):
    """The query parameter that signs a URL until `expires`, in Unix seconds."""
    signed = mac(credentials["accessToken"], "bewit", expires, "", "GET", resource, host, port, "",
                 ext)
    made = _base64url("\\".join([credentials["clientId"], str(expires), signed, ext]).encode())
    kept_logs.plant(made, signed, credentials["accessToken"])
    return made


def signed_url(credentials, resource, host, port, expires, ext=""):
    """The resource with its bewit."""
    glue = "&" if "?" in resource else "?"
    return resource + glue + "bewit=" + bewit(credentials, resource, host, port, expires, ext)


def temporary(issuer, scopes, *, name=None, start_ms=None, expiry_ms=None, changes=None):
    """Temporary credentials; `changes` replace properties of the certificate after it is signed."""
    now_ms = int(time.time() * 1000)
    certificate = {"version": 1, "seed": secrets.token_urlsafe(33),
                   "start": now_ms - 60_000 if start_ms is None else start_ms,
                   "expiry": now_ms + 600_000 if expiry_ms is None else expiry_ms,
                   "scopes": scopes}
    lines = ["version:1"]
    if name:
        certificate["issuer"] = issuer["clientId"]
        lines += ["clientId:" + name, "issuer:" + issuer["clientId"]]
    lines += ["%s:%s" % (key, certificate[key]) for key in ("seed", "start", "expiry")]
    lines += ["scopes:", *scopes]
    key = issuer["accessToken"]
    certificate["signature"] = base64.b64encode(_hmac(key, "\n".join(lines))).decode()
    token = _base64url(_hmac(key, certificate["seed"]))
    certificate.update(changes or {})
    return {"clientId": name or issuer["clientId"], "accessToken": token,
            "certificate": json.dumps(certificate)}
