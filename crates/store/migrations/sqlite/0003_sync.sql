-- The decisions are the outbox: a target has its place among them, and what it was not told yet.

CREATE TABLE sync_target (
    name         TEXT PRIMARY KEY,
    cursor       INTEGER NOT NULL,                  -- decisions up to this one were told, or are items
    owner        TEXT,                              -- who tells it now, alone until leased_until
    leased_until INTEGER,
    failures     INTEGER NOT NULL DEFAULT 0,        -- in a row
    due_at       INTEGER NOT NULL DEFAULT 0,        -- not before
    last_error   TEXT,
    told_at      INTEGER,
    told         INTEGER NOT NULL DEFAULT 0,
    disabled     INTEGER NOT NULL DEFAULT 0         -- 1: it wants to hear nothing more
) STRICT, WITHOUT ROWID;

CREATE TABLE sync_item (
    id         INTEGER PRIMARY KEY,
    target     TEXT NOT NULL,
    kind       INTEGER NOT NULL,                    -- as of a stop
    subject    INTEGER NOT NULL,
    decision   INTEGER NOT NULL,
    state      TEXT NOT NULL,                       -- waiting; ends: told, to be told again when the stop is over; dead
    attempts   INTEGER NOT NULL DEFAULT 0,
    due_at     INTEGER NOT NULL,
    expanded   INTEGER NOT NULL DEFAULT 0,          -- addresses of the domain up to this one are items of their own
    last_error TEXT,
    UNIQUE (target, kind, subject, decision)
) STRICT;
CREATE INDEX sync_item_order ON sync_item (target, state, decision, id);
CREATE INDEX sync_item_due ON sync_item (target, state, due_at);
CREATE INDEX sync_item_dead ON sync_item (id) WHERE state = 'dead';
