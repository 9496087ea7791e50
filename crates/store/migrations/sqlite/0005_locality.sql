-- What is read or written together lies together.

-- Keys of contents begin with the day that the content tells. Messages from before keep theirs: where there are any, both keys are
-- looked up.
INSERT INTO setting (name, value) SELECT 'contents_without_day', '1' WHERE EXISTS (SELECT 1 FROM message);

-- Who waits for a domain's recovery is told by one range of this index, without the rows.
DROP INDEX stop_domain;
CREATE INDEX stop_domain ON stop (domain, stop, subject, reason) WHERE kind = 0;

-- Few decisions are a person's; the cast keeps SQLite from the index of all decisions of an address.
CREATE INDEX decision_by_hand ON decision (CAST(address AS bigint)) WHERE rule IN ('operator', 'import');
