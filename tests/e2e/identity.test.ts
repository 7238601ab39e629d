import { copyFile, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  approve,
  createStudy,
  initCoordinator,
  invite,
  rotateCoordinatorKey,
  startCoordinator,
} from '@tessera/coordinator'
import { openLedgers, verifyLedger } from '@tessera/coordinator/ledger'
import { systemClock } from '@tessera/shared/clock'
import { createLog } from '@tessera/shared/log'
import { checkReceiptProof, fingerprint, loadPrivateKey, parseReceiptProof } from '@tessera/shared/security'
import { enroll, rotateSiteKey, runAgent, siteProof } from '@tessera/site-agent'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadSite } from '../../site-agent/session/site-folder.ts'
import { additiveTrainer } from '../support/enrolled-site.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { noiseFolder } from '../support/tile-files.ts'

const CLASSES = ['normal', 'tumor'] as const

interface Options {
  readonly rounds?: number
  readonly tls?: boolean
  readonly autoApprove?: boolean
}

/** A coordinator with one study for one site, and that site: real agent, real sockets, training that costs nothing. */
async function federation({ rounds = 1, tls = false, autoApprove = true }: Options = {}) {
  const root = await temporaryFolder()
  const dir = join(root, 'coordinator')
  await initCoordinator({ dir, port: 0, ...(tls ? { tls: { self: true } } : {}) })
  await createStudy({
    dir,
    study: {
      id: 'tiny',
      seed: 'identity',
      classes: CLASSES,
      tile: { sizePx: 16 },
      student: { widthMultiplier: 0.1, depthMultiplier: 0.1 },
      method: { name: 'ce' },
      training: { rounds, batchSize: 4 },
      federation: { minSites: 1, quorum: 1, deadlineMs: 60_000 },
    },
  })
  const start = async (port = 0) => {
    const coordinator = await startCoordinator({ dir, port })
    onTestFinished(() => coordinator.close())
    return coordinator
  }
  const coordinator = await start()
  const { file } = await invite({ dir, site: 'north', url: coordinator.url, autoApprove })
  const siteDir = join(root, 'north')
  const lines: string[] = []
  const log = createLog((line) => lines.push(line), systemClock)
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const around = { dir: siteDir, log, clock: systemClock, signal: stop.signal }
  const identity = await enroll({ ...around, kitFile: file, acceptPolicy: true })
  const dataDir = await noiseFolder({ normal: 6, tumor: 6 }, 16)
  const events: string[] = []
  const agent = (training: Parameters<typeof additiveTrainer>[0] = { rounds: [] }) => {
    const outcome = runAgent({
      ...around,
      dataDir,
      study: 'tiny',
      createTrainer: additiveTrainer(training),
      onProgress: ({ kind }) => events.push(kind),
    })
    outcome.catch(() => undefined)
    return outcome
  }
  return { dir, siteDir, coordinator, start, agent, around, lines, events, identity }
}

describe('a site that is not approved', () => {
  test('waits with one line that says what to do, and goes on by itself once it is approved', async () => {
    const { dir, agent, lines, identity } = await federation({ autoApprove: false })
    const outcome = agent()
    await expect.poll(() => lines.join('')).toContain('ERR_SITE_PENDING')
    const waiting = lines.filter((line) => line.includes('coordinator.waiting'))
    expect(waiting).toHaveLength(1)
    expect(waiting[0]).toContain(`tell the operator its fingerprint ${fingerprint(identity.publicKey)}`)
    await approve({ dir, site: 'north', fingerprint: fingerprint(identity.publicKey) })
    expect(await outcome).toEqual({ rounds: 1, finished: true })
    expect(lines.filter((line) => line.includes('coordinator.waiting'))).toHaveLength(1)
  })
})

