@0xa87d2e91c35b0f64;
# Clients and roles: who may do what, and how a request proves who sent it. Names are those of
# Taskcluster's auth service. Times are milliseconds since 1970, UTC; 0 is absent.

using Cxx = import "/capnp/c++.capnp";
using A = import "annotations.capnp";
using M = import "monitoring.capnp";
$Cxx.namespace("troupe::schema");

const clientIdPattern :Text = "^[A-Za-z0-9!@/:.+|_-]+$";
# Of a client's name.
const roleIdPattern :Text = "^[\\x20-\\x7e]+$";
# Of a role's name: printable ASCII.
const levelPattern :Text = "^(read-write|read-only)$";
# How much a credential for somebody else's service may do.
const scopePattern :Text = "^[ -~]*$";
# Of a scope: printable ASCII.

struct ClientRequest $A.schema("create-client-request") {
  # What createClient makes and updateClient replaces.
  expires @0 :Int64 $A.required $A.dateTime;  # it is refused from then on
  description @1 :Text $A.required $A.length((max = 10240));  # Markdown: what it is for, whose
  scopes @2 :List(Text) $A.unique $A.pattern(.scopePattern);
  # Unexpanded, 10,000 at most. Null: none at creation, unchanged by an update.
  deleteOnExpiration @3 :Bool $A.default("false");  # whether it is removed once it has expired
}

struct Client $A.schema("get-client-response") {
  # Who may call, without the secret part.
  clientId @0 :Text $A.required $A.pattern(.clientIdPattern);  # its name
  expires @1 :Int64 $A.required $A.dateTime;        # it is refused from then on
  description @2 :Text $A.required $A.length((max = 10240));   # Markdown
  created @3 :Int64 $A.required $A.dateTime;        # when it was made
  lastModified @4 :Int64 $A.required $A.dateTime;   # of its last change
  lastDateUsed @5 :Int64 $A.required $A.dateTime;   # to 6 hours
  lastRotated @6 :Int64 $A.required $A.dateTime;    # of its present access token
  deleteOnExpiration @7 :Bool $A.required;          # whether it is removed once it has expired
  scopes @8 :List(Text) $A.required $A.unique $A.pattern(.scopePattern);  # as they were given
  expandedScopes @9 :List(Text) $A.required $A.unique $A.pattern(.scopePattern);
  # With those that roles add, sorted.
  disabled @10 :Bool $A.required;                   # refused until it is enabled
}

struct ClientWithToken $A.schema("create-client-response") {
  # A client with its secret part, told when that is made.
  clientId @0 :Text $A.required $A.pattern(.clientIdPattern);  # its name
  expires @1 :Int64 $A.required $A.dateTime;        # it is refused from then on
  description @2 :Text $A.required $A.length((max = 10240));   # Markdown
  created @3 :Int64 $A.required $A.dateTime;        # when it was made
  lastModified @4 :Int64 $A.required $A.dateTime;   # of its last change
  lastDateUsed @5 :Int64 $A.required $A.dateTime;   # to 6 hours
  lastRotated @6 :Int64 $A.required $A.dateTime;    # of its present access token
  deleteOnExpiration @7 :Bool $A.required;          # whether it is removed once it has expired
  scopes @8 :List(Text) $A.required $A.unique $A.pattern(.scopePattern);  # as they were given
  expandedScopes @9 :List(Text) $A.required $A.unique $A.pattern(.scopePattern);
  # With those that roles add, sorted.
  disabled @10 :Bool $A.required;                   # refused until it is enabled
  accessToken @11 :Text $A.required $A.pattern("^[a-zA-Z0-9_-]{22,66}$");
  # What signs its requests: told here and never again.
}

struct ClientList $A.schema("list-clients-response") {
  # A page of clients.
  clients @0 :List(Client) $A.required;  # in the order of their names
  continuationToken @1 :Text $A.optional;          # of the next page
}

struct RoleRequest $A.schema("create-role-request") {
  # What createRole makes and updateRole replaces.
  scopes @0 :List(Text) $A.required $A.unique $A.pattern(.scopePattern);
  # What it grants, 10,000 at most. In a role whose name ends with `*`, `<..>` stands for the rest
  # of the name.
  description @1 :Text $A.required $A.length((max = 10240));  # Markdown
}

