"""Recorded calls, said again to this server: what is compared, and how a recorded value becomes one
of today. The recordings are those of TROUPE_CONTRACT_DIR; nothing but UNORDERED knows a service.

Recorded and present values differ in times, tokens, page tokens, addresses of bytes, and ids that
the server makes. A recorded time becomes a later one by the time that has passed since the
recording if somebody gave it (`expires`); if the server made it, one recorded value has to have one
present value throughout."""

import datetime
import json
import re

from contract import quoted

CUT = re.compile(r"^… \d+ in all$")  # the recorder's note behind a list that it cut
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,6}(?:Z|\+00:00)")
SLUGID = re.compile(r"[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]")
FOOTER = "\n\n---\n\n"
PAGE_TOKENS = {"continuationToken"}
MADE_IDS = {"uploadId"}  # in answers
# Their lists have no order. Source: spec/queue.md, section 13.
UNORDERED = {"/api/queue/v1/tasks", "/api/queue/v1/tasks/status"}
# Of these lists the order is "by name" (spec/queue.md, section 9.7), which leaves open how names
# compare: the recorded server's database had a language's order, this one has that of bytes.
BY_NAME = re.compile(r"/api/queue/v1/task/[^/]+/(runs/\d+/)?artifacts")
LOST = "…"  # what the recorder took out, such as a token


def parse_time(text):
    bare = text.removesuffix("Z").removesuffix("+00:00")
    return datetime.datetime.strptime(bare, "%Y-%m-%dT%H:%M:%S.%f")


def sorted_lists(answer):
    return {key: sorted(part, key=lambda one: one["taskId"]) if isinstance(part, list) else part
            for key, part in answer.items()}


def in_order_of_names(answer):
    return {key: sorted(part, key=lambda one: one["name"]) if key == "artifacts" else part
            for key, part in answer.items()}


def add_years(time, years):
    """29 February becomes 1 March where there is none."""
    try:
        return time.replace(year=time.year + years)
    except ValueError:
        return time.replace(year=time.year + years, month=3, day=1)


class Line:
    """One recorded call."""

    def __init__(self, number, said):
        self.number = number
        self.method = said["method"]
        self.path = said["path"]
        self.caller = said.get("as")
        self.body = said.get("body")
        self.status = said["status"]
        self.location = said.get("location")
        self.response = said.get("response")
        self.scopes = said.get("scopes", [])  # of temporary credentials, where they are known

    def __repr__(self):
        return "line %d, %s %s as %s" % (self.number, self.method, self.path, self.caller)

    def is_badly_signed(self):
        """The recording says only by its answer that the caller had a wrong token."""
        return self.status == 401 and self.response["message"].startswith("Unauthorized: Bad mac")


def read(path):
    """Calls, as `calls/SERVICE.jsonl` has them."""
    with open(path) as file:
        return [Line(number, json.loads(text)) for number, text in enumerate(file, 1)]


def read_traffic(path, prefix):
    """What a client said of a service, as `clients/CLIENT.jsonl` has it."""
    with open(path) as file:
        said = [(number, json.loads(text)) for number, text in enumerate(file, 1)]
    return [_line_of_traffic(number, one["request"], one["response"]) for number, one in said
            if one["request"]["path"].startswith(prefix)]


def _line_of_traffic(number, request, response):
    authorization = request.get("authorization") or {}
    certificate = (authorization.get("ext") or {}).get("certificate", {})
    return Line(number, {"method": request["method"], "path": request["path"],
                         "as": authorization.get("id"), "body": request.get("body"),
                         "status": response["status"], "response": response.get("body"),
                         "location": response["headers"].get("location"),
                         "scopes": certificate.get("scopes", [])})


