/** @file A coordinator's events in a backup: `events.db` in every case, so that a backup can be restored with or without PostgreSQL. */
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { copyRows, openSqliteTable, type Row, rowsOf } from '../store/index.ts'

/**
 * Adds what `folder` lacks of the rows, and reads all of them back.
 * @throws {TesseraError} ERR_BACKUP_FOLDER if it holds others, or more: it is not an earlier backup of these; ERR_STORE_WRITE, ERR_STORE_FOREIGN
 */
export async function writeRows(
  folder: string,
  coordinator: string,
  rows: readonly Row[],
): Promise<{ count: number; checksum: string }> {
  const table = await openSqliteTable(join(folder, 'events.db'), coordinator)
  try {
    const { rows: before } = await rowsOf(table, (value) => value)
    // A checksum stands for all rows up to its own.
    if (before.at(-1)?.checksum !== rows[before.length - 1]?.checksum) {
      throw new TesseraError(
        'ERR_BACKUP_FOLDER',
        `backup must be an earlier one of the same events, got another event ${before.length}: use a new folder`,
      )
    }
    await copyRows(rows, table)
    const { rows: after } = await rowsOf(table, (value) => value)
    return { count: after.length, checksum: after.at(-1)?.checksum ?? '' }
  } finally {
    await table.close()
  }
}