struct Role $A.schema("get-role-response") {
  # Scopes under a name: whoever has `assume:<roleId>` has them.
  roleId @0 :Text $A.required $A.pattern(.roleIdPattern);     # its name
  scopes @1 :List(Text) $A.required $A.pattern(.scopePattern);  # what it grants, as given
  description @2 :Text $A.required $A.length((max = 10240));  # Markdown
  created @3 :Int64 $A.required $A.dateTime;                  # when it was made
  lastModified @4 :Int64 $A.required $A.dateTime;             # of its last change
  expandedScopes @5 :List(Text) $A.required $A.unique $A.pattern(.scopePattern);
  # What `assume:<roleId>` comes to, sorted.
}

struct RoleList $A.schema("list-roles-response") {
  # All roles.
  roles @0 :List(Role) $A.required $A.body;  # in the order of their names
}

struct RolePage $A.schema("list-roles2-response") {
  # A page of roles.
  roles @0 :List(Role) $A.required;  # in the order of their names
  continuationToken @1 :Text $A.optional;      # of the next page
}

struct RoleIdPage $A.schema("list-role-ids-response") {
  # A page of roles' names.
  roleIds @0 :List(Text) $A.required $A.unique;  # in order
  continuationToken @1 :Text $A.optional;        # of the next page
}

struct ScopeList $A.schema("scopeset") {
  # Scopes.
  scopes @0 :List(Text) $A.required $A.unique $A.pattern(.scopePattern);  # each once
}

struct AuditEntry {
  # One change.
  clientId @0 :Text $A.required;    # who made it
  actionType @1 :Text $A.required;  # `created`, `updated`, `deleted`, `client enabled`...
  created @2 :Int64 $A.required $A.dateTime;  # when
  entityId @3 :Text $A.required;    # of what
  entityType @4 :Text $A.required;  # `client`, `role`, `secret`, `hook` or `worker-pool`
}

struct AuditHistory $A.schema("get-entity-history-response") {
  # A page of changes.
  auditHistory @0 :List(AuditEntry) $A.required;  # oldest first
  continuationToken @1 :Text $A.optional;         # of the next page
}

enum HawkMethod {
  # What a request may ask for: the methods of HTTP and of WebDAV.
  get @0;  # GET
  post @1;  # POST
  put @2;  # PUT
  head @3;  # HEAD
  delete @4;  # DELETE
  options @5;  # OPTIONS
  trace @6;  # TRACE
  copy @7;  # COPY
  lock @8;  # LOCK
  mkcol @9;  # MKCOL
  move @10;  # MOVE
  purge @11;  # PURGE
  propfind @12;  # PROPFIND
  proppatch @13;  # PROPPATCH
  unlock @14;  # UNLOCK
  report @15;  # REPORT
  mkactivity @16;  # MKACTIVITY
  checkout @17;  # CHECKOUT
  merge @18;  # MERGE
  mSearch @19 $A.jsonName("m-search");  # M-SEARCH
  notify @20;  # NOTIFY
  subscribe @21;  # SUBSCRIBE
  unsubscribe @22;  # UNSUBSCRIBE
  patch @23;  # PATCH
  search @24;  # SEARCH
  connect @25;  # CONNECT
}

struct HawkRequest $A.schema("authenticate-hawk-request") {
  # What a service knows of a request that it has been sent.
  method @0 :HawkMethod $A.required;              # of the request
  resource @1 :Text $A.required;                  # path and query, as received
  host @2 :Text $A.required $A.pattern(.hostPattern)
      $A.length((min = 1, max = 253));            # without the port
  port @3 :UInt16 $A.required;                    # it came in on
  authorization @4 :Text $A.optional;             # the header, if it has one
  sourceIp @5 :Text $A.optional $A.pattern(.addressPattern);  # who sent it, for the log
}

const hostPattern :Text = "^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\\.|$))+$";
# A host's name or IPv4 address.
const addressPattern :Text =
    "^([0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)$";
