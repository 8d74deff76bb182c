/** What lies in a schema of PostgreSQL, and every statement that is sent to it. Each is a transaction of its own. */
import { hash } from "node:crypto"
import type { Parts } from "./sessionRows.ts"

/** How many migrations there are: the version of a schema that is up to date. */
export const VERSION = 1

/**
 * A key has one row, for its entry and for its leases: so a single statement checks both, under the lock of that row.
 * It is found by the SHA-256 of the key, which an index can hold whatever the length of the key. An entry that is removed
 * takes its names along: what stays is the hash, the last fence and the mark, for fences must grow.
 *
 * `seq` is the order in which keys were first put. `fence` is null until the first lease, `held_until` once it is released.
 */
const tablesOf = (schema: string): string => `
  create sequence ${schema}.arrivals;
  create table ${schema}.sessions (
    key bytea primary key,
    seq bigint unique,
    provider text collate "C",
    instance text collate "C",
    account text collate "C",
    version text collate "C",
    issued_at bigint,
    expires_at bigint,
    line text collate "C",
    fence bigint check (fence between 1 and ${Number.MAX_SAFE_INTEGER}),
    held_until timestamptz,
    life interval,
    holder text collate "C",
    mark text collate "C",
    check (num_nulls(seq, provider, instance, account, version, issued_at, line) in (0, 7))
  );
`

/** Also under `synchronous_commit = off` a write is on the disk before it is answered. */
const DURABLE =
  "case when current_setting('synchronous_commit') = 'off' then set_config('synchronous_commit', 'on', true) end"

export interface Statements {
  /** What there is: the encoding of the database, and whether the schema says that it is ours. */
  readonly look: string
  readonly version: string
  /** Makes what is missing, one process after the other. A schema with anything else in it is left as it is. */
  readonly migrate: string
  readonly get: string
  readonly find: string
  readonly list: string
  /** Where nothing is known of the key. */
  readonly put: string
  /** Where a version is expected, or a fence. */
  readonly replace: string
  readonly remove: string
  readonly lease: string
  readonly extend: string
  readonly mark: string
  readonly release: string
}

export const statementsFor = (name: string): Statements => {
  const schema = identifier(name)
  const [sessions, versions] = [`${schema}.sessions`, `${schema}.latchkey_store`]
  const arrival = `nextval(${literal(`${schema}.arrivals`)})`
  const isHeld = "key = $1 and fence = $2::bigint and held_until is not null"
  return {
    look: `select current_setting('server_encoding') as encoding,
      (to_regclass(${literal(versions)}) is not null)::int as "isOurs"`,
    version: `select version from ${versions}`,
    migrate: `do ${literal(migrationOf(name, schema, versions))}`,
    get: `select provider, instance, account, version, line from ${sessions} where key = $1 and line is not null`,
    find: `select provider, instance, account, version, line from ${sessions}
      where line is not null
        and ($1::text is null or provider = $1)
        and ($2::text is null or instance = $2)
        and ($3::text is null or account = $3)
      order by seq limit 1`,
    list: `select provider, instance, account, issued_at as "issuedAt", expires_at as "expiresAt" from ${sessions}
      where line is not null order by seq`,
    // A version of our own that is there already: we were here, and the answer was lost.
    put: `insert into ${sessions} as it (key, seq, provider, instance, account, version, issued_at, expires_at, line)
      values ($1, ${arrival}, $2, $3, $4, $5, $6, $7, $8)
      on conflict (key) do update
      set seq = coalesce(it.seq, excluded.seq), provider = excluded.provider, instance = excluded.instance,
        account = excluded.account, version = excluded.version, issued_at = excluded.issued_at,
        expires_at = excluded.expires_at, line = excluded.line
      where $9::boolean or it.line is null or it.version = excluded.version
      returning ${DURABLE}`,
    replace: `update ${sessions}
      set seq = coalesce(seq, ${arrival}), provider = $2, instance = $3, account = $4, version = $5, issued_at = $6,
        expires_at = $7, line = $8
      where key = $1
        and ($9::boolean or version is not distinct from $10 or version = $5)
        and ($11::bigint is null or fence = $11)
      returning ${DURABLE}`,
    // Locked first, so that what another removes at the same time counts as gone.
    remove: `with present as (
        select version from ${sessions} where key = $1 and line is not null for update
      ), removed as (
        update ${sessions} as it
        set seq = null, provider = null, instance = null, account = null, version = null, issued_at = null,
          expires_at = null, line = null
        from present
        where it.key = $1 and ($2::text is null or present.version = $2)
        returning ${DURABLE}
      )
      select (select count(*) from removed) as removed, (select count(*) from present) as present`,
    // Fences are of the time, so that none comes again where a failover or a restored backup has forgotten the last.
    // More time left than twice the whole life: the clock was set back, and the holder's time is over.
    lease: `insert into ${sessions} as it (key, fence, held_until, life, holder)
      values ($1, (extract(epoch from clock_timestamp()) * 1000000)::bigint, clock_timestamp() + $2::float8 * interval '1 millisecond', $2::float8 * interval '1 millisecond', $3)
      on conflict (key) do update
      set fence = greatest(it.fence + 1, excluded.fence), held_until = clock_timestamp() + excluded.life, life = excluded.life,
        holder = excluded.holder
      where it.held_until is null or it.held_until <= clock_timestamp()
        or it.held_until - clock_timestamp() > 2 * it.life or it.holder = excluded.holder
      returning fence, mark, ${DURABLE}`,
    extend: `update ${sessions} set held_until = clock_timestamp() + life where ${isHeld} returning ${DURABLE}`,
    mark: `update ${sessions} set held_until = clock_timestamp() + life, mark = $3 where ${isHeld} returning ${DURABLE}`,
    release: `update ${sessions} set held_until = null where ${isHeld}`
  }
}

/** "LKSS". */
const LOCK = 0x4c4b5353

/**
 * The lock ends with the transaction, which the block is. What there is is asked of the catalog's tables: PostgreSQL's own
 * functions answer from a memory that may be older than the lock.
 */
const migrationOf = (name: string, schema: string, versions: string): string => `
  declare
    place oid;
  begin
    perform pg_advisory_xact_lock(${LOCK}, hashtext(${literal(name)}));
    select oid into place from pg_namespace where nspname = ${literal(name)};
    if place is null then
      create schema ${schema};
    elsif exists (select from pg_class where relnamespace = place)
      or exists (select from pg_type where typnamespace = place)
      or exists (select from pg_proc where pronamespace = place)
    then
      return;
    end if;
    create table ${versions} (version integer not null);
    insert into ${versions} values (${VERSION});
    ${tablesOf(schema)}
  end
`

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`

const literal = (text: string): string => ` E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`

/** What a row is found by. Different keys have different hashes, whatever characters are in their parts. */
export const hashOf = ({ account, instance, provider }: Parts): Uint8Array =>
  hash("sha256", JSON.stringify([provider, instance, account]), "buffer")

/** Whether PostgreSQL can hold it as it is. */
export const isText = (text: string): boolean => text.isWellFormed() && !text.includes("\0")
