"""What a first start makes, and that all of auth is there again after `kill -9`.
Source: spec/auth.md, sections 3 and 4."""

import unittest

import hawk
from contract import FAR, Server, quoted

INTERNAL = {  # scopes of the platform's own parts
    "root": ["*"],
    "queue": ["*"],
    "built-in-workers": ["queue:claim-work:built-in/*", "queue:worker-id:built-in/*"],
    "github": ["assume:repo:github.com/*", "assume:scheduler-id:taskcluster-github/*",
               "auth:expand-scopes", "hooks:trigger-hook:*",
               "queue:cancel-task-group:taskcluster-github/*",
               "queue:get-artifact:public/github/customCheckRunAnnotations.json",
               "queue:get-artifact:public/github/customCheckRunText.md",
               "queue:get-artifact:public/logs/live_backing.log", "queue:list-artifacts:*",
               "queue:list-task-group:*", "queue:route:checks", "queue:route:statuses",
               "queue:scheduler-id:taskcluster-github",
               "queue:seal-task-group:taskcluster-github/*"],
    "hooks": ["assume:hook-id:*", "notify:email:*", "queue:create-task:*"],
    "index": ["queue:get-artifact:*", "queue:get-task:*"],
    "notify": ["queue:get-task:*"],
    "object": [], "purge-cache": [], "secrets": [],
    "web-server": ["assume:github-org-admin:*", "assume:github-team:*", "assume:login-identity:*",
                   "assume:mozilla-group:*", "assume:mozillians-group:*",
                   *("auth:%s:%s" % (method, who)
                     for method in ("create-client", "delete-client", "disable-client",
                                    "enable-client", "reset-access-token", "update-client")
                     for who in ("github/*", "mozilla-auth0/*"))],
    "worker-manager": ["assume:worker-id:*", "assume:worker-pool:*", "assume:worker-type:*",
                       "auth:create-client:worker/*", "notify:email:*", "queue:claim-work:*",
                       "queue:claimed-count:*", "queue:pending-count:*", "queue:worker-id:*",
                       "secrets:get:worker-pool:*", "secrets:get:worker-type:*",
                       "worker-manager:remove-worker:*", "worker-manager:reregister-worker:*",
                       "worker-manager:should-worker-terminate:*"],
}
# What everybody may do at first, as far as auth goes, and Troupe's own.
ANONYMOUS = {"auth:current-scopes", "auth:expand-scopes", "auth:get-client:*", "auth:get-role:*",
             "auth:list-clients", "auth:list-roles", "queue:status:*", "troupe:events",
             "troupe:explain", "troupe:tasks"}


class Start(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.__exit__)
        self.server.start()
        self.root = self.server.caller(self.server.credentials())

    def test_first_start(self):
        self.assertEqual(self.root.credentials["clientId"], "static/troupe/root")
        path = "/clients/?prefix=static%2Ftaskcluster%2F"
        clients = self.root.get(path).json["clients"]
        self.assertEqual({c["clientId"].removeprefix("static/taskcluster/"): sorted(c["scopes"])
                          for c in clients},
                         {name: sorted(scopes) for name, scopes in INTERNAL.items()})
        for client in clients:
            self.assertFalse(client["disabled"] or client["deleteOnExpiration"])
            self.assertGreater(client["expires"], "3000")
        scopes = set(self.root.get("/roles/anonymous").json["scopes"])
        self.assertLessEqual(ANONYMOUS, scopes)
        self.assertFalse([scope for scope in scopes if scope.startswith("secrets:get:")])
        self.assertEqual(self.server.caller().get("/scopes/current").status, 200)

    def test_killed(self):
        """Whoever was let in before is let in after, and sees the same."""
        body = {"expires": FAR, "description": "d", "scopes": ["auth:current-scopes",
                                                               "assume:kept"]}
        made = self.root.put("/clients/kept%2Fclient", body).json
        self.root.put("/clients/kept%2Fdisabled", body)
        self.root.post("/clients/kept%2Fdisabled/disable")
        self.root.put("/roles/kept", {"description": "", "scopes": ["b", "a:*"]})
        self.root.delete("/roles/anonymous")
        credentials = {"clientId": made["clientId"], "accessToken": made["accessToken"]}
        paths = ("/clients/kept%2Fclient", "/clients/kept%2Fdisabled", "/roles/",
                 "/audit/client/kept%2Fclient", "/audit/role/kept",
                 "/clients/%s/audit" % quoted("static/troupe/root"))
        before = [self.root.get(path).json for path in paths]
        self.server.kill()
        self.server.start()
        root = self.server.caller(self.server.credentials())
        self.assertEqual([root.get(path).json for path in paths], before)
        for kept in (credentials, hawk.temporary(credentials, ["auth:current-scopes", "a:*", "b",
                                                               "assume:kept"])):
            scopes = root.called(kept).get("/scopes/current").json["scopes"]
            self.assertEqual(scopes, ["a:*", "assume:anonymous", "assume:kept",
                                      "auth:current-scopes", "b"])
        again = root.put("/clients/kept%2Fclient", body)
        self.assertEqual(again.json["accessToken"], made["accessToken"])


if __name__ == "__main__":
    unittest.main()
