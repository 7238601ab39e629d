/**
 * @file Frames that a fuzzer makes: real ones with some bytes changed, cut or joined, and well-formed packets whose fields hold anything. Each seed
 * gives the same frames, so that a failure can be played again.
 */
import { decodeFrame, encodeFrame } from '@tessera/shared/protocol'
import * as fc from 'fast-check'
import { pack } from 'msgpackr'

/** Frames for one connection, in order. All but the last are read on; after the last it may be over. */
export interface Salvo {
  readonly frames: readonly Uint8Array[]
  /** Whether the last one ends the connection, as far as the frame alone says. */
  readonly ends: boolean
}

/** Most frames of a salvo: a session does not live long enough to matter, and a failure stays readable. */
const LONGEST = 50

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1.5,
    2 ** 53,
    Number.NaN,
    Infinity,
    '',
    '__proto__',
    '../../x',
    'a'.repeat(70),
  ),
  fc.string({ maxLength: 20 }),
  fc.uint8Array({ maxLength: 40 }),
  fc.jsonValue({ maxDepth: 3 }),
)

/** A message of the catalogue with some of its fields replaced, missing or added. */
function warped(messages: readonly (readonly [string, object])[]): fc.Arbitrary<Uint8Array> {
  return fc
    .record({
      message: fc.constantFrom(...messages),
      field: fc.nat(),
      value: odd,
      how: fc.constantFrom('replace', 'remove', 'add', 'whole', 'none'),
      name: fc.constantFrom('constructor', 'toString', 'length', 'then', 'toJSON', 'x'),
      id: fc.option(fc.nat(1000), { nil: undefined }),
    })
    .map(({ message: [event, body], field, value, how, name, id }) => {
      const fields = Object.keys(body)
      const at = fields[field % Math.max(1, fields.length)] ?? name
      const changed: Record<string, unknown> = { ...body }
      if (how === 'replace') changed[at] = value
      if (how === 'remove') delete changed[at]
      if (how === 'add') changed[name] = value
      const data = [event, how === 'whole' ? value : changed]
      return pack({ type: 2, nsp: '/', data, ...(id === undefined ? {} : { id }) })
    })
}

/** A packet of any type, with anything in it. */
const anyPacket = fc
  .record({
    type: fc.integer({ min: 0, max: 6 }),
    nsp: fc.constantFrom('/', '/x', ''),
    data: odd,
    id: fc.option(fc.nat(50)),
  })
  .map((packet) => pack(packet))

/** An answer to a question that was perhaps never asked. */
const anyAnswer = fc
  .record({ id: fc.nat(20), data: fc.array(odd, { maxLength: 3 }) })
  .map(({ id, data }) => pack({ type: 3, nsp: '/', id, data }))

/** A real frame with bytes changed, its end cut off, or another frame behind it. */
function damaged(messages: readonly (readonly [string, object])[]): fc.Arbitrary<Uint8Array> {
  const real = messages.map(([event, body], id) =>
    encodeFrame({ type: 2, nsp: '/', data: [event, body], id }),
  )
  return fc
    .record({
      frame: fc.constantFrom(...real),
      changes: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      cut: fc.option(fc.nat()),
      tail: fc.option(fc.constantFrom(...real)),
    })
    .map(({ frame, changes, cut, tail }) => {
      const bytes = Uint8Array.from(frame)
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      const kept = cut === null ? bytes : bytes.subarray(0, cut % bytes.length)
      return tail === null ? kept : Buffer.concat([kept, tail])
    })
}

/** `count` frames in salvos. */
export function salvos(
  messages: readonly (readonly [string, object])[],
  count: number,
  seed: number,
): Salvo[] {
  const frame = fc.oneof(
    { arbitrary: warped(messages), weight: 20 },
    { arbitrary: anyAnswer, weight: 4 },
    { arbitrary: anyPacket, weight: 1 },
    { arbitrary: damaged(messages), weight: 2 },
    { arbitrary: fc.uint8Array({ maxLength: 60 }), weight: 1 },
  )
  const made: Salvo[] = []
  let frames: Uint8Array[] = []
  for (const bytes of fc.sample(frame, { numRuns: count, seed })) {
    frames.push(bytes)
    const ends = endsConnection(bytes)
    if (!ends && frames.length < LONGEST) continue
    made.push({ frames, ends })
    frames = []
  }
  return frames.length > 0 ? [...made, { frames, ends: false }] : made
}

/** A frame that is refused, or that is no event and no answer of the one namespace. */
function endsConnection(bytes: Uint8Array): boolean {
  try {
    const { type, nsp } = decodeFrame(bytes)
    return nsp !== '/' || (type !== 2 && type !== 3)
  } catch {
    return true
  }
}
