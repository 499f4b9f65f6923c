"""The privileges that the database holds are those that roles.sql states, and no others."""

import re
import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from services.uvote.migrate import OWNING, ROLES, prepare
from services.uvote.postgres import PrivatePostgres
from tests.service.harness import System

Connection = asyncpg.Connection

# A privilege on a table, or on one of its columns: (role, table, privilege, column or "").
Grant = tuple[str, str, str, str]

RECORDING = """
CREATE TEMP TABLE stated (privileges text, relation text);
CREATE OR REPLACE FUNCTION pg_temp.allow(privileges text, relation text) RETURNS void LANGUAGE sql
BEGIN ATOMIC INSERT INTO stated VALUES (privileges, relation); END;
"""

LIVE = """
SELECT grantee::regrole::text AS role, oid::regclass::text AS relation, privilege_type AS privilege, '' AS part
FROM pg_class, aclexplode(relacl) WHERE relnamespace = ANY($1::regnamespace[]) AND grantee <> relowner
UNION ALL
SELECT grantee::regrole::text, attrelid::regclass::text, privilege_type, attname
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid, aclexplode(attacl)
WHERE relnamespace = ANY($1::regnamespace[]) AND grantee <> relowner
"""

RELATIONS = """
SELECT oid::regclass::text AS relation, relowner::regrole::text AS owner, relnamespace::regnamespace::text AS schema,
  relkind
FROM pg_class WHERE relnamespace = ANY($1::regnamespace[]) AND relkind IN ('r', 'p', 'S', 'v', 'm')
"""

ROLES_OF_SERVICES = [f"{service}_{kind}" for service in OWNING for kind in ("owner", "runtime")]


@pytest.fixture
async def superuser(system: System) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(system.database_url)
    yield connection
    await connection.close()


def grants_of(privileges: str, relation: str) -> set[Grant]:
    """What one line of roles.sql grants."""
    role = relation.partition(".")[0] + "_runtime"
    found: set[Grant] = set()
    for privilege, columns in re.findall(r"(\w+)(?: \(([^)]*)\))?", privileges):
        found |= {(role, relation, privilege, column.strip()) for column in columns.split(",")}
    return found


async def stated_grants(superuser: Connection) -> set[Grant]:
    """What roles.sql states: its last block is run with a function that writes down instead of granting."""
    matrix = ROLES.read_text().rpartition("DO $$")[2]
    await superuser.execute(RECORDING)
    await superuser.execute("DO $$" + matrix)
    rows = await superuser.fetch("SELECT privileges, relation FROM stated")
    await superuser.execute("DROP TABLE stated CASCADE")
    return {grant for row in rows for grant in grants_of(row["privileges"], row["relation"])}


async def test_live_grants_are_those_that_are_stated(superuser: Connection) -> None:
    live = {tuple(row) for row in await superuser.fetch(LIVE, list(OWNING))}
    assert live == await stated_grants(superuser)


async def test_every_table_is_its_services_owners_and_used_by_its_runtime(superuser: Connection) -> None:
    relations = await superuser.fetch(RELATIONS, list(OWNING))
    assert [row["relation"] for row in relations if row["owner"] != f"{row['schema']}_owner"] == []
    used = {relation for _, relation, _, _ in await stated_grants(superuser)}
    # A sequence behind an identity column is used with the column.
    assert {row["relation"] for row in relations if row["relkind"] != b"S"} == used


async def test_no_role_can_reach_into_another_services_schema(superuser: Connection) -> None:
    rows = await superuser.fetch(
        """SELECT role, schema, privilege FROM unnest($1::text[]) AS role, unnest($2::text[]) AS schema,
           unnest(ARRAY['USAGE', 'CREATE']) AS privilege WHERE has_schema_privilege(role, schema, privilege)""",
        ROLES_OF_SERVICES,
        [*OWNING, "public"],
    )
    own = {(f"{name}_owner", name, privilege) for name in OWNING for privilege in ("USAGE", "CREATE")}
    assert {tuple(row) for row in rows} == own | {(f"{name}_runtime", name, "USAGE") for name in OWNING}


async def test_the_roles_of_services_can_connect_and_nothing_else(superuser: Connection) -> None:
    rows = await superuser.fetch(
        """SELECT rolname FROM pg_roles WHERE rolname = ANY($1) AND rolcanlogin
           AND NOT (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)""",
        ROLES_OF_SERVICES,
    )
    assert {row["rolname"] for row in rows} == set(ROLES_OF_SERVICES)
    members = await superuser.fetch("SELECT member::regrole::text FROM pg_auth_members")
    assert {row["member"] for row in members} & set(ROLES_OF_SERVICES) == set()
    granted = await superuser.fetch(
        """SELECT grantee::regrole::text AS role, privilege_type FROM pg_database, aclexplode(datacl)
           WHERE datname = current_database() AND grantee <> datdba"""
    )
    assert {tuple(row) for row in granted} == {(role, "CONNECT") for role in ROLES_OF_SERVICES}


@pytest.mark.parametrize("service", OWNING)
async def test_a_service_is_refused_what_is_not_its_own(system: System, superuser: Connection, service: str) -> None:
    """The same once more, by trying."""
    relations = [row["relation"] for row in await superuser.fetch(RELATIONS, [n for n in OWNING if n != service])]
    assert relations
    told = system.installation.environment(service)["UVOTE_DATABASE_URL"]
    assert urlsplit(told).username == f"{service}_runtime"
    runtime = await asyncpg.connect(told, server_settings={"search_path": service})
    try:
        for relation in relations:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await runtime.execute(f"TABLE {relation}")
        for statement in (
            f"CREATE TABLE {service}.mine ()",
            "CREATE TABLE public.mine ()",
            "CREATE TEMP TABLE mine ()",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await runtime.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await runtime.execute("DELETE FROM schema_version")
    finally:
        await runtime.close()


async def test_stating_the_privileges_again_changes_nothing(superuser: Connection) -> None:
    before = {tuple(row) for row in await superuser.fetch(LIVE, list(OWNING))}
    await superuser.execute(ROLES.read_text())
    assert {tuple(row) for row in await superuser.fetch(LIVE, list(OWNING))} == before


async def test_the_owner_of_the_database_needs_not_be_a_superuser(postgres: PrivatePostgres) -> None:
    boss, password = f"boss_{secrets.token_hex(4)}", "x"
    superuser = await asyncpg.connect(postgres.dsn())
    await superuser.execute(f"CREATE ROLE {boss} LOGIN CREATEROLE PASSWORD '{password}'")
    await superuser.execute(f"CREATE DATABASE {boss} OWNER {boss}")
    for _ in range(2):
        await prepare(postgres.dsn(user=boss, password=password, database=boss), {})
    await superuser.execute(f"DROP DATABASE {boss}")
    await superuser.execute(f"REVOKE {', '.join(f'{name}_owner' for name in OWNING)} FROM {boss}")
    await superuser.execute(f"DROP ROLE {boss}")
    await superuser.close()
