"""The official clients behind one interface, so that one test drives each of them.

`call(credentials, method, *args, query=None, authorized_scopes=None)` answers an Outcome;
`signed_url` and `temporary` have the client sign a URL, and issue credentials; `methods` tells what
the client has of a service, and LACKS what it is too old for."""

import concurrent.futures
import contextlib
import datetime
import itertools
import json
import os
import subprocess
import threading

import answers
import clients
import kept_logs
import schemas


class Outcome:
    """How a call ended, as its caller sees it: `body` of a success, or `status`, `code`, `message`
    of a refusal (then `status` is not None)."""

    def __init__(self, body=None, status=None, error=None):
        self.body = body
        self.status = status
        self.error = error or {}

    @property
    def code(self):
        return self.error.get("code")

    @property
    def message(self):
        return self.error.get("message", "").split("\n\n---\n\n")[0]

    def __repr__(self):
        return "%s %r" % (self.status or "success", self.error or self.body)


def class_of(service):
    """Both clients call it so: `worker-manager` is WorkerManager."""
    return "".join(part.capitalize() for part in service.split("-"))


class PythonDriver:
    """PyPI's taskcluster. Each response of the server is checked on its way through."""

    LACKS = {}

    def __init__(self, root_url, service="auth"):
        import taskcluster
        self.service = service
        self.taskcluster = taskcluster
        self.root_url = root_url
        self._send = taskcluster.utils.makeSingleHttpRequest
        taskcluster.utils.makeSingleHttpRequest = self._checked

    def close(self):
        self.taskcluster.utils.makeSingleHttpRequest = self._send

    def _checked(self, method, url, *rest):
        response = self._send(method, url, *rest)
        answers.check(RequestsAnswer(method.upper(), url[len(self.root_url):], response))
        return response

    def _service(self, credentials, authorized_scopes=None):
        options = {"rootUrl": self.root_url, "credentials": dict(credentials), "maxRetries": 0}
        if authorized_scopes is not None:
            options["authorizedScopes"] = authorized_scopes
        return getattr(self.taskcluster, class_of(self.service))(options)

    def call(self, credentials, method, *args, query=None, authorized_scopes=None):
        call = getattr(self._service(credentials, authorized_scopes), method)
        try:
            return Outcome(call(*args) if not query else self._call_with_query(call, args, query))
        except self.taskcluster.exceptions.TaskclusterRestFailure as error:
            return Outcome(status=error.status_code, error=error.body)
        except self.taskcluster.exceptions.TaskclusterAuthFailure as error:
            return Outcome(status=error.status_code, error=error.body)

    @staticmethod
    def _call_with_query(call, args, query):
        """With a query this client wants a body by its name."""
        if args and isinstance(args[-1], dict):
            return call(*args[:-1], payload=args[-1], query=query)
        return call(*args, query=query)

    def signed_url(self, credentials, method, *args, seconds=60):
        return self._service(credentials).buildSignedUrl(method, *args, expiration=seconds)

    def temporary(self, credentials, scopes, name=None):
        now = datetime.datetime.now(datetime.timezone.utc)
        made = self.taskcluster.createTemporaryCredentials(
            credentials["clientId"], credentials["accessToken"],
            now - datetime.timedelta(minutes=1), now + datetime.timedelta(hours=1), scopes, name)
        return {key: value.decode() if isinstance(value, bytes) else value
                for key, value in made.items()}

    def methods(self, service):
        return set(getattr(self.taskcluster, class_of(service)).funcinfo)


class RequestsAnswer:
    """A response of the library `requests`, as caller.Answer."""

    has_headers = True

    def __init__(self, verb, target, response):
        self.verb = verb
        self.target = target
        self.status = response.status_code
        self.headers = response.headers
        self.raw = response.content
        kept_logs.plant(*kept_logs.secrets_in(response.text))
        kind = response.headers.get("content-type", "")
        self.json = response.json() if self.raw and "application/json" in kind else None


class NodeDriver:
    """npm's taskcluster-client: a process that takes one request a line (driver.mjs), of several
    threads at once."""

    # Younger than 87.1.3, the last one on npm, which makes them from the contract's reference.
    LACKS = {"auth": {"githubRepoToken"},
             "queue": {"changeTaskPriority", "changeTaskGroupPriority"},
             "worker-manager": {"shouldWorkerTerminate"}}
    HAS_HTTP_ERRORS = True  # with all that an answer over HTTP has
    ANSWER_SECONDS_MAX = 120

    def __init__(self, root_url, service="auth"):
        self.service = service
        environment = {**os.environ, "TROUPE_ROOT_URL": root_url,
                       "TROUPE_NODE_MODULES": clients.node_modules()}
        self.process = subprocess.Popen(
            ["node", os.path.join(clients.HERE, "driver.mjs")], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lock = threading.Lock()
        self.numbers = itertools.count()
        self.asked = {}  # what has no answer yet, by number
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.reader.join()
        self.process.stdout.close()
        self.process.wait(30)

    def _read(self):
        for line in self.process.stdout:
            kept_logs.plant(*kept_logs.secrets_in(line))
            answer = json.loads(line)
            self.asked.pop(answer["number"]).set_result(answer)
        for unanswered in list(self.asked.values()):
            unanswered.set_exception(AssertionError("driver.mjs ended"))

    def _ask(self, **request):
        answered = concurrent.futures.Future()
        with self.lock:
            number = next(self.numbers)
            self.asked[number] = answered
            self.process.stdin.write(json.dumps({**request, "number": number}) + "\n")
            self.process.stdin.flush()
        answer = answered.result(self.ANSWER_SECONDS_MAX)
        if "trouble" in answer:
            raise AssertionError(answer["trouble"])
        return answer

    def call(self, credentials, method, *args, service=None, query=None, authorized_scopes=None):
        service = service or self.service
        has_it = service in schemas.services() and method not in self.LACKS.get(service, ())
        answer = self._ask(what="call", service=class_of(service), method=method,
                           credentials=credentials, args=[*args, query] if query else list(args),
                           reference=None if has_it else schemas.reference(service),
                           authorizedScopes=authorized_scopes)
        if "status" in answer:
            return Outcome(status=answer["status"], error=answer["body"])
        return Outcome(answer.get("body"))

    def signed_url(self, credentials, method, *args, seconds=60):
        return self._ask(what="signedUrl", service=class_of(self.service), credentials=credentials,
                         method=method, args=list(args), seconds=seconds)["url"]

    def temporary(self, credentials, scopes, name=None):
        return self._ask(what="temporary", credentials=credentials, scopes=scopes,
                         name=name)["credentials"]

    def methods(self, service):
        return set(self._ask(what="methods", service=class_of(service))["methods"])
