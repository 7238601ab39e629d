/** @file A site's policy: what its gate lets out, and when. Written by a person as `policy.yaml`; strict, so that a misspelt rule is an error and not a rule that is not there. */
import { TesseraError } from '@tessera/shared/errors'
import { MAX_MODEL_BYTES, MAX_SAMPLES, name, sha256 } from '@tessera/shared/protocol'
import { parse, YAMLParseError } from 'yaml'
import { z } from 'zod'

/** Largest policy.yaml: a list of 500 teachers with their comments. Looked at before the text is parsed. */
const MAX_POLICY_BYTES = 64 * 1024
/** Most entries of a list: what fits a file of that size. */
const MAX_ENTRIES = 500
/** Largest number of bytes a day: a gigabit link, all day, is 10.8 TB. */
const MAX_DAY_BYTES = 11e12

const list = <T extends z.ZodType>(entry: T) => z.array(entry).min(1).max(MAX_ENTRIES)
const anyOr = <T extends z.ZodType>(entry: T) => z.literal('any').or(list(entry))
const weekday = z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'must be a time from 00:00 to 24:00')
const timeZone = z.string().max(64).refine(isTimeZone, 'must be a time zone, for instance Europe/Berlin')

/** From `from` until before `to`. */
const window = z
  .strictObject({
    /** On which it starts. */
    days: list(weekday),
    /** First minute. */
    from: timeOfDay,
    /** The minute after the last. Not after `from`: on the next day. */
    to: timeOfDay,
  })
  .refine(({ from, to }) => from !== to && from !== '24:00', 'must start before 24:00 and last some time')
export type Window = z.infer<typeof window>

export const policy = z.strictObject({
  /** Of this file's form. */
  version: z.literal(1),
  /** The site that the policy is of. */
  site: name,
  /** Studies that this site takes part in. */
  studies: anyOr(name),
  /** Fingerprints of the public keys whose studies are taken. When a coordinator changes its key, the new one is added here. */
  coordinators: list(z.string().regex(/^([0-9a-f]{4} ){7}[0-9a-f]{4}$/, 'must be a fingerprint')),
  /** Teacher models that may be run here, by the SHA-256 of their files. */
  teachers: anyOr(sha256),
  /** Batch-norm statistics, means over the site's tiles, leave as part of the update. `false`: studies that need them are refused. */
  statisticsMayLeave: z.boolean(),
  /** With fewer tiles the site takes no part. Means over fewer tiles, and counts of fewer right or wrong answers, are withheld. */
  smallestSampleCount: z.int().positive().max(MAX_SAMPLES),
  /** When a class has some tiles but fewer than this, all losses and right answers are withheld. */
  smallestClassCount: z.int().positive().max(MAX_SAMPLES),
  /**
   * In a study that judges its students (docs/judging.md): whether counts of tiles that are not trained on leave, how many of each class are called each
   * class. A policy without this line was signed before there were judgements, and has not allowed them.
   */
  judging: z.enum(['counts', 'withheld']).default('withheld'),
  /** Bytes of updates that may leave. What is sent again after a cut line counts again. */
  largestUpload: z.strictObject({
    /** For one round. */
    roundBytes: z.int().positive().max(MAX_MODEL_BYTES),
    /** On one day. */
    dayBytes: z.int().positive().max(MAX_DAY_BYTES),
  }),
  /** The agent scales an update down to this L2 norm (of its trainable tensors) before it is sent. */
  normClip: z.literal('none').or(z.number().positive()),
  /** Of `hours`, and of the days that limits are counted by. */
  timeZone,
  /** When anything of a study may be sent or fetched. Outside, the agent waits; it stays connected. */
  hours: z.literal('always').or(list(window)),
  /** `each-round`: a trained update waits for a person here (`tessera site approve`). */
  approval: z.enum(['none', 'each-round']),
  /** Rounds whose updates may leave on one day. */
  roundsPerDay: z.int().positive().max(100_000),
})
export type Policy = z.infer<typeof policy>

/**
 * Reads a policy's text.
 * @throws {TesseraError} ERR_POLICY_FILE, naming the field or the line that is wrong.
 */
export function parsePolicy(text: string): Policy {
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_POLICY_BYTES) throw invalid(`have at most ${MAX_POLICY_BYTES} bytes`, String(bytes))
  let value: unknown
  try {
    // No aliases: a policy needs none, and a nest of them is how a small file becomes a large one.
    value = parse(text, { maxAliasCount: 0, prettyErrors: true, logLevel: 'error' })
  } catch (cause) {
    const line = cause instanceof YAMLParseError ? cause.linePos?.[0].line : undefined
    throw invalid('be YAML', line === undefined ? 'another text' : `a fault in line ${line}`, cause)
  }
  const result = policy.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw invalid(`have ${field(issue)} right`, issue?.message ?? 'a fault', result.error)
}

/** The name to say of what is wrong. */
function field(issue: z.core.$ZodIssue | undefined): string {
  const path = issue?.path.join('.') ?? ''
  if (issue?.code === 'unrecognized_keys')
    return [...(path ? [path] : []), ...issue.keys].join('.').slice(0, 80)
  return path === '' ? 'its fields' : path
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

function invalid(rule: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_POLICY_FILE', `policy.yaml must ${rule}, got ${got}`, { cause })
}
