/** @file `slides.yaml`, beside the slides: how they are cut into tiles, and what the classes of their annotations mean to the study. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing } from '@tessera/shared/files'
import { parse } from 'yaml'
import { z } from 'zod'

export const SETTINGS_FILE = 'slides.yaml'

/** A line a slide, and a hospital's 10,000 slides. */
const MAX_SETTINGS_BYTES = 1024 * 1024

const name = z.string().min(1).max(200)
const micronsPerPixel = z.number().min(0.05).max(32)
const share = z.number().min(0).max(1)

const schema = z.strictObject({
  /** Of a tile's pixels. 0.5: 20x, what most published tile sets have. */
  micronsPerPixel: micronsPerPixel.default(0.5),
  /** From one tile to the next, in a tile's pixels. Absent: as wide as a tile. At least 16: the smallest tile. */
  stridePx: z.int().min(16).max(65_536).optional(),
  /** Least share of a tile that is tissue. */
  tissueShare: share.default(0.5),
  /** Least share of a tile that its class's polygons cover. At half, no two classes can reach it. */
  labelShare: share.min(0.01).default(0.5),
  /** Annotation class -> the study's class. A name that is not here stands for itself. */
  classes: z.record(name, name).default({}),
  /** Annotation classes whose area is not used, as folds. */
  leaveOut: z.array(name).default([]),
  /** Annotation classes that are taken as not drawn, as an outline around everything. */
  ignore: z.array(name).default([]),
  /** The study's class of tissue that nothing was drawn on. Absent: it is not used. */
  unannotated: name.optional(),
  /** What differs for one slide, by file name. */
  slides: z
    .record(
      z.string().min(1).max(255),
      z.strictObject({
        /** Of the slide's finest level, where the file does not say or is wrong. */
        scannedMicronsPerPixel: micronsPerPixel.optional(),
        unannotated: name.optional(),
      }),
    )
    .default({}),
})

export type SlideSettings = z.infer<typeof schema>

/** Reads them; the defaults when there is no such file. @throws {TesseraError} ERR_CONFIG_INVALID */
export async function readSlideSettings(dir: string): Promise<SlideSettings> {
  const file = join(dir, SETTINGS_FILE)
  try {
    const { size } = await stat(file)
    if (size > MAX_SETTINGS_BYTES) throw invalid(`have at most ${MAX_SETTINGS_BYTES} bytes`, `${size}`)
    return parseSlideSettings(await readFile(file, 'utf8'))
  } catch (thrown) {
    if (thrown instanceof TesseraError) throw thrown
    if (isMissing(thrown)) return schema.parse({})
    throw invalid('be readable', 'an error', thrown)
  }
}

/** @throws {TesseraError} ERR_CONFIG_INVALID, with the field. */
export function parseSlideSettings(text: string): SlideSettings {
  let value: unknown
  try {
    // No aliases: a few lines of them are gigabytes.
    value = parse(text, { maxAliasCount: 0 }) ?? {}
  } catch (cause) {
    throw invalid('be YAML', 'other text', cause)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  // Names of slides may be names of patients: of what is below `slides` only the field is told.
  const path = issue?.path.filter((_, i) => !(i === 1 && issue.path[0] === 'slides')).join('.')
  throw invalid('follow its format', `${path || 'the file'}: ${issue?.message ?? 'an error'}`, parsed.error)
}

function invalid(rule: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_CONFIG_INVALID', `${SETTINGS_FILE} must ${rule}, got ${got}`, { cause })
}