# An IPv4 or IPv6 address.

struct HawkSuccess {
  # The request was sent by who it says.
  scopes @0 :List(Text) $A.required $A.unique $A.pattern(.scopePattern);  # it has, expanded
  scheme @1 :Text $A.required $A.pattern("^hawk$");  # `hawk`
  clientId @2 :Text $A.required $A.pattern(.clientIdPattern);  # who sent it
  expires @3 :Int64 $A.required $A.dateTime;         # of the credentials
  hash @4 :Text $A.optional;                         # of the body, where one was signed
}

struct HawkFailure {
  # The request's credentials are not valid.
  message @0 :Text $A.required;  # why
}

struct HawkAbsence {
  # The request has no credentials.
  scheme @0 :Text $A.required $A.pattern("^none$");  # `none`
  scopes @1 :List(Text) $A.required $A.unique $A.pattern(.scopePattern);  # of everybody
  expires @2 :Int64 $A.required $A.dateTime;         # ask again then
}

struct HawkResponse $A.schema("authenticate-hawk-response") $A.discriminator("status") {
  # What became of a request's credentials.
  union {
    success @0 :HawkSuccess $A.jsonName("auth-success");  # they are valid
    failure @1 :HawkFailure $A.jsonName("auth-failed");   # they are not
    absence @2 :HawkAbsence $A.jsonName("no-auth");       # there are none
  }
}

struct TestRequest $A.schema("test-authenticate-request") {
  # What testAuthenticate pretends.
  clientScopes @0 :List(Text) $A.default("[]") $A.unique $A.pattern(.scopePattern);
  # The scopes of the client `tester`.
  requiredScopes @1 :List(Text) $A.default("[]") $A.unique $A.pattern(.scopePattern);
  # All of which the caller has to have.
}

struct TestResponse $A.schema("test-authenticate-response") {
  # Who the caller turned out to be.
  scopes @0 :List(Text) $A.required $A.unique $A.pattern(.scopePattern);  # it has
  clientId @1 :Text $A.required $A.pattern(.clientIdPattern);             # its name
}

struct AwsKey {
  # For a limited time.
  accessKeyId @0 :Text $A.required;      # public part
  secretAccessKey @1 :Text $A.required;  # secret part
  sessionToken @2 :Text $A.required;     # goes with each request
}

struct AwsS3Response $A.schema("aws-s3-credentials-response") {
  # Access to a part of a bucket.
  credentials @0 :AwsKey $A.required;         # what it takes
  expires @1 :Int64 $A.required $A.dateTime;  # useless from then on
}

struct AzureAccounts $A.schema("azure-account-list-response") {
  # Accounts with configured keys.
  accounts @0 :List(Text) $A.required $A.unique;  # their names
}

struct AzureTables $A.schema("azure-table-list-response") {
  # A page of tables.
  tables @0 :List(Text) $A.required $A.unique;  # their names
  continuationToken @1 :Text $A.optional;       # of the next page
}

struct AzureTableAccess $A.schema("azure-table-access-response") {
  # Access to a table.
  sas @0 :Text $A.required;                  # a signed query string
  expiry @1 :Int64 $A.required $A.dateTime;  # useless from then on
}

struct AzureContainers $A.schema("azure-container-list-response") {
  # A page of containers.
  containers @0 :List(Text) $A.required $A.unique;  # their names
  continuationToken @1 :Text $A.optional;           # of the next page
}

struct AzureContainerAccess $A.schema("azure-container-response") {
  # Access to a container.
  sas @0 :Text $A.required;                  # a signed query string
  expiry @1 :Int64 $A.required $A.dateTime;  # useless from then on
}

struct SentryKeys {
  # A project's addresses for reports.
  secret @0 :Text $A.required;  # for programs
  public @1 :Text $A.required;  # for pages
}

struct SentryResponse $A.schema("sentry-dsn-response") {
  # Where a project reports its errors.
  project @0 :Text $A.required;               # its name
  dsn @1 :SentryKeys $A.required;             # where to
  expires @2 :Int64 $A.required $A.dateTime;  # useless from then on
}