describe("the coordinator's key is replaced between two rounds", () => {
  test('the agent follows it, says both fingerprints, and the ledger goes on', async () => {
    const { dir, siteDir, coordinator, start, agent, lines } = await federation({ rounds: 2 })
    let rotated: Promise<{ from: string; to: string }> | null = null
    const outcome = agent({
      rounds: [],
      async during(round) {
        if (round !== 2) return
        rotated = coordinator.close().then(() => rotateCoordinatorKey({ dir }))
        await rotated
        await start(coordinator.port)
      },
    })
    expect(await outcome).toEqual({ rounds: 2, finished: true })
    const { from, to } = await (rotated as unknown as Promise<{ from: string; to: string }>)
    const said = lines.find((line) => line.includes('coordinator.key-changed'))
    expect(said).toContain(`it was ${from}, it is ${to}`)
    const { coordinator: known, coordinatorKey } = await loadSite(siteDir)
    expect(fingerprint(known.current())).toBe(to)
    expect(fingerprint(coordinatorKey)).toBe(from)
    const [ledger] = await openLedgers(dir)
    if (ledger === undefined) throw new Error('a ledger must be there')
    expect(await verifyLedger(ledger)).toMatchObject({ rounds: 2, recomputed: 2, final: true })
    // The proof of round 1 hangs on the old key, that of round 2 on the new one.
    for (const round of [1, 2]) {
      const proof = parseReceiptProof(JSON.stringify(await siteProof({ dir: siteDir, study: 'tiny', round })))
      expect((await checkReceiptProof(proof)).receipt.round).toBe(round)
    }
  })

  test('a coordinator that has forgotten the change is not believed any more', async () => {
    const { dir, coordinator, start, agent } = await federation({ rounds: 2 })
    const changes = join(dir, 'keys', 'key-changes.json')
    const [key, kept] = [join(dir, 'keys', 'coordinator.jwk'), join(dir, 'kept.jwk')]
    await copyFile(key, kept)
    const outcome = agent({
      rounds: [],
      async during(round, signal) {
        if (round !== 2) return
        await coordinator.close()
        await rotateCoordinatorKey({ dir })
        const second = await start(coordinator.port)
        await expect.poll(() => second.progress()[0]?.sites.some(({ connected }) => connected)).toBe(true)
        await second.close()
        // An old backup.
        await rename(kept, key)
        await rm(changes)
        await start(coordinator.port)
        await new Promise<void>((resolve) => {
          if (signal?.aborted) resolve()
          signal?.addEventListener('abort', () => resolve())
        })
      },
    })
    await expect(outcome).rejects.toMatchObject({ code: 'ERR_COORDINATOR_KEY' })
  })
})

describe('rotateSiteKey()', () => {
  test('replaces the key on both sides: the study goes on, the old key is of no use', async () => {
    const { dir, siteDir, coordinator, agent, around, identity } = await federation()
    const old = join(dir, 'stolen.jwk')
    await copyFile(join(siteDir, 'keys', 'site.jwk'), old)
    const { from, to } = await rotateSiteKey(around)
    expect(from).toBe(identity.publicKey)
    expect((await loadSite(siteDir)).keys.publicKey).toBe(to)
    expect((await loadPrivateKey(join(siteDir, 'keys', 'site.jwk'))).publicKey).toBe(to)
    expect(await agent()).toEqual({ rounds: 1, finished: true })
    await coordinator.ended
    const [ledger] = await openLedgers(dir)
    if (ledger === undefined) throw new Error('a ledger must be there')
    expect([...((await verifyLedger(ledger)).keys.get('north') ?? [])]).toEqual([to])
  })

  test('cut off before the answer, it is finished with the same key', async () => {
    const { siteDir, around, agent } = await federation()
    const [file, next] = ['site.jwk', 'site.next.jwk'].map((name) => join(siteDir, 'keys', name)) as [
      string,
      string,
    ]
    const kept = { key: join(siteDir, 'kept.jwk'), identity: join(siteDir, 'kept.json') }
    await copyFile(file, kept.key)
    await copyFile(join(siteDir, 'site.json'), kept.identity)
    const { to } = await rotateSiteKey(around)
    // As it was when the coordinator had taken the key in, and the site had not heard of it.
    await rename(file, next)
    await rename(kept.key, file)
    await rename(kept.identity, join(siteDir, 'site.json'))
    expect((await rotateSiteKey(around)).to).toBe(to)
    expect(await agent()).toMatchObject({ finished: true })
  })

  test('cut off after the identity was written, the next start puts the key in its place', async () => {
    const { siteDir, around } = await federation()
    const [file, next] = ['site.jwk', 'site.next.jwk'].map((name) => join(siteDir, 'keys', name)) as [
      string,
      string,
    ]
    await copyFile(file, join(siteDir, 'kept.jwk'))
    const { to } = await rotateSiteKey(around)
    await rename(file, next)
    await rename(join(siteDir, 'kept.jwk'), file)
    expect((await loadSite(siteDir)).keys.publicKey).toBe(to)
    expect((await loadPrivateKey(file)).publicKey).toBe(to)
    await expect(loadPrivateKey(next)).rejects.toMatchObject({ code: 'ERR_KEY_FILE' })
  })
})

describe('TLS with a pin', () => {
  test('carries a whole study, and an address that goes round it is refused', async () => {
    const { agent, coordinator, siteDir, around } = await federation({ tls: true })
    expect(coordinator.url).toMatch(/^https:/)
    expect(await agent()).toEqual({ rounds: 1, finished: true })
    expect(await readFile(join(siteDir, 'site.json'), 'utf8')).toContain('"pin"')
    const plain = runAgent({
      ...around,
      dataDir: '.',
      study: 'tiny',
      coordinatorUrl: 'http://fl.example.org',
    })
    await expect(plain).rejects.toMatchObject({ code: 'ERR_TLS_REQUIRED' })
  })
})
