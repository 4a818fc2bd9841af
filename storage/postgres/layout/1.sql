-- Layout 1: everything. Identifiers sort by their bytes, so their columns have
-- the collation "C". Records are json, not jsonb: they come back as they were
-- written, and may hold characters that jsonb refuses.

CREATE FUNCTION kiebot.clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS
  $$ SELECT coalesce(nullif(current_setting('kiebot.clock', true), '')::timestamptz, clock_timestamp()) $$;
COMMENT ON FUNCTION kiebot.clock IS 'The time that leases go by: now, but in tests.';

CREATE TABLE kiebot.writer (
  one      boolean PRIMARY KEY DEFAULT true CHECK (one),
  entry    bigint NOT NULL DEFAULT 0,
  delivery bigint NOT NULL DEFAULT 0,
  audit    bigint NOT NULL DEFAULT 0,
  fence    bigint NOT NULL DEFAULT 0,
  note     bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE  kiebot.writer IS 'One row; whoever writes holds its lock, so that one replica writes at a time. It has the last numbers given.';
COMMENT ON COLUMN kiebot.writer.entry IS 'The last kiebot.ledger.seq.';
COMMENT ON COLUMN kiebot.writer.delivery IS 'The last kiebot.deliveries.id.';
COMMENT ON COLUMN kiebot.writer.audit IS 'The last kiebot.audit.seq.';
COMMENT ON COLUMN kiebot.writer.fence IS 'The last kiebot.leases.fence.';
COMMENT ON COLUMN kiebot.writer.note IS 'The last kiebot.notes.number.';
INSERT INTO kiebot.writer DEFAULT VALUES;

CREATE TABLE kiebot.commits (
  instance text PRIMARY KEY,
  number   bigint NOT NULL,
  at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE  kiebot.commits IS 'The last commit of each process, so that one whose answer was lost finds out. Rows of past processes are removed after 30 days.';

CREATE TABLE kiebot.leases (
  fence   bigint PRIMARY KEY,
  owner   text NOT NULL,
  granted timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires timestamptz NOT NULL
);
COMMENT ON TABLE  kiebot.leases IS 'The replicas that work, each until its lease expires or is released.';
COMMENT ON COLUMN kiebot.leases.fence IS 'Greater than that of every lease before.';
COMMENT ON COLUMN kiebot.leases.owner IS 'The replica, for people to read.';

CREATE TABLE kiebot.duties (
  duty  text COLLATE "C" PRIMARY KEY,
  fence bigint NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE  kiebot.duties IS 'What one replica at a time does: a Kie account, a part of the chats, a connection of a platform.';
COMMENT ON COLUMN kiebot.duties.fence IS 'The kiebot.leases.fence of who does it; nobody does when there is no such lease.';

CREATE TABLE kiebot.notes (
  number   bigint PRIMARY KEY,
  instance text NOT NULL,
  at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  notes    json[] NOT NULL
);
COMMENT ON TABLE  kiebot.notes IS 'What the other replicas have to hear of a commit, in the order of the commits. Removed after an hour.';
COMMENT ON COLUMN kiebot.notes.instance IS 'The kiebot.commits.instance of who committed.';
CREATE INDEX notes_age ON kiebot.notes (at);

CREATE TABLE kiebot.accounts (
  id      text COLLATE "C" PRIMARY KEY,
  created timestamptz NOT NULL,
  tier    text NOT NULL,
  blocked boolean NOT NULL,
  version smallint NOT NULL,
  record  json NOT NULL
);
COMMENT ON TABLE  kiebot.accounts IS 'People. One may come from several platforms and has one quota.';
COMMENT ON COLUMN kiebot.accounts.version IS 'Which encoding wrote the record; so in every table.';
COMMENT ON COLUMN kiebot.accounts.record IS 'All of it; the other columns are copies to look for. So in every table.';

CREATE TABLE kiebot.identities (
  identity text COLLATE "C" PRIMARY KEY,
  account  text COLLATE "C" NOT NULL
);
COMMENT ON TABLE  kiebot.identities IS 'Whose account a platform''s user is.';
COMMENT ON COLUMN kiebot.identities.identity IS 'platform:user.';

CREATE TABLE kiebot.chats (
  lane    text COLLATE "C" PRIMARY KEY,
  version smallint NOT NULL,
  record  json NOT NULL
);
COMMENT ON TABLE  kiebot.chats IS 'What is kept about chats and servers: limits, settings, rules.';
COMMENT ON COLUMN kiebot.chats.lane IS 'platform:chat.';

CREATE TABLE kiebot.tasks (
  id          text COLLATE "C" PRIMARY KEY,
  account     text COLLATE "C" NOT NULL,
  state       text NOT NULL,
  final       boolean NOT NULL,
  command     text NOT NULL,
  model       text NOT NULL,
  kie_account text NOT NULL,
  created     timestamptz NOT NULL,
  finished    timestamptz,
  due         timestamptz,
  duty        text COLLATE "C",
  version     smallint NOT NULL,
  record      json NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE  kiebot.tasks IS 'What people asked for, from acceptance until retention forgets it.';
COMMENT ON COLUMN kiebot.tasks.id IS 'Sorts by the time of acceptance; people see the last eight characters.';
COMMENT ON COLUMN kiebot.tasks.final IS 'The state is one that nothing leaves.';
COMMENT ON COLUMN kiebot.tasks.finished IS 'When it became final.';
COMMENT ON COLUMN kiebot.tasks.due IS 'When it is looked at next; null when there is nothing to do.';
COMMENT ON COLUMN kiebot.tasks.duty IS 'The kiebot.duties.duty of whose replica does what is due, null when nothing is; any replica that has a Kie account does it for the queue.';
CREATE INDEX tasks_of_account ON kiebot.tasks (account, id);
CREATE INDEX tasks_open_of_account ON kiebot.tasks (account, id) WHERE NOT final;
CREATE INDEX tasks_ended ON kiebot.tasks (finished, id) WHERE final;
CREATE INDEX tasks_by_short ON kiebot.tasks ("right"(id, 8), id);
CREATE INDEX tasks_work ON kiebot.tasks (duty, id) WHERE duty IS NOT NULL;

CREATE TABLE kiebot.deliveries (
  id       bigint PRIMARY KEY,
  lane     text COLLATE "C" NOT NULL,
  lead     text COLLATE "C" NOT NULL,
  kind     text NOT NULL,
  created  timestamptz NOT NULL,
  attempts integer NOT NULL,
  due      timestamptz,
  duty     text COLLATE "C" NOT NULL,
  version  smallint NOT NULL,
  record   json NOT NULL
);
COMMENT ON TABLE  kiebot.deliveries IS 'What is still to be shown in a chat, in each lane by id.';
COMMENT ON COLUMN kiebot.deliveries.lead IS 'The first task of the batch it is about; empty for news.';
COMMENT ON COLUMN kiebot.deliveries.attempts IS 'How many failed.';
COMMENT ON COLUMN kiebot.deliveries.due IS 'When it is tried again; null before the first attempt.';
COMMENT ON COLUMN kiebot.deliveries.duty IS 'As kiebot.tasks.duty.';
CREATE INDEX deliveries_work ON kiebot.deliveries (duty, id);

CREATE TABLE kiebot.usage (
  window_id text COLLATE "C" PRIMARY KEY,
  held      bigint NOT NULL,
  settled   bigint NOT NULL,
  granted   bigint NOT NULL
);
COMMENT ON TABLE  kiebot.usage IS 'What was booked in each window of a quota, in thousandths of a credit.';
COMMENT ON COLUMN kiebot.usage.window_id IS 'Which quota, of whom, and when.';
COMMENT ON COLUMN kiebot.usage.held IS 'Reserved for tasks that are not over.';
COMMENT ON COLUMN kiebot.usage.settled IS 'Spent.';
COMMENT ON COLUMN kiebot.usage.granted IS 'Given by admins or bought.';

CREATE TABLE kiebot.ledger (
  seq     bigint PRIMARY KEY,
  account text COLLATE "C" NOT NULL,
  task    text COLLATE "C" NOT NULL,
  kind    text NOT NULL,
  at      timestamptz NOT NULL,
  version smallint NOT NULL,
  record  json NOT NULL
);
COMMENT ON TABLE  kiebot.ledger IS 'Every change of kiebot.usage, in order: its postings sum up to that.';
CREATE INDEX ledger_of_account ON kiebot.ledger (account, seq);

CREATE TABLE kiebot.audit (
  seq     bigint PRIMARY KEY,
  at      timestamptz NOT NULL,
  by      text NOT NULL,
  action  text NOT NULL,
  target  text NOT NULL,
  version smallint NOT NULL,
  record  json NOT NULL
);
COMMENT ON TABLE kiebot.audit IS 'What admins did, in order.';

CREATE TABLE kiebot.seen (
  key     text COLLATE "C" PRIMARY KEY,
  expires timestamptz NOT NULL,
  version smallint NOT NULL,
  record  json NOT NULL
);
COMMENT ON TABLE kiebot.seen IS 'Which requests were accepted already, so that none is twice.';
CREATE INDEX seen_expiry ON kiebot.seen (expires);

CREATE TABLE kiebot.settings (
  name  text COLLATE "C" PRIMARY KEY,
  value bytea NOT NULL
);
COMMENT ON TABLE kiebot.settings IS 'Small values that the program keeps for itself.';
