-- Who may touch what in the database: every privilege of the system on one page.
--
-- Run by a superuser (or the owner of the database with CREATEROLE) before the migrations, which need the schemas, and again after
-- them, when the tables are there. Running it any number of times ends in the same privileges. Passwords are set apart.
--
-- Each service owns one schema. OWNER changes tables and is used by migrations only; RUNTIME is what the service signs in as.
-- No role has a privilege in another service's schema.

DO $$
DECLARE
  service text;
BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  REVOKE ALL ON SCHEMA public FROM PUBLIC;
  FOREACH service IN ARRAY ARRAY['auth', 'voter', 'election', 'ballot', 'result'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = service || '_owner') THEN
      EXECUTE format('CREATE ROLE %I LOGIN', service || '_owner');
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = service || '_runtime') THEN
      EXECUTE format('CREATE ROLE %I LOGIN', service || '_runtime');
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I, %I', current_database(), service || '_owner', service || '_runtime');
    -- Who is no superuser has to be a member of a role to make something its own.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
      EXECUTE format('GRANT %I TO CURRENT_USER', service || '_owner');
    END IF;
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', service, service || '_owner');
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', service, service || '_runtime');
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', service, service || '_runtime');
    EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA %I FROM %I', service, service || '_runtime');
  END LOOP;
END $$;

-- Grants `privileges` on `relation` (schema.table) to the runtime role of its schema, once the table is there.
CREATE OR REPLACE FUNCTION pg_temp.allow(privileges text, relation text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF to_regclass(relation) IS NOT NULL THEN
    EXECUTE format('GRANT %s ON %s TO %I', privileges, relation, split_part(relation, '.', 1) || '_runtime');
  END IF;
END $$;

DO $$
BEGIN
  PERFORM pg_temp.allow('SELECT', service || '.schema_version')
  FROM unnest(ARRAY['auth', 'voter', 'election', 'ballot', 'result']) AS service;

  -- auth
  PERFORM pg_temp.allow('SELECT, INSERT, UPDATE (password_hash)', 'auth.organisers');
  PERFORM pg_temp.allow('SELECT, INSERT, DELETE, UPDATE (ended_at)', 'auth.sessions');
  PERFORM pg_temp.allow('SELECT, INSERT, UPDATE (used_at)', 'auth.refresh_tokens');
  PERFORM pg_temp.allow('SELECT, INSERT, UPDATE, DELETE', 'auth.attempts');
  PERFORM pg_temp.allow('SELECT, INSERT, DELETE', 'auth.signing_keys');

  -- voter
  PERFORM pg_temp.allow('SELECT, INSERT, UPDATE, DELETE', 'voter.roll');
  PERFORM pg_temp.allow('SELECT, INSERT, UPDATE, DELETE', 'voter.voter');
  PERFORM pg_temp.allow('SELECT, INSERT, UPDATE', 'voter.edition');
  PERFORM pg_temp.allow('SELECT, INSERT', 'voter.correction');
  PERFORM pg_temp.allow('SELECT, INSERT, UPDATE, DELETE', 'voter.mail');
  PERFORM pg_temp.allow('SELECT, INSERT, UPDATE', 'voter.reminded');
  PERFORM pg_temp.allow('SELECT, INSERT, DELETE', 'voter.notice');
  PERFORM pg_temp.allow('SELECT, UPDATE', 'voter.pace');

  -- election
  PERFORM pg_temp.allow('SELECT, INSERT, UPDATE, DELETE', 'election.elections'); -- a deleted draft takes its rows elsewhere with it
  PERFORM pg_temp.allow('SELECT, INSERT, UPDATE, DELETE', 'election.trustees');
  PERFORM pg_temp.allow('SELECT, INSERT, UPDATE, DELETE', 'election.reports');
  PERFORM pg_temp.allow('SELECT, INSERT', 'election.frozen');
  PERFORM pg_temp.allow('SELECT, INSERT', 'election.withdrawn');
  PERFORM pg_temp.allow('SELECT, INSERT', 'election.notices');
  PERFORM pg_temp.allow('SELECT, INSERT', 'election.audit');

  -- ballot
  PERFORM pg_temp.allow('SELECT, INSERT', 'ballot.' || name)
  FROM unnest(ARRAY['credential_lists', 'credentials', 'events', 'records', 'withdrawals']) AS name;
  PERFORM pg_temp.allow('SELECT, INSERT, UPDATE', 'ballot.credential_pages');
  PERFORM pg_temp.allow('SELECT, INSERT, UPDATE (schedule_revision, schedule_applied, opens_at, closes_at, height,'
    ' head, archive_bytes, ballots, voted, voted_weight, ended)', 'ballot.boards');

  -- result
  PERFORM pg_temp.allow('SELECT, INSERT, UPDATE', 'result.tallies');
  PERFORM pg_temp.allow('SELECT, INSERT, UPDATE', 'result.counted');
  PERFORM pg_temp.allow('SELECT, INSERT', 'result.weights');
  PERFORM pg_temp.allow('SELECT, INSERT', 'result.shares');
  PERFORM pg_temp.allow('SELECT, INSERT, DELETE', 'result.unusable');
END $$;
