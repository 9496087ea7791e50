-- Times are microseconds since 1970 UTC, days are whole days since then. Words (kind, reason, outcome …) are those of the output.

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE domain (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE          -- lower-case A-labels, or an address literal
) STRICT;

CREATE TABLE host (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE          -- an MTA, as reports name it, in lower case
) STRICT;

CREATE TABLE address (
    id     INTEGER PRIMARY KEY,
    hash   INTEGER NOT NULL,           -- of the suppression key, with this installation's seed: a hint, the text decides
    text   TEXT NOT NULL,              -- the suppression key
    domain INTEGER NOT NULL REFERENCES domain
) STRICT;
CREATE INDEX address_hash ON address (hash);
CREATE INDEX address_domain ON address (domain);

-- One row a message, whatever it holds: the same content is taken once.
CREATE TABLE message (
    id       INTEGER PRIMARY KEY,
    content  BLOB NOT NULL UNIQUE,     -- fingerprint of the raw bytes
    source   TEXT NOT NULL,
    seen_at  INTEGER NOT NULL,
    holds    TEXT                      -- what it is when it holds no report
) STRICT;

CREATE TABLE report (
    id             INTEGER PRIMARY KEY,
    message        INTEGER NOT NULL REFERENCES message,
    position       INTEGER NOT NULL,   -- within the message, from 0
    address        INTEGER REFERENCES address,     -- what was sent to
    failed_address INTEGER REFERENCES address,     -- what failed at the far end, where that is another one
    host           INTEGER REFERENCES host,        -- the MTA that spoke
    happened_at    INTEGER NOT NULL,
    kind           TEXT NOT NULL,
    reason         TEXT NOT NULL,
    underlying     TEXT,
    permanence     TEXT NOT NULL,
    bounce_type    TEXT NOT NULL,
    action         TEXT NOT NULL,
    confidence     REAL NOT NULL,
    reply_code     INTEGER,
    status         TEXT,
    diagnostic     TEXT,
    reporting_mta  TEXT,
    generator      TEXT,
    phase          TEXT,
    message_id     TEXT,               -- of the original message
    subject        TEXT,
    because        TEXT NOT NULL,      -- JSON: [[rule, matched], …]
    contradictions TEXT NOT NULL       -- JSON: [words, …]
) STRICT;

-- Append-only: what was decided, from what, by which rule.
CREATE TABLE decision (
    id       INTEGER PRIMARY KEY,
    address  INTEGER REFERENCES address,
    domain   INTEGER REFERENCES domain,            -- set where a whole domain is meant
    report   INTEGER REFERENCES report,            -- null where a person decided
    taken_at INTEGER NOT NULL,
    outcome  TEXT NOT NULL,
    reason   TEXT,
    rule     TEXT NOT NULL,
    policy   INTEGER NOT NULL,
    note     TEXT
) STRICT;
CREATE INDEX decision_address ON decision (address) WHERE address IS NOT NULL;
CREATE INDEX decision_domain ON decision (domain) WHERE domain IS NOT NULL;

-- What is stopped at present. Its history is in `decision`.
CREATE TABLE address_stop (
    address  INTEGER PRIMARY KEY REFERENCES address,
    stop     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    since    INTEGER NOT NULL,
    until    INTEGER,
    decision INTEGER NOT NULL REFERENCES decision
) STRICT;

CREATE TABLE domain_stop (
    domain   INTEGER PRIMARY KEY REFERENCES domain,
    stop     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    since    INTEGER NOT NULL,
    until    INTEGER,
    decision INTEGER NOT NULL REFERENCES decision
) STRICT;

-- Roll-up, so that no summary reads single reports.
CREATE TABLE daily (
    day         INTEGER NOT NULL,
    domain      INTEGER NOT NULL,      -- 0 where no recipient is named
    host        INTEGER NOT NULL,      -- 0 where none is named
    kind        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    bounce_type TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    reports     INTEGER NOT NULL,
    PRIMARY KEY (day, domain, host, kind, reason, bounce_type, outcome)
) STRICT, WITHOUT ROWID;
