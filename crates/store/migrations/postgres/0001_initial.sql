-- The schema of SQLite after its second migration. Words and numbers mean the same in both; texts are compared by their bytes.

-- What SQLite's dialect calls `max` and `min` of two values, and `iif`: the statements of the store are written once for both databases.
CREATE FUNCTION max(bigint, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL WHEN $1 >= $2 THEN $1 ELSE $2 END $$;
CREATE FUNCTION min(bigint, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL WHEN $1 <= $2 THEN $1 ELSE $2 END $$;
CREATE FUNCTION iif(boolean, bigint, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT CASE WHEN $1 THEN $2 ELSE $3 END $$;
CREATE FUNCTION iif(boolean, numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT CASE WHEN $1 THEN $2 ELSE $3 END $$;
CREATE FUNCTION iif(boolean, text, text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT CASE WHEN $1 THEN $2 ELSE $3 END $$;

-- Rows of `address`, `report`, `decision` and `stop` name others without REFERENCES: a report would cost four look-ups more for a promise
-- that its one writer keeps by itself. Nothing is ever deleted that they name. Writers number the rows of these tables themselves, one
-- writer at a time.

-- Times are microseconds since 1970 UTC, days are whole days since then. Words (kind, reason, outcome …) are those of the output.

CREATE TABLE setting (
    name  text COLLATE "C" PRIMARY KEY,
    value text COLLATE "C" NOT NULL
);

CREATE TABLE domain (
    id   bigint PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE          -- lower-case A-labels, or an address literal
);

CREATE TABLE host (
    id   bigint PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE          -- an MTA, as reports name it, in lower case
);

CREATE TABLE address (
    id     bigint PRIMARY KEY,
    hash   bigint NOT NULL,           -- of the suppression key, with this installation's seed: a hint, the text decides
    text   text COLLATE "C" NOT NULL,              -- the suppression key
    domain bigint NOT NULL
);
CREATE INDEX address_hash ON address (hash);
CREATE INDEX address_domain ON address (domain);

-- One row a message, whatever it holds: the same content is taken once.
CREATE TABLE message (
    id       bigint PRIMARY KEY,
    content  bytea NOT NULL UNIQUE,     -- fingerprint of the raw bytes
    source   text COLLATE "C" NOT NULL,
    seen_at  bigint NOT NULL,
    holds    text COLLATE "C"                      -- what it is when it holds no report
);

CREATE TABLE report (
    id             bigint PRIMARY KEY,
    message        bigint NOT NULL,
    position       bigint NOT NULL,   -- within the message, from 0
    address        bigint,     -- what was sent to
    failed_address bigint,     -- what failed at the far end, where that is another one
    host           bigint,        -- the MTA that spoke
    happened_at    bigint NOT NULL,
    kind           text COLLATE "C" NOT NULL,
    reason         text COLLATE "C" NOT NULL,
    underlying     text COLLATE "C",
    permanence     text COLLATE "C" NOT NULL,
    bounce_type    text COLLATE "C" NOT NULL,
    action         text COLLATE "C" NOT NULL,
    confidence     double precision NOT NULL,
    reply_code     bigint,
    status         text COLLATE "C",
    diagnostic     text COLLATE "C",
    reporting_mta  text COLLATE "C",
    generator      text COLLATE "C",
    phase          text COLLATE "C",
    message_id     text COLLATE "C",               -- of the original message
    subject        text COLLATE "C",
    because        text COLLATE "C" NOT NULL,      -- JSON: [[rule, matched], …]
    contradictions text COLLATE "C" NOT NULL, -- JSON: [words, …]
    party text COLLATE "C", -- null: that of the reason
    trust text COLLATE "C", -- null: unauthenticated
    tenant text COLLATE "C",
    list text COLLATE "C",
    queue_id text COLLATE "C",
    prose text COLLATE "C", -- where there is no diagnostic
    cluster bigint -- of the review desk, while it waits there
);

-- Append-only: what was decided, from what, by which rule.
CREATE TABLE decision (
    id       bigint PRIMARY KEY,
    address  bigint,
    domain   bigint,            -- set where a whole domain is meant
    report   bigint,            -- null where a person decided
    taken_at bigint NOT NULL,
    outcome  text COLLATE "C" NOT NULL,
    reason   text COLLATE "C",
    rule     text COLLATE "C" NOT NULL,
    policy   bigint NOT NULL,
    note     text COLLATE "C",
    host bigint, -- set where a mail host is meant
    tenant text COLLATE "C",
    list text COLLATE "C",
    policy_text bigint, -- fingerprint of the operator's policy
    evidence text COLLATE "C", -- JSON: numbers of observations
    undoes bigint, -- the decision that this one undoes or follows up
    incident bigint,
    until bigint
);
CREATE INDEX decision_address ON decision (address) WHERE address IS NOT NULL;
CREATE INDEX decision_domain ON decision (domain) WHERE domain IS NOT NULL;

CREATE INDEX report_cluster ON report (cluster, id) WHERE cluster IS NOT NULL;
CREATE INDEX report_failed ON report (failed_address) WHERE failed_address IS NOT NULL;

CREATE INDEX decision_time ON decision (taken_at);
CREATE INDEX decision_undoes ON decision (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX decision_pending ON decision (incident, id) WHERE outcome = 'pending';
CREATE INDEX decision_host ON decision (host) WHERE host IS NOT NULL;

CREATE TABLE policy_text (
    fingerprint bigint PRIMARY KEY,
    text        text COLLATE "C" NOT NULL
);

CREATE TABLE stop (
    kind     bigint NOT NULL,         -- 0 address, 1 domain, 2 mail host
    subject  bigint NOT NULL,         -- its number
    domain   bigint NOT NULL,         -- of an address; else 0
    tenant   text COLLATE "C" NOT NULL,            -- empty: the whole house
    list     text COLLATE "C" NOT NULL,            -- empty: all lists
    stop     text COLLATE "C" NOT NULL,
    reason   text COLLATE "C" NOT NULL,
    since    bigint NOT NULL,
    until    bigint,
    decision bigint NOT NULL,
    PRIMARY KEY (kind, subject, tenant, list)
);
CREATE INDEX stop_until ON stop (until) WHERE until IS NOT NULL;
-- The reason comes first: behind the kind it would tempt the planner to read all stops of that kind for one subject.
CREATE INDEX stop_reason ON stop (reason, kind, subject);
CREATE INDEX stop_domain ON stop (domain, stop, subject) WHERE kind = 0;

-- Feeds the suppression index: a subject that came under any stop, or is under none any more.
CREATE TABLE stop_change (
    seq         bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    fingerprint bigint NOT NULL,      -- 64 bits of which the index takes the upper 60
    added       bigint NOT NULL       -- 0 or 1
);

-- Sums, so that nothing has to be counted: held, suppressed, domains.
CREATE TABLE total (
    name  text COLLATE "C" PRIMARY KEY,
    value bigint NOT NULL
);

-- Reports by what they tell, so that no summary reads single reports.
CREATE TABLE day_reason (
    day         bigint NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    reason      text COLLATE "C" NOT NULL,
    bounce_type text COLLATE "C" NOT NULL,
    outcome     text COLLATE "C" NOT NULL,
    reports     bigint NOT NULL,
    PRIMARY KEY (day, kind, reason, bounce_type, outcome)
);

-- Failures of a domain by day; day -1 holds those of all days together.
CREATE TABLE domain_day (
    domain   bigint NOT NULL,
    day      bigint NOT NULL,
    reason   text COLLATE "C" NOT NULL,
    failures bigint NOT NULL,
    PRIMARY KEY (domain, day, reason)
);

-- The same of a host.
CREATE TABLE host_day (
    host     bigint NOT NULL,
    day      bigint NOT NULL,
    reason   text COLLATE "C" NOT NULL,
    failures bigint NOT NULL,
    PRIMARY KEY (host, day, reason)
);

-- The domains whose failures a host spoke of, with the last day.
CREATE TABLE host_domain (
    host   bigint NOT NULL,
    domain bigint NOT NULL,
    day    bigint NOT NULL,
    PRIMARY KEY (host, domain)
);

-- Days with a soft failure since the last delivery.
CREATE TABLE strike (
    address  bigint NOT NULL REFERENCES address,
    day      bigint NOT NULL,
    reason   text COLLATE "C" NOT NULL,
    decision bigint NOT NULL,
    PRIMARY KEY (address, day)
);

-- The last day with a delivery.
CREATE TABLE delivery (
    address bigint PRIMARY KEY REFERENCES address,
    day     bigint NOT NULL
);

-- Failures by hashes of what makes them the same.
CREATE TABLE failure (
    key     bigint PRIMARY KEY,
    report  bigint NOT NULL,
    outcome text COLLATE "C" NOT NULL              -- the hardest
);

-- What is to be looked at. Who has leased an item has it alone until then.
CREATE TABLE work (
    id           bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    kind         text COLLATE "C" NOT NULL,
    domain       bigint NOT NULL,     -- 0: none
    host         bigint NOT NULL,     -- 0: none
    ip           text COLLATE "C" NOT NULL,        -- empty: none
    claim        text COLLATE "C",
    opened_at    bigint NOT NULL,
    due_at       bigint NOT NULL,
    attempt      bigint NOT NULL DEFAULT 0,
    owner        text COLLATE "C",
    leased_until bigint,
    UNIQUE (kind, domain, host, ip)
);
CREATE INDEX work_due ON work (due_at);
CREATE INDEX work_domain ON work (domain) WHERE domain > 0;

-- Immutable.
CREATE TABLE observation (
    id         bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    domain     bigint NOT NULL REFERENCES domain,
    at         bigint NOT NULL,
    verdict    text COLLATE "C" NOT NULL,
    confidence text COLLATE "C" NOT NULL,
    diagnosis  text COLLATE "C" NOT NULL           -- JSON
);
CREATE INDEX observation_domain ON observation (domain, id);

-- Roll-up and state of a recipient domain.
CREATE TABLE domain_state (
    domain              bigint PRIMARY KEY REFERENCES domain,
    failures            bigint NOT NULL DEFAULT 0,
    route_failures      bigint NOT NULL DEFAULT 0,
    addresses           bigint NOT NULL DEFAULT 0,
    held                bigint NOT NULL DEFAULT 0,
    suppressed          bigint NOT NULL DEFAULT 0,
    last_failure_at     bigint,
    last_reason         text COLLATE "C",
    owner_changed       bigint NOT NULL DEFAULT 0,
    health              text COLLATE "C",          -- JSON
    health_state        text COLLATE "C",
    failing_since       bigint,
    operator            text COLLATE "C",
    operator_before     text COLLATE "C",
    name_servers        text COLLATE "C",          -- JSON
    name_servers_before text COLLATE "C",          -- JSON
    reinstatement       text COLLATE "C",          -- JSON
    delivered_since     bigint NOT NULL DEFAULT 0,
    failed_since        bigint NOT NULL DEFAULT 0
);
CREATE INDEX domain_state_failures ON domain_state (failures, domain);
CREATE INDEX domain_state_route ON domain_state (route_failures, domain);
CREATE INDEX domain_state_stopped ON domain_state ((held + suppressed), domain);
CREATE INDEX domain_state_last ON domain_state (coalesce(last_failure_at, 0), domain);
CREATE INDEX domain_state_operator ON domain_state (operator, domain) WHERE operator IS NOT NULL;
CREATE INDEX domain_state_health ON domain_state (health_state, domain) WHERE health_state IS NOT NULL;

-- Which hosts take a domain's mail, as last seen.
CREATE TABLE domain_mx (
    domain bigint NOT NULL REFERENCES domain,
    host   bigint NOT NULL REFERENCES host,
    PRIMARY KEY (domain, host)
);
CREATE INDEX domain_mx_host ON domain_mx (host, domain);

-- A host by its name (no address: what reports say), or one address of it (what was seen).
CREATE TABLE host_state (
    id              bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    host            bigint NOT NULL REFERENCES host,
    ip              text COLLATE "C" NOT NULL,
    failures        bigint NOT NULL DEFAULT 0,
    last_failure_at bigint,
    last_reason     text COLLATE "C",
    health          text COLLATE "C",              -- JSON
    health_state    text COLLATE "C",
    failing_since   bigint,
    detail          text COLLATE "C",
    domains         bigint NOT NULL DEFAULT 0,     -- whose failures it spoke of
    UNIQUE (host, ip)
);
CREATE INDEX host_state_failures ON host_state (failures, id);
CREATE INDEX host_state_last ON host_state (coalesce(last_failure_at, 0), id);
CREATE INDEX host_state_health ON host_state (health_state, id) WHERE health_state IS NOT NULL;

CREATE TABLE incident (
    id        bigint PRIMARY KEY,
    key       text COLLATE "C" NOT NULL,
    opened_at bigint NOT NULL,
    closed_at bigint,
    reason    text COLLATE "C",
    domains   bigint NOT NULL DEFAULT 0,
    addresses bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX incident_open ON incident (key) WHERE closed_at IS NULL;
CREATE INDEX incident_open_id ON incident (id) WHERE closed_at IS NULL;

CREATE TABLE incident_event (
    id          bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    incident    bigint NOT NULL REFERENCES incident,
    at          bigint NOT NULL,
    event       text COLLATE "C" NOT NULL,
    domain      bigint,
    addresses   bigint NOT NULL DEFAULT 0,
    detail      text COLLATE "C",
    observation bigint
);
CREATE INDEX incident_event_incident ON incident_event (incident, id);

CREATE TABLE incident_domain (
    domain   bigint NOT NULL REFERENCES domain,
    incident bigint NOT NULL REFERENCES incident,
    PRIMARY KEY (domain, incident)
);
CREATE INDEX incident_domain_incident ON incident_domain (incident);

-- Results by provider and hour since 1970, for the brake.
CREATE TABLE hourly (
    provider        text COLLATE "C" NOT NULL,
    hour            bigint NOT NULL,
    hard            bigint NOT NULL,
    hard_known_good bigint NOT NULL,
    delivered       bigint NOT NULL,
    frozen          bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (provider, hour)
);

CREATE TABLE brake (
    provider text COLLATE "C" PRIMARY KEY,         -- empty: the whole house
    frozen   bigint NOT NULL,
    brake    text COLLATE "C" NOT NULL,            -- JSON
    incident bigint
);

-- An address that may be sent to though its domain is stopped: it is on its way back.
CREATE TABLE exemption (
    address  bigint PRIMARY KEY REFERENCES address,
    domain   bigint NOT NULL REFERENCES domain,
    decision bigint NOT NULL REFERENCES decision
);
CREATE INDEX exemption_domain ON exemption (domain);

CREATE TABLE review_cluster (
    id       bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    pattern  text COLLATE "C" NOT NULL UNIQUE,
    reports  bigint NOT NULL,         -- that wait
    first_at bigint NOT NULL,
    last_at  bigint NOT NULL
);
CREATE INDEX review_cluster_reports ON review_cluster (reports, id);

-- The ways back, by time.
CREATE INDEX incident_event_back ON incident_event (at) WHERE event IN ('released', 'own_fault', 'canary', 'reinstated');