struct TunnelToken $A.schema("websocktunnel-token-response") {
  # What opens a tunnel to a worker.
  wstClient @0 :Text $A.required $A.pattern(.tunnelClientPattern);      # the worker's end
  wstAudience @1 :Text $A.required $A.pattern(.tunnelAudiencePattern);  # the tunnel server's name
  token @2 :Text $A.required;                 # a JSON web token, HS256
  expires @3 :Int64 $A.required $A.dateTime;  # useless from then on
}

const tunnelAudiencePattern :Text = "^[a-zA-Z0-9_-]{1,38}$";
# Of a tunnel server's name.
const tunnelClientPattern :Text = "^[a-zA-Z0-9_~.%-]+$";
# Of a tunnel's end.

struct GcpCredentials $A.schema("gcp-credentials-response") {
  # What acts as a service account.
  accessToken @0 :Text $A.required;              # for OAuth
  expireTime @1 :Int64 $A.required $A.dateTime;  # useless from then on
}

enum GithubAccess {
  # To a part of a repository.
  none @0 $A.jsonName("");  # not named
  read @1;   # may look
  write @2;  # may change
}
enum GithubProjectAccess {
  # To a repository's projects.
  none @0 $A.jsonName("");  # not named
  read @1;   # may look
  write @2;  # may change
  admin @3;  # may do all
}
enum GithubWorkflowAccess {
  # To a repository's workflows.
  none @0 $A.jsonName("");  # not named
  write @1;  # may change
}

struct GithubPermissions {
  # What a token may do, by the name that GitHub has for it.
  actions @0 :GithubAccess $A.optional;  # actions
  administration @1 :GithubAccess $A.optional;  # administration
  artifactMetadata @2 :GithubAccess $A.optional
      $A.jsonName("artifact_metadata");  # artifact metadata
  attestations @3 :GithubAccess $A.optional;  # attestations
  checks @4 :GithubAccess $A.optional;  # checks
  codeQuality @5 :GithubAccess $A.optional
      $A.jsonName("code_quality");  # code quality
  codespaces @6 :GithubAccess $A.optional;  # codespaces
  contents @7 :GithubAccess $A.optional;  # contents
  dependabotSecrets @8 :GithubAccess $A.optional
      $A.jsonName("dependabot_secrets");  # dependabot secrets
  deployments @9 :GithubAccess $A.optional;  # deployments
  discussions @10 :GithubAccess $A.optional;  # discussions
  environments @11 :GithubAccess $A.optional;  # environments
  issues @12 :GithubAccess $A.optional;  # issues
  mergeQueues @13 :GithubAccess $A.optional
      $A.jsonName("merge_queues");  # merge queues
  metadata @14 :GithubAccess $A.optional;  # metadata
  packages @15 :GithubAccess $A.optional;  # packages
  pages @16 :GithubAccess $A.optional;  # pages
  pullRequests @17 :GithubAccess $A.optional
      $A.jsonName("pull_requests");  # pull requests
  repositoryCustomProperties @18 :GithubAccess $A.optional
      $A.jsonName("repository_custom_properties");  # repository custom properties
  repositoryHooks @19 :GithubAccess $A.optional
      $A.jsonName("repository_hooks");  # repository hooks
  repositoryProjects @20 :GithubProjectAccess $A.optional
      $A.jsonName("repository_projects");  # repository projects
  secretScanningAlerts @21 :GithubAccess $A.optional
      $A.jsonName("secret_scanning_alerts");  # secret scanning alerts
  secrets @22 :GithubAccess $A.optional;  # secrets
  securityEvents @23 :GithubAccess $A.optional
      $A.jsonName("security_events");  # security events
  singleFile @24 :GithubAccess $A.optional
      $A.jsonName("single_file");  # single file
  statuses @25 :GithubAccess $A.optional;  # statuses
  vulnerabilityAlerts @26 :GithubAccess $A.optional
      $A.jsonName("vulnerability_alerts");  # vulnerability alerts
  workflows @27 :GithubWorkflowAccess $A.optional;  # workflows
}

