@0xc3a1d7e95f0b2864;
# Clients, roles and the audit history: what their actors keep, what they are told and what they
# answer. Keys of rows are in the comments: every key begins with the actor's number. Times are
# milliseconds since 1970, 0 is none.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::schema");

# ---- Rows ----

struct ClientRow {
  # Table clients, key (): one for each client. Also the answer to commands.
  clientId @0 :Text;         # the actor's key
  pool @1 :Text;             # of a worker token made by `createToken`: the queue it claims from
  accessToken @2 :Data;      # encrypted, as its maker sealed it; never sent to anybody outside
  created @3 :Int64;         # when it was made
  expires @4 :Int64;         # it is refused from then on; may lie in the past
  disabled @5 :Bool;         # it is refused while true
  description @6 :Text;      # for people, at most 10,240 characters
  scopes @7 :List(Text);     # as given, in that order. Empty with a pool: those of its worker
  deleteOnExpiration @8 :Bool;  # the client goes away by itself after `expires`
  lastModified @9 :Int64;    # by update, enable, disable or reset; 0: as `created`
  lastRotated @10 :Int64;    # when the access token was made; 0: as `created`
  lastDateUsed @11 :Int64;   # about when it last authenticated, some hours late; 0: as `created`
  version @12 :UInt64;       # another after each change but of a use; never twice
}

struct RolesRow {
  # Table roles_state, key (): one for all roles.
  version @0 :UInt64;        # rises with each change of any role
  count @1 :UInt64;          # rows in table roles
}

struct RoleRow {
  # Table roles, key (roleId). Also the answer to commands.
  roleId @0 :Text;           # as in the key, which cuts long ones
  scopes @1 :List(Text);     # not expanded: sorted when created, in the given order when updated
  description @2 :Text;      # for people, at most 10,240 characters
  created @3 :Int64;         # when it was made
  lastModified @4 :Int64;    # when it was made or last updated
  version @5 :UInt64;        # of all roles, when this row was written
}

struct AuditLogRow {
  # Table audit_state, key (): one for each log that has entries.
  log @0 :Text;              # the actor's key: `TYPE/ID` of an entity, or `by/CLIENT`
  purgeAt @1 :Int64;         # when its timer fires
}

struct AuditEntryRow {
  # Table audit_entries, key (created, number): an entry of a log. Each is in two logs.
  entityType @0 :Text;       # `client`, `role`, `secret`, `hook` or `worker-pool`
  entityId @1 :Text;         # what was changed
  clientId @2 :Text;         # who changed it; of temporary credentials their name, if any
  action @3 :Text;           # `created`, `updated`, `deleted`, `client enabled`...
  created @4 :Int64;         # when it was changed
}

# ---- Messages ----

struct ClientMessage {
  # To the actor of one client; its key is the client id. Commands are answered by the ClientRow as
  # it is then, where nothing else is said.
  union {
    createToken :group {            # command -> CreatedToken; the same again is answered again
      pool @0 :Text;                # the task queue it may claim from
      accessToken @1 :Data;         # encrypted
      expires @2 :Int64;            # ms since 1970
    }
    revoke @3 :Void;                # command -> Void: disables what `createToken` made
    create :group {                 # command; for 15 minutes the same again is answered again
      description @4 :Text;         # at most 10,240 characters
      scopes @5 :List(Text);        # unique
      expires @6 :Int64;            # ms since 1970
      deleteOnExpiration @7 :Bool;  # not compared in a repeat
      accessToken @8 :Data;         # encrypted; a repeat keeps the one that it has
    }
    update :group {                 # command
      version @9 :UInt64;           # of the row that the caller was authorised by
      description @10 :Text;        # at most 10,240 characters
      replaceScopes @11 :Bool;      # false: the scopes stay as they are
      scopes @12 :List(Text);       # unique; counts only with `replaceScopes`
      expires @13 :Int64;           # ms since 1970
      deleteOnExpiration @14 :Bool;  # as it is to be
    }
    enable @15 :Void;               # command
    disable @16 :Void;              # command
    resetAccessToken @17 :Data;     # command: the new token, encrypted
    delete @18 :Void;               # command -> Void, also if there is no such client
    touch @19 :Void;                # command -> Void: it has authenticated
    reseal :group {                 # command -> Void: the same token under another key
      version @20 :UInt64;          # of the row whose token it is; of another, nothing changes
      accessToken @21 :Data;        # encrypted
    }
    synchronise :group {            # command: makes a static client what the configuration says
      description @22 :Text;        # for people
      scopes @23 :List(Text);       # unique
      accessToken @24 :Data;        # encrypted; empty: the one that it has is right
    }
    removeStatic @25 :Void;         # command -> Void: the configuration names it no more
  }
  by @26 :Text;  # who gives the command, for the audit history
}

struct CreatedToken {
  # What createToken answers: the token as it was first made.
  accessToken @0 :Data;  # encrypted, as it is kept
}

struct RolesMessage {
  # To the one actor of all roles; its key is `all`. Commands are answered by the RoleRow as it is
  # then, where nothing else is said.
  roleId @0 :Text;  # which role
  by @1 :Text;      # who gives the command, for the audit history
  union {
    create :group {          # command; the same again is answered again
      description @2 :Text;  # at most 10,240 characters
      scopes @3 :List(Text);  # unique
    }
    update :group {          # command
      version @4 :UInt64;    # of all roles, when the caller was authorised
      description @5 :Text;  # at most 10,240 characters
      scopes @6 :List(Text);  # unique
    }
    delete @7 :Void;         # command -> Void, also if there is no such role
  }
}

struct AuditMessage {
  # To the actor of one log; its key is as in AuditLogRow.
  union {
    record @0 :AuditEntryRow;  # from whoever made a change
    settle @1 :Void;           # command -> Void, once all that was recorded before is on disk
  }
}
