-- Keys of contents begin with the day that the content tells, so that the mail of one day lies together. Messages from before keep
-- theirs: where there are any, both keys are looked up.
INSERT INTO setting (name, value) SELECT 'contents_without_day', '1' WHERE EXISTS (SELECT 1 FROM message);
