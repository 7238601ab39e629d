/**
 * @file Stores as each version of the tables had them, as SQL text: not as the present code would make them. A new version of the tables adds its own text
 * here, and the older ones stay: whoever upgrades has one of them.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** `events.db`, by `PRAGMA user_version`. @param owner Fingerprint of the coordinator. */
export const SQLITE_STORES: Readonly<Record<number, (owner: string) => string>> = {
  1: (owner) => `
    CREATE TABLE tessera_head (coordinator TEXT NOT NULL, count INTEGER NOT NULL, checksum TEXT NOT NULL) STRICT;
    CREATE TABLE tessera_event (number INTEGER PRIMARY KEY CHECK (number > 0), event TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;
    PRAGMA application_id = 1413829459;
    PRAGMA user_version = 1;
    INSERT INTO tessera_head VALUES ('${owner}', 0, '');`,
}

/** Tables in PostgreSQL, by the row of `tessera_schema`. */
export const POSTGRES_STORES: Readonly<Record<number, (owner: string) => string>> = {
  1: (owner) => `
    CREATE TABLE tessera_schema (version integer NOT NULL);
    CREATE TABLE tessera_head (coordinator text PRIMARY KEY, count bigint NOT NULL, checksum text NOT NULL);
    CREATE TABLE tessera_event (
      coordinator text NOT NULL REFERENCES tessera_head, number bigint NOT NULL CHECK (number > 0), event text NOT NULL, checksum text NOT NULL,
      PRIMARY KEY (coordinator, number));
    INSERT INTO tessera_schema VALUES (1);
    INSERT INTO tessera_head VALUES ('${owner}', 0, '')`,
}

export interface RecordedRow {
  readonly number: number
  readonly event: string
  readonly checksum: string
}

/** Events of the first version, two rounds of a study, as rows: each line's `check` was its checksum. */
export async function recordedRows(): Promise<RecordedRow[]> {
  const text = await readFile(fileURLToPath(new URL('recorded/events.jsonl', import.meta.url)), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line, i) => {
      const { check, ...event } = JSON.parse(line) as { check: string }
      return { number: i + 1, event: JSON.stringify(event), checksum: check }
    })
}