struct GithubRequest $A.schema("github-repo-token-request") {
  # What a token is to be good for.
  permissions @0 :GithubPermissions $A.required $A.items((min = 1));  # at least one
  repositories @1 :List(Text) $A.required $A.items((min = 1, max = 500))
      $A.pattern("^[A-Za-z0-9._-]+$");  # names, of one owner
}

struct GithubToken $A.schema("github-token-response") {
  # What GitHub takes for a password.
  token @0 :Text $A.required;                 # the secret
  expires @1 :Int64 $A.required $A.dateTime;  # useless from then on
}

interface Auth extends(M.Monitoring)
    $A.service((name = "auth", title = "Auth Service",
                description = "Clients, roles, and who may do what.")) {
  # Errors are exceptions whose text starts with the API's code: `ResourceNotFound: ...`.
  # Lists are paged: `limit` 1..1000 (0 means 1000); a page without `continuationToken` is the last.
  listClients @0 (prefix :Text $A.pattern(.clientIdPattern),
                  continuationToken :Text $A.pattern("."), limit :UInt32 = 1000)
      -> ClientList
      $A.method((verb = get, route = "/clients/",
                 access = (needs = (scope = "auth:list-clients")),
                 category = "Clients",
                 title = "List Clients",
                 description = "The clients whose names begin with `prefix`, in order."));
  # A page of clients, with `prefix` or all.
  client @1 (clientId :Text $A.pattern(.clientIdPattern)) -> Client
      $A.method((verb = get, route = "/clients/<clientId>",
                 access = (needs = (scope = "auth:get-client:<clientId>")),
                 category = "Clients",
                 title = "Get Client",
                 description = "One client, without its access token."));
  # One client.
  createClient @2 (clientId :Text $A.pattern(.clientIdPattern), payload :ClientRequest)
      -> ClientWithToken
      $A.method((verb = put, route = "/clients/<clientId>",
                 access = (needs = (allOf = [
                     (scope = "auth:create-client:<clientId>"),
                     (forEach = (for = "scope", in = "scopes", each = "<scope>"))])),
                 category = "Clients",
                 title = "Create Client",
                 description = "Makes a client, of at most 10,000 scopes; the answer alone tells "
                     "its access token."));
  # Whoever asks has to have each of its scopes. The same again within 15 minutes is answered alike.
  updateClient @3 (clientId :Text $A.pattern(.clientIdPattern), payload :ClientRequest) -> Client
      $A.method((verb = post, route = "/clients/<clientId>",
                 access = (needs = (allOf = [
                     (scope = "auth:update-client:<clientId>"),
                     (forEach = (for = "scope", in = "scopesAdded", each = "<scope>"))])),
                 category = "Clients",
                 title = "Update Client",
                 description = "Replaces all but token and state; scopes left out stay. At most "
                     "10,000 scopes."));
  # Whoever asks has to have each scope that is new.
  enableClient @4 (clientId :Text $A.pattern(.clientIdPattern)) -> Client
      $A.method((verb = post, route = "/clients/<clientId>/enable",
                 access = (needs = (scope = "auth:enable-client:<clientId>")),
                 category = "Clients",
                 title = "Enable Client",
                 description = "Ends what disableClient began."));
  # Its requests are taken again.
  disableClient @5 (clientId :Text $A.pattern(.clientIdPattern)) -> Client
      $A.method((verb = post, route = "/clients/<clientId>/disable",
                 access = (needs = (scope = "auth:disable-client:<clientId>")),
                 category = "Clients",
                 title = "Disable Client",
                 description = "Its requests are refused from now on."));
  # Its requests are refused from now on.
  resetAccessToken @6 (clientId :Text $A.pattern(.clientIdPattern)) -> ClientWithToken
      $A.method((verb = post, route = "/clients/<clientId>/reset",
                 access = (needs = (scope = "auth:reset-access-token:<clientId>")),
                 category = "Clients",
                 title = "Reset `accessToken`",
                 description = "Gives it another access token; the present one is void at once."));
  # Another token; the present one is void at once, with all that it signed.
  deleteClient @7 (clientId :Text $A.pattern(.clientIdPattern)) -> ()
      $A.method((verb = delete, route = "/clients/<clientId>",
                 access = (needs = (scope = "auth:delete-client:<clientId>")),
                 category = "Clients",
                 title = "Delete Client",
                 description = "Removes a client; one that does not exist is no error."));
  # Removes it, if it is there.
  listRoles @8 () -> RoleList
      $A.method((verb = get, route = "/roles/",
                 access = (needs = (scope = "auth:list-roles")),
                 category = "Roles",
                 title = "List Roles (no pagination)",
                 description = "All roles in one answer; listRoles2 has them in pages."));
  # All of them.
  listRoles2 @9 (continuationToken :Text $A.pattern("."), limit :UInt32) -> RolePage
      $A.method((verb = get, route = "/roles2/",
                 access = (needs = (scope = "auth:list-roles")),
                 category = "Roles",
                 title = "List Roles",
                 description = "Roles in the order of their names; without `limit` all of them."));
  # Without `limit`: all of them.
  listRoleIds @10 (continuationToken :Text $A.pattern("."), limit :UInt32) -> RoleIdPage
      $A.method((verb = get, route = "/roleids/",
                 access = (needs = (scope = "auth:list-roles")),
                 category = "Roles",
                 title = "List Role IDs",
                 description = "Names of roles, in order; without `limit` all of them."));
  # Without `limit`: all of them.
  role @11 (roleId :Text $A.pattern(.roleIdPattern)) -> Role
      $A.method((verb = get, route = "/roles/<roleId>",
                 access = (needs = (scope = "auth:get-role:<roleId>")),
                 category = "Roles",
                 title = "Get Role",
                 description = "One role."));
  # One role.
  createRole @12 (roleId :Text $A.pattern(.roleIdPattern), payload :RoleRequest) -> Role
      $A.method((verb = put, route = "/roles/<roleId>",
                 access = (needs = (allOf = [
                     (scope = "auth:create-role:<roleId>"),
                     (forEach = (for = "scope", in = "scopes", each = "<scope>"))])),
                 category = "Roles",
                 title = "Create Role",
                 description = "Makes a role, of at most 10,000 scopes; the same again is answered "
                     "alike."));
  # Whoever asks has to have each of its scopes.
  updateRole @13 (roleId :Text $A.pattern(.roleIdPattern), payload :RoleRequest) -> Role
      $A.method((verb = post, route = "/roles/<roleId>",
                 access = (needs = (allOf = [
                     (scope = "auth:update-role:<roleId>"),
                     (forEach = (for = "scope", in = "scopesAdded", each = "<scope>"))])),
                 category = "Roles",
                 title = "Update Role",
                 description = "Replaces what a role grants, at most 10,000 scopes, and its "
                     "description."));
  # Whoever asks has to have each scope that it does not grant yet.
  deleteRole @14 (roleId :Text $A.pattern(.roleIdPattern)) -> ()
      $A.method((verb = delete, route = "/roles/<roleId>",
                 access = (needs = (scope = "auth:delete-role:<roleId>")),
                 category = "Roles",
                 title = "Delete Role",
                 description = "Removes a role; one that does not exist is no error."));
  # Removes it, if it is there.
  expandScopes @15 (payload :ScopeList) -> ScopeList
      $A.method((verb = post, route = "/scopes/expand",
                 access = (needs = (scope = "auth:expand-scopes")),
                 category = "Scopes and Auth",
                 title = "Expand Scopes",
                 description = "The scopes given, with all that roles add to them."));
  # With all that roles add.
  currentScopes @16 () -> ScopeList
      $A.method((verb = get, route = "/scopes/current",
                 access = (needs = (scope = "auth:current-scopes")),
                 category = "Scopes and Auth",
                 title = "Get Current Scopes",
                 description = "The scopes of whoever asks, with all that roles add."));
  # Of whoever asks.
  getEntityHistory @17 (entityType :Text $A.pattern("^(client|role|secret|hook|worker-pool)$"),
                    entityId :Text, continuationToken :Text $A.pattern("."), limit :UInt32 = 1000)
      -> AuditHistory
      $A.method((verb = get, route = "/audit/<entityType>/<entityId>",
                 access = (needs = (scope = "auth:audit-history:<entityType>")),
                 category = "Audit",
                 title = "Get Entity History",
                 description = "What was done to one client, role, secret, hook or worker pool."));
  # What was done to it. Empty if nothing is known.
  listAuditHistory @18 (clientId :Text $A.pattern(.clientIdPattern),
                    continuationToken :Text $A.pattern("."), limit :UInt32 = 1000) -> AuditHistory
      $A.method((verb = get, route = "/clients/<clientId>/audit",
                 access = (needs = (scope = "auth:client-audit-history:<clientId>")),
                 category = "Audit",
                 title = "List Audit History",
                 description = "What a client has done."));
  # What it has done.
  authenticateHawk @19 (payload :HawkRequest) -> HawkResponse
      $A.method((verb = post, route = "/authenticate-hawk",
                 access = (public = void),
                 category = "Scopes and Auth",
                 title = "Authenticate Hawk Request",
                 description = "Whether the signature of a request is valid, and what it may do."));
  # Always answers, whatever the signature is like.
  testAuthenticate @20 (payload :TestRequest) -> TestResponse
      $A.method((verb = post, route = "/test-authenticate",
                 access = (public = void),
                 category = "Scopes and Auth",
                 title = "Test Authentication",
                 description = "For those who write clients: `tester` signs with `no-secret`."));
  # For those who write clients. Signed as HTTP requests are: of no use over RPC.
  testAuthenticateGet @21 () -> TestResponse
      $A.method((verb = get, route = "/test-authenticate-get/",
                 access = (public = void),
                 category = "Scopes and Auth",
                 title = "Test Authentication (GET)",
                 description = "For those who write clients: `tester` signs with `no-secret`."));
  # The same for requests without a body.
  awsS3Credentials @22 (level :Text $A.pattern(.levelPattern),
                    bucket :Text $A.pattern("^[a-z0-9][a-z0-9-]{1,62}[a-z0-9]$"), prefix :Text,
                    format :Text $A.pattern("iam-role-compat")) -> AwsS3Response
      $A.method((verb = get, route = "/aws/s3/<level>/<bucket>/<prefix...>",
                 access = (needs = (condition = (
                     if = "levelIsReadOnly",
                     then = (anyOf = [
                         (scope = "auth:aws-s3:read-only:<bucket>/<prefix>"),
                         (scope = "auth:aws-s3:read-write:<bucket>/<prefix>")]),
                     else = (scope = "auth:aws-s3:read-write:<bucket>/<prefix>")))),
                 category = "AWS Credentials",
                 title = "Get Temporary Read/Write Credentials S3",
                 description = "Access to the objects of a bucket that begin with `prefix`."));
  # Refused where no bucket is configured.
  azureAccounts @23 () -> AzureAccounts
      $A.method((verb = get, route = "/azure/accounts",
                 access = (needs = (scope = "auth:azure-table:list-accounts")),
                 category = "Azure Credentials", stability = deprecated,
                 title = "List Accounts Managed by Auth",
                 description = "The accounts with configured keys."));
  # Empty where none is configured.
  azureTables @24 (account :Text $A.pattern("^[a-z0-9]{3,24}$"),
                    continuationToken :Text $A.pattern("^.*$")) -> AzureTables
      $A.method((verb = get, route = "/azure/<account>/tables",
                 access = (needs = (scope = "auth:azure-table:list-tables:<account>")),
                 category = "Azure Credentials", stability = deprecated,
                 title = "List Tables in an Account Managed by Auth",
                 description = "The tables of an account."));
  # Refused where the account is not configured.
  azureTableSAS @25 (account :Text $A.pattern("^[a-z0-9]{3,24}$"),
                    table :Text $A.pattern("^[A-Za-z][A-Za-z0-9]{2,62}$"),
                    level :Text $A.pattern(.levelPattern))
      -> AzureTableAccess
      $A.method((verb = get, route = "/azure/<account>/table/<table>/<level>",
                 access = (needs = (condition = (
                     if = "levelIsReadOnly",
                     then = (anyOf = [
                         (scope = "auth:azure-table:read-only:<account>/<table>"),
                         (scope = "auth:azure-table:read-write:<account>/<table>")]),
                     else = (scope = "auth:azure-table:read-write:<account>/<table>")))),
                 category = "Azure Credentials", stability = deprecated,
                 title = "Get Shared-Access-Signature for Azure Table",
                 description = "Access to one table."));
  # Refused where the account is not configured.
  azureContainers @26 (account :Text $A.pattern("^[a-z0-9]{3,24}$"),
                    continuationToken :Text $A.pattern(".*")) -> AzureContainers
      $A.method((verb = get, route = "/azure/<account>/containers",
                 access = (needs = (scope = "auth:azure-container:list-containers:<account>")),
                 category = "Azure Credentials", stability = deprecated,
                 title = "List containers in an Account Managed by Auth",
                 description = "The containers of an account."));
  # Refused where the account is not configured.
  azureContainerSAS @27 (account :Text $A.pattern("^[a-z0-9]{3,24}$"),
                    container :Text $A.pattern("^[a-z0-9](-?[a-z0-9])+$")
                        $A.length((min = 3, max = 63)),
                    level :Text $A.pattern(.levelPattern))
      -> AzureContainerAccess
      $A.method((verb = get, route = "/azure/<account>/containers/<container>/<level>",
                 access = (needs = (condition = (
                     if = "levelIsReadOnly",
                     then = (anyOf = [
                         (scope = "auth:azure-container:read-only:<account>/<container>"),
                         (scope = "auth:azure-container:read-write:<account>/<container>")]),
                     else = (scope = "auth:azure-container:read-write:<account>/<container>")))),
                 category = "Azure Credentials", stability = deprecated,
                 title = "Get Shared-Access-Signature for Azure Container",
                 description = "Access to one container."));
  # Refused where the account is not configured.
  sentryDSN @28 (project :Text $A.pattern("^[a-zA-Z0-9_-]{1,64}$")) -> SentryResponse
      $A.method((verb = get, route = "/sentry/<project>/dsn",
                 access = (needs = (scope = "auth:sentry:<project>")),
                 category = "Sentry Credentials",
                 title = "Get DSN for Sentry Project",
                 description = "Where a project reports its errors."));
  # Refused where Sentry is not configured.
  websocktunnelToken @29 (wstAudience :Text $A.pattern(.tunnelAudiencePattern),
                    wstClient :Text $A.pattern(.tunnelClientPattern)) -> TunnelToken
      $A.method((verb = get, route = "/websocktunnel/<wstAudience>/<wstClient>",
                 access = (needs = (scope = "auth:websocktunnel-token:<wstAudience>/<wstClient>")),
                 category = "Websocktunnel Credentials",
                 title = "Get a client token for the Websocktunnel service",
                 description = "A token that opens one end of a tunnel, for 4 days."));
  # Needs `auth.websocktunnel_secret`.
  gcpCredentials @30 (projectId :Text, serviceAccount :Text) -> GcpCredentials
      $A.method((verb = get, route = "/gcp/credentials/<projectId>/<serviceAccount>",
                 access = (needs = (scope = "auth:gcp:access-token:<projectId>/<serviceAccount>")),
                 category = "GCP Credentials",
                 title = "Get Temporary GCP Credentials",
                 description = "A token that acts as a service account."));
  # Refused where the account is not configured.
  githubRepoToken @31 (appName :Text $A.pattern("^[a-zA-Z0-9_-]+$"),
                    owner :Text $A.pattern("^[A-Za-z0-9._-]+$"), payload :GithubRequest)
      -> GithubToken
      $A.method((verb = post, route = "/github/<appName>/<owner>/repo-token",
                 access = (needs = (allOf = [
                     (forEach = (for = "repoPerm", in = "repoPerms",
                         each = "auth:github-repo-token:<appName>/<owner>/<repoPerm>"))])),
                 category = "Github Credentials", stability = experimental,
                 title = "Get a repository scoped github token",
                 description = "A token for some repositories of one owner."));
  # Refused where the application is not configured.
}