class Mapping:
    """From recorded values to those of this run."""

    def __init__(self, lines, names, urls, given_times, made_beside=frozenset(), spare_seconds=0):
        """`names` replaces client ids and `urls` what addresses begin with, recorded ones by
        present ones. Times under the keys `given_times` were given by somebody, unless they stand
        beside one of `made_beside`; those that are given are later by `spare_seconds`, so that
        what was to happen before them may take as much longer."""
        self.names = names
        self.urls = urls
        self.given_times = given_times
        self.made_beside = made_beside
        self.made_times = {}
        recorded = [parse_time(t) for line in lines for t in TIME.findall(json.dumps(line.response))
                    if "2020" < t < "2900"]
        answered = [parse_time(line.response["requestInfo"]["time"]) for line in lines
                    if isinstance(line.response, dict) and "requestInfo" in line.response]
        self.began = min(answered) if answered else min(recorded)
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        whole_seconds = (now - self.began) // datetime.timedelta(seconds=1)
        self.shift = datetime.timedelta(seconds=whole_seconds + spare_seconds)

    def to_send(self, value, key=""):
        """What is sent in place of a recorded part of a request."""
        if isinstance(value, dict):
            return {name: self.to_send(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [self.to_send(part, key) for part in value]
        if not isinstance(value, str):
            return value
        if key in self.given_times and TIME.fullmatch(value):
            return self.shifted(value)
        return self.renamed(value)

    def shifted(self, text):
        return text if text > "2900" else self._like(text, parse_time(text) + self.shift)

    def shifted_by_year(self, text):
        """The same where the server added a year to a time that was given."""
        earlier = add_years(parse_time(text), -1)
        return self._like(text, add_years(earlier + self.shift, 1))

    @staticmethod
    def _like(text, time):
        digits, zone = re.fullmatch(r".*\.(\d+)(Z|\+00:00)", text).groups()
        return time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:20 + len(digits)] + zone

    def renamed(self, text):
        for old, new in self.names.items():
            text = text.replace(old, new)
        for old, new in self.urls.items():
            text = text.replace(old, new)
        return text

    def path(self, path):
        for old, new in self.names.items():
            path = path.replace(quoted(old), quoted(new))
        return path


class Comparison:
    """Differences between a recorded and a present answer, as `place: words`."""

    def __init__(self, mapping, exact_text, signed_urls=()):
        """`exact_text(code, text)` says whether the specification states an error's text.
        `signed_urls` are what recorded addresses begin with of which only the kind is compared."""
        self.mapping = mapping
        self.exact_text = exact_text
        self.signed_urls = tuple(signed_urls)

    def answer(self, line, answer):
        if answer.status != line.status:
            return ["status: is %d, was %d: %r" % (answer.status, line.status, answer.raw[:600])]
        location = answer.headers.get("location")
        said = [] if location is line.location is None else \
            self.value("location", line.location, location)
        wanted, found = line.response, answer.json
        if line.path.partition("?")[0] in UNORDERED:
            wanted, found = sorted_lists(wanted), sorted_lists(found)
        if line.method == "GET" and BY_NAME.fullmatch(line.path.partition("?")[0]):
            wanted = in_order_of_names(wanted)  # what was found has to have it
        return said + self.value("", wanted, found)

    def value(self, place, wanted, found, key="", made=False):
        """`made`: times in it are the server's own, whatever their keys."""
        if isinstance(wanted, dict) and isinstance(found, dict):
            return self.object(place, wanted, found)
        if isinstance(wanted, list) and isinstance(found, list):
            return self.list(place, wanted, found, key)
        if type(wanted) is not type(found):
            return ["%s: is %r, was %r" % (place, found, wanted)]
        if isinstance(wanted, str):
            return self.text(place, wanted, found, key, made)
        if key == "uptime" or wanted == found:
            return []
        return ["%s: is %r, was %r" % (place, found, wanted)]

    def object(self, place, wanted, found):
        said = ["%s/%s: is missing, was %r" % (place, key, wanted[key])
                for key in wanted if key not in found]
        said += ["%s/%s: is new, %r" % (place, key, found[key])
                 for key in found if key not in wanted]
        made = not self.mapping.made_beside.isdisjoint(wanted)
        for key in wanted:
            if key in found:
                inner = "%s/%s" % (place, key)
                if key == "message" and "requestInfo" in wanted:
                    said += self.message(inner, wanted, found)
                else:
                    said += self.value(inner, wanted[key], found[key], key, made)
        return said

    def list(self, place, wanted, found, key):
        if wanted and isinstance(wanted[-1], str) and CUT.match(wanted[-1]):
            wanted = wanted[:-1]
            found = found[:len(wanted)]
        if len(wanted) != len(found):
            return ["%s: has %d items, had %d: %r" % (place, len(found), len(wanted), found)]
        return [one for i, (a, b) in enumerate(zip(wanted, found))
                for one in self.value("%s/%d" % (place, i), a, b, key)]

    def text(self, place, wanted, found, key, made):
        if wanted == LOST or key in PAGE_TOKENS:
            return [] if found else ["%s: is empty" % place]
        if key in MADE_IDS and not place.startswith("/requestInfo"):
            return [] if SLUGID.fullmatch(found) else ["%s: is no id, %r" % (place, found)]
        if TIME.fullmatch(wanted):
            return self.time(place, wanted, found, key, made)
        for begin in self.signed_urls:
            if wanted.startswith(begin) and found.startswith(self.mapping.urls[begin]):
                return []
        if found == self.mapping.renamed(wanted):
            return []
        return ["%s: is %r, was %r" % (place, found, wanted)]

    def time(self, place, wanted, found, key, made):
        if not TIME.fullmatch(found):
            return ["%s: is %r, no time, was %r" % (place, found, wanted)]
        if key in self.mapping.given_times and not made and self._is_recent(wanted):
            now = self.mapping.shifted(wanted)
            same = found in (now, self.mapping.shifted_by_year(wanted))
        else:
            # The server's: in any form of RFC 3339, as spec/queue.md says in section 0.1.
            name = (place.split("/")[-1], parse_time(wanted))
            now = self.mapping.made_times.setdefault(name, parse_time(found))
            # One moment there may be several here, close to each other.
            same = abs(parse_time(found) - now) < datetime.timedelta(seconds=1)
        return [] if same else ["%s: is %r, not %s, was %r" % (place, found, now, wanted)]

    def _is_recent(self, text):
        """Not of the time that stands for never."""
        return parse_time(text) > self.mapping.began - datetime.timedelta(days=1)

    def message(self, place, wanted, found):
        was, _, footer_was = wanted["message"].partition(FOOTER)
        now, _, footer_now = found["message"].partition(FOOTER)
        said = []
        if TIME.sub("T", footer_was) != TIME.sub("T", footer_now):
            said.append("%s: footer is %r, was %r" % (place, footer_now, footer_was))
        if self.exact_text(wanted["code"], was) and self.mapping.renamed(was) != now:
            said.append("%s: is %r, was %r" % (place, now, was))
        return said
