/**
 * @file Tiles by a table beside them: CSV (commas or semicolons) or TSV with a header, one line a tile. Columns: path and label; patient, slide,
 * group, scanner and split where they are known.
 */
import { open, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import type { ListOptions } from '../folder.ts'
import { createLabeller, labelUses } from '../label-map.ts'
import { type Line, MAX_LINE_CHARACTERS, parseLines } from '../lines.ts'
import { type ListedTile, partNamed, type TileListing } from '../splits/part.ts'
import { type ColumnNames, findColumns, type Role } from './columns.ts'
import { createFence, type Fence, plainPath } from './inside.ts'
import { MAX_COLUMNS, MAX_MANIFEST_BYTES, MAX_NAME_CHARACTERS } from './limits.ts'

export interface ManifestOptions extends ListOptions {
  readonly columns?: ColumnNames | undefined
}

/**
 * Lists the tiles of a manifest in its lines' order.
 *
 * @throws {TesseraError} ERR_DATA_MANIFEST with the line's number; ERR_DATA_FOLDER; ERR_DATA_CLASSES.
 */
export async function listManifest(file: string, options: ManifestOptions): Promise<TileListing> {
  const [header, ...lines] = linesOf(await readText(file))
  if (header === undefined) throw refused('have a header and a line for each tile', 'an empty file')
  if (header.values.length > MAX_COLUMNS) {
    throw refused(`have at most ${MAX_COLUMNS} columns`, String(header.values.length))
  }
  const columns = findColumns(header.values, options.columns)
  const fence = await createFence(dirname(file))
  const labelOf = createLabeller(options.classes, options.labelMap)

  const tiles: ListedTile[] = []
  const labels = new Map<string, number>()
  const linesOfPaths = new Map<string, number>()
  for (const { values, line } of lines) {
    const path = await pathOf(cell(values, columns, 'path'), line, fence)
    const earlier = linesOfPaths.get(path)
    if (earlier !== undefined) throw refused('name a file once', `the file of line ${earlier} again`, line)
    linesOfPaths.set(path, line)
    const label = cell(values, columns, 'label').normalize('NFC')
    if (label === '') throw refused('have a label', 'an empty one', line)
    labels.set(label, (labels.get(label) ?? 0) + 1)
    const index = labelOf(label)
    // Unknown labels are refused below, all at once.
    if (index === null || index === undefined) continue
    const origin = join(dirname(file), path)
    const part = partOf(cell(values, columns, 'split'), columns.has('split'), line)
    tiles.push({ origin, name: path, label: index, part, ...ties(values, columns, line) })
  }
  const uses = labelUses(labels, labelOf, options.classes)
  if (tiles.length === 0) throw refused('have a line for each tile', 'none')
  return {
    tiles,
    hasParts: columns.has('split'),
    otherFiles: 0,
    labels: uses.toSorted((a, b) => (a.label < b.label ? -1 : 1)),
  }
}

/** Gives the text, once it is known to be short enough. @throws {TesseraError} ERR_DATA_FOLDER, ERR_DATA_MANIFEST */
async function readText(file: string): Promise<string> {
  const unreadable = (cause: unknown): never => {
    throw new TesseraError('ERR_DATA_FOLDER', 'manifest must be a file that can be read, got an error', {
      cause,
    })
  }
  const handle = await open(file).catch(unreadable)
  try {
    const { size } = await handle.stat()
    if (size > MAX_MANIFEST_BYTES) throw refused(`have at most ${MAX_MANIFEST_BYTES} bytes`, String(size))
    const bytes = await readFile(handle).catch(unreadable)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (thrown) {
    if (thrown instanceof TesseraError) throw thrown
    throw refused('be text in UTF-8', 'another encoding or a binary file')
  } finally {
    await handle.close()
  }
}

function linesOf(text: string): Line[] {
  return parseLines(text, {
    delimiter: delimiterOf(text),
    refused: (code, line) =>
      refused('have as many fields as the header, quotes in pairs, and no overlong line', code, line),
  })
}

/** The separator that the header has most of; a comma when it has none. */
function delimiterOf(text: string): string {
  const header = text.slice(0, MAX_LINE_CHARACTERS).split(/\r?\n/, 1)[0] ?? ''
  const counts = [',', ';', '\t'].map((delimiter) => ({ delimiter, count: header.split(delimiter).length }))
  return counts.reduce((best, next) => (next.count > best.count ? next : best)).delimiter
}

function cell(values: readonly string[], columns: ReadonlyMap<Role, number>, role: Role): string {
  return values[columns.get(role) ?? -1]?.trim() ?? ''
}

async function pathOf(text: string, line: number, fence: Fence): Promise<string> {
  const path = plainPath(text)
  if (path === null || !(await fence.holds(path))) {
    throw refused("have a relative path inside the manifest's folder", 'one that is empty or leads out', line)
  }
  return path
}

function partOf(text: string, isGiven: boolean, line: number): ListedTile['part'] {
  if (!isGiven) return 'train'
  const part = partNamed(text)
  if (part === null) throw refused('have train, val or test as its split', 'something else', line)
  return part
}

function ties(
  values: readonly string[],
  columns: ReadonlyMap<Role, number>,
  line: number,
): Partial<ListedTile> {
  const found: Partial<Record<'patient' | 'slide' | 'group' | 'scanner', string>> = {}
  for (const role of ['patient', 'slide', 'group', 'scanner'] as const) {
    const value = cell(values, columns, role)
    if (value.length > MAX_NAME_CHARACTERS) {
      throw refused(
        `have at most ${MAX_NAME_CHARACTERS} characters as its ${role}`,
        String(value.length),
        line,
      )
    }
    if (value !== '') found[role] = value
  }
  return found
}

function refused(rule: string, got: string, line?: number): TesseraError {
  const where = line === undefined ? 'manifest' : `line ${line} of the manifest`
  return new TesseraError('ERR_DATA_MANIFEST', `${where} must ${rule}, got ${got}`)
}
