-- Stops of whatever scope, work, incidents, roll-ups. `address_stop`, `domain_stop` and `daily` stay as they were and are no longer written.

ALTER TABLE report ADD COLUMN party TEXT;            -- null: that of the reason
ALTER TABLE report ADD COLUMN trust TEXT;            -- null: unauthenticated
ALTER TABLE report ADD COLUMN tenant TEXT;
ALTER TABLE report ADD COLUMN list TEXT;
ALTER TABLE report ADD COLUMN queue_id TEXT;
ALTER TABLE report ADD COLUMN prose TEXT;            -- where there is no diagnostic
ALTER TABLE report ADD COLUMN cluster INTEGER;       -- of the review desk, while it waits there
CREATE INDEX report_cluster ON report (cluster, id) WHERE cluster IS NOT NULL;
CREATE INDEX report_failed ON report (failed_address) WHERE failed_address IS NOT NULL;

ALTER TABLE decision ADD COLUMN host INTEGER REFERENCES host;      -- set where a mail host is meant
ALTER TABLE decision ADD COLUMN tenant TEXT;
ALTER TABLE decision ADD COLUMN list TEXT;
ALTER TABLE decision ADD COLUMN policy_text INTEGER;               -- fingerprint of the operator's policy
ALTER TABLE decision ADD COLUMN evidence TEXT;                     -- JSON: numbers of observations
ALTER TABLE decision ADD COLUMN undoes INTEGER;                    -- the decision that this one undoes or follows up
ALTER TABLE decision ADD COLUMN incident INTEGER;
ALTER TABLE decision ADD COLUMN until INTEGER;
CREATE INDEX decision_time ON decision (taken_at);
CREATE INDEX decision_undoes ON decision (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX decision_pending ON decision (incident, id) WHERE outcome = 'pending';
CREATE INDEX decision_host ON decision (host) WHERE host IS NOT NULL;

CREATE TABLE policy_text (
    fingerprint INTEGER PRIMARY KEY,
    text        TEXT NOT NULL
) STRICT;

CREATE TABLE stop (
    kind     INTEGER NOT NULL,         -- 0 address, 1 domain, 2 mail host
    subject  INTEGER NOT NULL,         -- its number
    domain   INTEGER NOT NULL,         -- of an address; else 0
    tenant   TEXT NOT NULL,            -- empty: the whole house
    list     TEXT NOT NULL,            -- empty: all lists
    stop     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    since    INTEGER NOT NULL,
    until    INTEGER,
    decision INTEGER NOT NULL REFERENCES decision,
    PRIMARY KEY (kind, subject, tenant, list)
) STRICT, WITHOUT ROWID;
CREATE INDEX stop_until ON stop (until) WHERE until IS NOT NULL;
CREATE INDEX stop_reason ON stop (kind, reason, subject);
CREATE INDEX stop_domain ON stop (domain, stop, subject) WHERE kind = 0;
INSERT INTO stop (kind, subject, domain, tenant, list, stop, reason, since, until, decision)
SELECT 0, address, address.domain, '', '', stop, reason, since, until, decision
FROM address_stop JOIN address ON address.id = address_stop.address;
INSERT INTO stop (kind, subject, domain, tenant, list, stop, reason, since, until, decision)
SELECT 1, domain, 0, '', '', stop, reason, since, until, decision FROM domain_stop;

-- Feeds the suppression index: a subject that came under any stop, or is under none any more.
CREATE TABLE stop_change (
    seq         INTEGER PRIMARY KEY,
    fingerprint INTEGER NOT NULL,      -- 64 bits of which the index takes the upper 60
    added       INTEGER NOT NULL       -- 0 or 1
) STRICT;

-- Sums, so that nothing has to be counted: held, suppressed, domains.
CREATE TABLE total (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO total SELECT 'held', count(*) FROM stop WHERE kind = 0 AND stop = 'hold';
INSERT INTO total SELECT 'suppressed', count(*) FROM stop WHERE kind = 0 AND stop = 'suppression';
INSERT INTO total SELECT 'domains', count(*) FROM stop WHERE kind = 1;
INSERT INTO total SELECT 'messages', count(*) FROM message;
INSERT INTO total SELECT 'messages_without_report', count(*) FROM message WHERE holds IS NOT NULL;

-- Reports by what they tell, so that no summary reads single reports.
CREATE TABLE day_reason (
    day         INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    bounce_type TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    reports     INTEGER NOT NULL,
    PRIMARY KEY (day, kind, reason, bounce_type, outcome)
) STRICT, WITHOUT ROWID;
INSERT INTO day_reason SELECT day, kind, reason, bounce_type, outcome, sum(reports) FROM daily
GROUP BY day, kind, reason, bounce_type, outcome;

-- Failures of a domain by day; day -1 holds those of all days together.
CREATE TABLE domain_day (
    domain   INTEGER NOT NULL,
    day      INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    failures INTEGER NOT NULL,
    PRIMARY KEY (domain, day, reason)
) STRICT, WITHOUT ROWID;
INSERT INTO domain_day SELECT domain, day, reason, sum(reports) FROM daily WHERE kind = 'failed' AND domain > 0
GROUP BY domain, day, reason;
INSERT INTO domain_day SELECT domain, -1, reason, sum(failures) FROM domain_day GROUP BY domain, reason;

-- The same of a host.
CREATE TABLE host_day (
    host     INTEGER NOT NULL,
    day      INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    failures INTEGER NOT NULL,
    PRIMARY KEY (host, day, reason)
) STRICT, WITHOUT ROWID;
INSERT INTO host_day SELECT host, day, reason, sum(reports) FROM daily WHERE kind = 'failed' AND host > 0
GROUP BY host, day, reason;
INSERT INTO host_day SELECT host, -1, reason, sum(failures) FROM host_day GROUP BY host, reason;

-- The domains whose failures a host spoke of, with the last day.
CREATE TABLE host_domain (
    host   INTEGER NOT NULL,
    domain INTEGER NOT NULL,
    day    INTEGER NOT NULL,
    PRIMARY KEY (host, domain)
) STRICT, WITHOUT ROWID;
INSERT INTO host_domain SELECT host, domain, max(day) FROM daily WHERE kind = 'failed' AND host > 0 AND domain > 0
GROUP BY host, domain;

-- Days with a soft failure since the last delivery.
CREATE TABLE strike (
    address  INTEGER NOT NULL REFERENCES address,
    day      INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    decision INTEGER NOT NULL,
    PRIMARY KEY (address, day)
) STRICT, WITHOUT ROWID;

-- The last day with a delivery.
CREATE TABLE delivery (
    address INTEGER PRIMARY KEY REFERENCES address,
    day     INTEGER NOT NULL
) STRICT;

-- Failures by hashes of what makes them the same.
CREATE TABLE failure (
    key     INTEGER PRIMARY KEY,
    report  INTEGER NOT NULL,
    outcome TEXT NOT NULL              -- the hardest
) STRICT;

-- What is to be looked at. Who has leased an item has it alone until then.
CREATE TABLE work (
    id           INTEGER PRIMARY KEY,
    kind         TEXT NOT NULL,
    domain       INTEGER NOT NULL,     -- 0: none
    host         INTEGER NOT NULL,     -- 0: none
    ip           TEXT NOT NULL,        -- empty: none
    claim        TEXT,
    opened_at    INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    attempt      INTEGER NOT NULL DEFAULT 0,
    owner        TEXT,
    leased_until INTEGER,
    UNIQUE (kind, domain, host, ip)
) STRICT;
CREATE INDEX work_due ON work (due_at);
CREATE INDEX work_domain ON work (domain) WHERE domain > 0;

-- Immutable.
CREATE TABLE observation (
    id         INTEGER PRIMARY KEY,
    domain     INTEGER NOT NULL REFERENCES domain,
    at         INTEGER NOT NULL,
    verdict    TEXT NOT NULL,
    confidence TEXT NOT NULL,
    diagnosis  TEXT NOT NULL           -- JSON
) STRICT;
CREATE INDEX observation_domain ON observation (domain, id);

-- Roll-up and state of a recipient domain.
CREATE TABLE domain_state (
    domain              INTEGER PRIMARY KEY REFERENCES domain,
    failures            INTEGER NOT NULL DEFAULT 0,
    route_failures      INTEGER NOT NULL DEFAULT 0,
    addresses           INTEGER NOT NULL DEFAULT 0,
    held                INTEGER NOT NULL DEFAULT 0,
    suppressed          INTEGER NOT NULL DEFAULT 0,
    last_failure_at     INTEGER,
    last_reason         TEXT,
    owner_changed       INTEGER NOT NULL DEFAULT 0,
    health              TEXT,          -- JSON
    health_state        TEXT,
    failing_since       INTEGER,
    operator            TEXT,
    operator_before     TEXT,
    name_servers        TEXT,          -- JSON
    name_servers_before TEXT,          -- JSON
    reinstatement       TEXT,          -- JSON
    delivered_since     INTEGER NOT NULL DEFAULT 0,
    failed_since        INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO domain_state (domain, failures, route_failures, addresses, held, suppressed, last_failure_at, last_reason)
SELECT id,
    coalesce((SELECT sum(failures) FROM domain_day WHERE domain_day.domain = domain.id AND day = -1), 0),
    coalesce((SELECT sum(failures) FROM domain_day WHERE domain_day.domain = domain.id AND day = -1
        AND reason IN ('domain_not_found', 'no_mail_route', 'null_mx', 'domain_owner_changed', 'routing_server_failure',
            'dns_failure', 'host_unreachable', 'connection_lost', 'routing_loop', 'congestion', 'tls_failure', 'relay_denied',
            'delivery_expired')), 0),
    0, 0, 0,
    (SELECT max(day) * 86400000000 FROM domain_day WHERE domain_day.domain = domain.id AND day >= 0),
    (SELECT reason FROM domain_day WHERE domain_day.domain = domain.id AND day >= 0 ORDER BY day DESC LIMIT 1)
FROM domain;
UPDATE domain_state SET addresses = n FROM (SELECT domain AS d, count(*) AS n FROM address GROUP BY domain) WHERE domain = d;
UPDATE domain_state SET held = n FROM (SELECT a.domain AS d, count(*) AS n FROM stop s JOIN address a ON a.id = s.subject
    WHERE s.kind = 0 AND s.stop = 'hold' GROUP BY a.domain) WHERE domain = d;
UPDATE domain_state SET suppressed = n FROM (SELECT a.domain AS d, count(*) AS n FROM stop s JOIN address a ON a.id = s.subject
    WHERE s.kind = 0 AND s.stop = 'suppression' GROUP BY a.domain) WHERE domain = d;
CREATE INDEX domain_state_failures ON domain_state (failures, domain);
CREATE INDEX domain_state_route ON domain_state (route_failures, domain);
CREATE INDEX domain_state_stopped ON domain_state (held + suppressed, domain);
CREATE INDEX domain_state_last ON domain_state (coalesce(last_failure_at, 0), domain);
CREATE INDEX domain_state_operator ON domain_state (operator, domain) WHERE operator IS NOT NULL;
CREATE INDEX domain_state_health ON domain_state (health_state, domain) WHERE health_state IS NOT NULL;

-- Which hosts take a domain's mail, as last seen.
CREATE TABLE domain_mx (
    domain INTEGER NOT NULL REFERENCES domain,
    host   INTEGER NOT NULL REFERENCES host,
    PRIMARY KEY (domain, host)
) STRICT, WITHOUT ROWID;
CREATE INDEX domain_mx_host ON domain_mx (host, domain);

-- A host by its name (no address: what reports say), or one address of it (what was seen).
CREATE TABLE host_state (
    id              INTEGER PRIMARY KEY,
    host            INTEGER NOT NULL REFERENCES host,
    ip              TEXT NOT NULL,
    failures        INTEGER NOT NULL DEFAULT 0,
    last_failure_at INTEGER,
    last_reason     TEXT,
    health          TEXT,              -- JSON
    health_state    TEXT,
    failing_since   INTEGER,
    detail          TEXT,
    domains         INTEGER NOT NULL DEFAULT 0,     -- whose failures it spoke of
    UNIQUE (host, ip)
) STRICT;
INSERT INTO host_state (host, ip, failures, last_failure_at, last_reason, domains)
SELECT host, '', sum(reports), max(day) * 86400000000,
    (SELECT reason FROM host_day WHERE host_day.host = daily.host ORDER BY day DESC LIMIT 1),
    (SELECT count(*) FROM host_domain WHERE host_domain.host = daily.host)
FROM daily WHERE host > 0 AND kind = 'failed' GROUP BY host;
CREATE INDEX host_state_failures ON host_state (failures, id);
CREATE INDEX host_state_last ON host_state (coalesce(last_failure_at, 0), id);
CREATE INDEX host_state_health ON host_state (health_state, id) WHERE health_state IS NOT NULL;

CREATE TABLE incident (
    id        INTEGER PRIMARY KEY,
    key       TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    reason    TEXT,
    domains   INTEGER NOT NULL DEFAULT 0,
    addresses INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX incident_open ON incident (key) WHERE closed_at IS NULL;
CREATE INDEX incident_open_id ON incident (id) WHERE closed_at IS NULL;

CREATE TABLE incident_event (
    id          INTEGER PRIMARY KEY,
    incident    INTEGER NOT NULL REFERENCES incident,
    at          INTEGER NOT NULL,
    event       TEXT NOT NULL,
    domain      INTEGER,
    addresses   INTEGER NOT NULL DEFAULT 0,
    detail      TEXT,
    observation INTEGER
) STRICT;
CREATE INDEX incident_event_incident ON incident_event (incident, id);

CREATE TABLE incident_domain (
    domain   INTEGER NOT NULL REFERENCES domain,
    incident INTEGER NOT NULL REFERENCES incident,
    PRIMARY KEY (domain, incident)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_domain_incident ON incident_domain (incident);

-- Results by provider and hour since 1970, for the brake.
CREATE TABLE hourly (
    provider        TEXT NOT NULL,
    hour            INTEGER NOT NULL,
    hard            INTEGER NOT NULL,
    hard_known_good INTEGER NOT NULL,
    delivered       INTEGER NOT NULL,
    frozen          INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (provider, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE brake (
    provider TEXT PRIMARY KEY,         -- empty: the whole house
    frozen   INTEGER NOT NULL,
    brake    TEXT NOT NULL,            -- JSON
    incident INTEGER
) STRICT, WITHOUT ROWID;

-- An address that may be sent to though its domain is stopped: it is on its way back.
CREATE TABLE exemption (
    address  INTEGER PRIMARY KEY REFERENCES address,
    domain   INTEGER NOT NULL REFERENCES domain,
    decision INTEGER NOT NULL REFERENCES decision
) STRICT;
CREATE INDEX exemption_domain ON exemption (domain);

CREATE TABLE review_cluster (
    id       INTEGER PRIMARY KEY,
    pattern  TEXT NOT NULL UNIQUE,
    reports  INTEGER NOT NULL,         -- that wait
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX review_cluster_reports ON review_cluster (reports, id);

-- The ways back, by time.
CREATE INDEX incident_event_back ON incident_event (at) WHERE event IN ('released', 'own_fault', 'canary', 'reinstated');
