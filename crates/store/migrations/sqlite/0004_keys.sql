-- Keys for programs, and who changed what. Numbers in file names are those of SQLite's migrations.

CREATE TABLE api_key (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,          -- for people
    token      TEXT NOT NULL UNIQUE,   -- the public part of the key
    secret     TEXT NOT NULL,          -- argon2 of the other part (PHC string)
    scopes     TEXT NOT NULL,          -- words with spaces between
    tenant     TEXT,                   -- null: the whole house
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE revoked_at IS NULL;

-- Append-only: what a person or a program changed, written with the change itself.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,             -- `command`, or `key:NAME`
    action  TEXT NOT NULL,
    subject TEXT,                      -- address, domain, host, number of an incident, name of a key
    tenant  TEXT,
    list    TEXT,
    detail  TEXT
) STRICT;
CREATE INDEX audit_subject ON audit (subject) WHERE subject IS NOT NULL;

-- The stream of decisions of one tenant.
CREATE INDEX decision_tenant ON decision (tenant, id) WHERE tenant IS NOT NULL;
