/**
 * @file Invariant 1, from the outside: every byte that three agents put on their sockets in a whole study, searched for what must stay.
 *
 * The tiles are noise, so that 24 bytes of one occur nowhere by chance; the study trains without augmentation, so that what the trainer sees
 * is what the files hold.
 */
import { appendFile, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deserialize } from 'node:v8'
import { systemClock } from '@tessera/shared/clock'
import { silentLog } from '@tessera/shared/log'
import { decodeFrame, encodeFrame } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { listChunks, listHash } from '@tessera/shared/transfer'
import { GRADES } from '@tessera/simulations'
import { runAgent } from '@tessera/site-agent'
import { describe, expect, test } from 'vitest'
import { signPolicy } from '../../site-agent/policy/index.ts'
import { loadSite } from '../../site-agent/session/site-folder.ts'
import { SITES, type SiteName, SMALL_STUDY, smallFederation } from '../support/federation.ts'
import { recordingProxy, type SentBytes } from '../support/recording-proxy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { noisePixels, writePng } from '../support/tile-files.ts'

const SIZE = 32
const WINDOW = 24
const PATIENT = 'smith-john-0042'
const MEAN = [0.485, 0.456, 0.406]
const DEVIATION = [0.229, 0.224, 0.225]

/** Something that must not leave: any of the fragments gives it away. */
interface Secret {
  readonly what: string
  readonly fragments: readonly Uint8Array[]
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const bytesOf = (values: Float32Array | Int32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

/** Windows of `bytes` at steps of `step`, without those that say nothing (all bytes the same). */
function windows(bytes: Uint8Array, step: number, length = WINDOW): Uint8Array[] {
  const starts = Array.from(
    { length: Math.max(0, Math.floor((bytes.length - length) / step)) },
    (_, i) => i * step,
  )
  return starts.map((at) => bytes.slice(at, at + length)).filter((w) => new Set(w).size > 4)
}

const KEY = 8

/** What of `secrets` is in the haystack. One walk through it, however many fragments there are: each is looked up by its first 8 bytes. */
function found(haystack: Buffer, secrets: readonly Secret[]): string[] {
  const there = new Set<string>()
  const byKey = new Map<string, { what: string; fragment: Uint8Array }[]>()
  for (const { what, fragments } of secrets) {
    for (const fragment of fragments) {
      const key = Buffer.from(fragment.subarray(0, KEY)).toString('latin1')
      if (fragment.length < KEY && haystack.includes(Buffer.from(fragment))) there.add(what)
      else byKey.set(key, [...(byKey.get(key) ?? []), { what, fragment }])
    }
  }
  const text = haystack.toString('latin1')
  for (let at = 0; at + KEY <= text.length; at++) {
    for (const { what, fragment } of byKey.get(text.slice(at, at + KEY)) ?? []) {
      if (haystack.subarray(at, at + fragment.length).equals(fragment)) there.add(what)
    }
  }
  return [...there]
}

/** All that was sent, once as it was and once with every part of every signed token decoded from base64url. */
function everyByte(sent: readonly SentBytes[]): Buffer {
  const raw = Buffer.concat(sent.flatMap(({ http, frames }) => [http, ...frames]))
  const tokens = raw.toString('latin1').match(/[A-Za-z0-9_-]{16,}/g) ?? []
  return Buffer.concat([raw, ...tokens.map((part) => Buffer.from(part, 'base64url'))])
}

async function secretsOf(siteDir: string, tiles: string): Promise<Secret[]> {
  const secrets: Secret[] = [
    { what: 'a file name', fragments: [text(PATIENT), text('.png'), text(tiles)] },
    { what: 'a label list', fragments: labelLists() },
  ]
  for (const grade of GRADES) {
    for (const file of await readdir(join(tiles, grade))) {
      const pixels = noisePixels(`${siteDir}/${grade}/${file}`, SIZE)
      const normalised = Float32Array.from(
        pixels,
        (x, i) => (x / 255 - (MEAN[i % 3] ?? 0)) / (DEVIATION[i % 3] ?? 1),
      )
      secrets.push(
        { what: `pixels of a tile`, fragments: windows(pixels, 7) },
        {
          what: `the file of a tile`,
          fragments: windows((await readFile(join(tiles, grade, file))).subarray(41), 101),
        },
        { what: `what the network saw`, fragments: windows(bytesOf(normalised), 4 * 13) },
      )
    }
  }
  const folder = join(siteDir, 'state', 'small')
  const files = (await readdir(folder, { recursive: true })).filter((f) => f.endsWith('.state'))
  expect(files.length).toBeGreaterThan(0)
  for (const file of files) {
    const { state } = deserialize((await readFile(join(folder, file))).subarray(64)) as {
      state: { tensors: Map<string, Float32Array> }
    }
    const queue = state.tensors.get('queue')
    expect(queue?.length).toBe(20 * 16)
    for (const [name, values] of state.tensors) {
      if (name === 'queue' || name.startsWith('velocity.'))
        secrets.push({ what: name, fragments: windows(bytesOf(values), 4 * 3) })
    }
  }
  return secrets
}

/** The site's labels in file order, in the forms a careless message could hold. */
function labelLists(): Uint8Array[] {
  const labels = GRADES.flatMap((_, label) => [label, label, label, label])
  return [
    Uint8Array.from(labels),
    bytesOf(Int32Array.from(labels)),
    text(JSON.stringify(labels)),
    text(labels.join(',')),
  ]
}

/** A number in the forms that a frame can hold it in: MessagePack's big-endian double, and a signed part's text. */
function numberForms(value: number): Uint8Array[] {
  const double = Buffer.alloc(8)
  double.writeDoubleBE(value)
  return [double, text(String(value))]
}

/** A remark that hospital IT may leave in its policy. */
const REMARK = 'Agreed with Dr. Smith of ward 7'

/** Every value inside a decoded frame. */
function values(value: unknown): unknown[] {
  if (value instanceof Uint8Array || value === null || typeof value !== 'object') return [value]
  return [value, ...Object.values(value).flatMap(values)]
}

describe('the search', () => {
  test('finds each kind of secret when it is there', async () => {
    const pixels = noisePixels('planted', SIZE)
    const secrets: Secret[] = [
      { what: 'pixels', fragments: windows(pixels, 7) },
      { what: 'label list', fragments: labelLists() },
      { what: 'name', fragments: [text(PATIENT)] },
      { what: 'loss', fragments: numberForms(1.2345678901234567) },
      { what: 'loss of a signed part', fragments: numberForms(2.345678901234568) },
    ]
    const token = Buffer.from(`{"note":"${PATIENT}","loss":2.345678901234568}`).toString('base64url')
    const sent = [
      {
        http: Buffer.alloc(0),
        frames: [
          Buffer.from(pixels.slice(700, 800)),
          Buffer.from(labelLists()[1] ?? []),
          Buffer.from(token),
          Buffer.from(encodeFrame({ type: 2, nsp: '/', data: ['x', { loss: 1.2345678901234567 }] })),
        ],
      },
    ]
    expect(found(everyByte(sent), secrets)).toEqual([
      'pixels',
      'label list',
      'loss',
      'name',
      'loss of a signed part',
    ])
    expect(found(Buffer.from('nothing of the kind'), secrets)).toEqual([])
  })
})

test('no frame of a whole study holds an image, an embedding, a file name or a label list', async () => {
  const federation = await smallFederation({
    ...SMALL_STUDY,
    training: { ...SMALL_STUDY.training, augment: 'none' },
  })
  const coordinator = await federation.start()
  const run = async (site: SiteName): Promise<{ sent: SentBytes[]; secrets: Secret[]; policy: Buffer }> => {
    const proxy = await recordingProxy(coordinator.port)
    const tiles = join(await temporaryFolder(), 'ward-7')
    const dir = federation.siteDir(site)
    for (const grade of GRADES) {
      await mkdir(join(tiles, grade), { recursive: true })
      for (let i = 0; i < 4; i++) {
        const file = `${PATIENT}-${i}.png`
        await writePng(join(tiles, grade, file), noisePixels(`${dir}/${grade}/${file}`, SIZE), SIZE)
      }
    }
    const coordinatorUrl = `http://127.0.0.1:${proxy.port}`
    const common = {
      study: 'small',
      coordinatorUrl,
      log: silentLog,
      clock: systemClock,
      signal: AbortSignal.timeout(60_000),
    }
    const policyFile = join(dir, 'policy.yaml')
    await appendFile(policyFile, `# ${REMARK}\n`)
    await signPolicy(dir, await loadSite(dir), 1)
    const losses = new Set<number>()
    const outcome = await runAgent({
      dir,
      dataDir: tiles,
      ...common,
      onProgress: (event) => {
        if (event.kind === 'training') losses.add(event.loss)
      },
    })
    expect(outcome).toEqual({ rounds: 2, finished: true })
    const sent = proxy.sent()
    await proxy.close()
    // Four tiles of each class, steps of eight: the policy as enrolment wrote it withholds every loss.
    expect(losses.size).toBeGreaterThan(1)
    const withheld = { what: 'a withheld loss', fragments: [...losses].flatMap(numberForms) }
    const policy = {
      what: 'the policy',
      fragments: [text(REMARK), ...windows(await readFile(policyFile), 31)],
    }
    return {
      sent,
      secrets: [...(await secretsOf(dir, tiles)), withheld, policy],
      policy: await readFile(policyFile),
    }
  }
  const recordings = await Promise.all(SITES.map(run))
  await coordinator.close()

  const secrets = recordings.flatMap((recording) => recording.secrets)
  expect(secrets.length).toBeGreaterThan(100)
  for (const { sent, policy } of recordings) {
    const haystack = everyByte(sent)
    expect(found(haystack, secrets)).toEqual([])
    // Of the policy its hash leaves, and of the metrics the word that they are withheld.
    expect(haystack.includes(`"policyHash":"${sha256Hex(policy)}"`)).toBe(true)
    expect(haystack.includes('"metrics":{"loss":null,"ce":null,"kl":null,"nce":null,"correct":null,')).toBe(
      true,
    )

    // The recording sees what it should: the delta, whole, as the manifest names it.
    const packets = sent
      .flatMap(({ frames }) => frames.filter((f) => (f[0] ?? 0) >= 0x80))
      .map((f) => decodeFrame(f))
    const uploads = packets.filter(({ data }) => Array.isArray(data) && data[0] === 'upload:chunk')
    expect(uploads).toHaveLength(2)
    for (const { data } of uploads) {
      const chunk = values(data).find((value) => value instanceof Uint8Array) as Uint8Array
      expect(haystack.includes(`"payload":"${listHash(listChunks(chunk))}"`)).toBe(true)
    }
    // And bytes or long lists are nowhere else, but the hashes of these chunks: one each.
    const rest = packets.filter((packet) => !uploads.includes(packet)).flatMap(({ data }) => values(data))
    const hashes = uploads.map(({ data }) => {
      const chunk = values(data).find((value) => value instanceof Uint8Array) as Uint8Array
      return sha256Hex(chunk)
    })
    const bytes = rest.filter((value) => value instanceof Uint8Array)
    expect(bytes.map((value) => Buffer.from(value).toString('hex'))).toEqual(hashes)
    expect(rest.filter((value) => Array.isArray(value) && value.length > 2)).toEqual([])
  }
}, 300_000)
