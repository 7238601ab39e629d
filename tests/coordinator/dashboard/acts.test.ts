import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { listSites, startCoordinator } from '@tessera/coordinator'
import { createLog } from '@tessera/shared/log'
import { encodeSafetensors, initialWeights, studentLayout } from '@tessera/shared/model'
import { study as studySchema } from '@tessera/shared/protocol'
import { generateKeyPair, parseKit, sha256Hex } from '@tessera/shared/security'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type FakeClock, fakeClock } from '../../support/fake-clock.ts'
import { federation, wholeRound } from '../federation.ts'
import { connect, coordinatorFolder, enrol, TINY_STUDY } from '../raw-site.ts'
import { browser, liveOf, signedIn } from './signed-in.ts'

interface Alone {
  readonly dir: string
  readonly url: string
  readonly clock: FakeClock
  /** Lines of its log. */
  readonly log: Record<string, unknown>[]
}

/** A coordinator without sites. */
async function alone(): Promise<Alone> {
  const [dir, clock, log] = [await coordinatorFolder(), fakeClock(), [] as Record<string, unknown>[]]
  const write = (line: string): void => void log.push(JSON.parse(line) as Record<string, unknown>)
  const coordinator = await startCoordinator({ dir, port: 0, clock, log: createLog(write, clock) })
  onTestFinished(() => coordinator.close())
  return { dir, url: coordinator.url, clock, log }
}

describe('an act about sites', () => {
  test('invites, approves by fingerprint, withdraws and revokes, as the verbs do', async () => {
    const { dir, url, clock, log } = await alone()
    const operator = await signedIn({ dir, url, clock })
    const { body } = await operator.post('api/sites/west/invite', { days: 3 })
    expect(body).toMatchObject({ file: 'west-kit.json', expiresAtMs: clock.now() + 3 * 24 * 3600 * 1000 })
    const kit = parseKit(String(body.kit))
    // Its secret is in the answer only.
    expect(await readdir(join(dir, 'dashboard', 'kits'))).toEqual([])
    const [pair, { socket }] = [await generateKeyPair(), await connect(url)]
    await enrol(socket, kit, pair)
    const [west] = await listSites({ dir, clock })
    const print = west?.fingerprint ?? ''
    const wrong = await operator.post('api/sites/west/approve', { fingerprint: '0000 0000' })
    expect([wrong.status, wrong.body.code]).toEqual([403, 'ERR_FINGERPRINT'])
    expect((await operator.post('api/sites/west/approve', { fingerprint: print })).status).toBe(200)
    expect((await listSites({ dir, clock }))[0]?.state).toBe('enrolled')
    expect((await operator.post('api/sites/west/revoke')).status).toBe(200)
    expect((await listSites({ dir, clock }))[0]?.state).toBe('revoked')
    await operator.post('api/sites/east/invite')
    expect((await operator.post('api/sites/east/withdraw')).status).toBe(200)
    expect((await listSites({ dir, clock }))[0]).toMatchObject({ site: 'east', state: 'lapsed' })

    const said = log.filter(({ event }) => String(event).startsWith('operator.'))
    expect(said.map(({ event, act, site, operator, code }) => [event, act, site, operator, code])).toEqual([
      ['operator.signed-in', undefined, undefined, 'ada', undefined],
      ['operator.acted', 'invite', 'west', 'ada', undefined],
      ['operator.refused', 'approve', 'west', 'ada', 'ERR_FINGERPRINT'],
      ['operator.acted', 'approve', 'west', 'ada', undefined],
      ['operator.acted', 'revoke', 'west', 'ada', undefined],
      ['operator.acted', 'invite', 'east', 'ada', undefined],
      ['operator.acted', 'withdraw', 'east', 'ada', undefined],
    ])
    expect(JSON.stringify(log)).not.toContain(kit.secret)
  })

  test('about a site that is no name is refused before anything is done', async () => {
    const { dir, url, clock } = await alone()
    const operator = await signedIn({ dir, url, clock })
    const { status, body } = await operator.post('api/sites/..%2f..%2fetc/invite')
    expect([status, body.code]).toEqual([400, 'ERR_USAGE'])
  })
})

/** Three processes, one after the other, on a machine that has others to do: this ends what hangs. */
const HEAVY_MS = 180_000

describe('an act about a study', () => {
  test('pauses, resumes, closes the round and cancels, at once', async () => {
    const running = await federation()
    const { url, north, coordinator } = running
    const operator = await signedIn(running)
    await operator.post('api/studies/tiny/pause')
    expect(coordinator.progress()[0]?.paused).toBe(true)
    await operator.post('api/studies/tiny/resume')
    expect(coordinator.progress()[0]?.paused).toBe(false)
    await wholeRound([north], [0.01])
    expect((await operator.post('api/studies/tiny/close-round')).body).toEqual({ round: 1, attempt: 1 })
    expect((await north.published()).round).toBe(1)
    await operator.post('api/studies/tiny/cancel')
    expect(coordinator.progress()[0]?.phase).toBe('cancelled')
    const unknown = await browser(url, operator.cookie).post('api/studies/other/pause')
    expect([unknown.status, unknown.body.code]).toEqual([404, 'ERR_STUDY_UNKNOWN'])
  })

  test(
    'creates one with an uploaded student, exports it and verifies its ledger, in a process of their own',
    async () => {
      const running = await federation()
      const { url, north, south } = running
      const operator = await signedIn(running)
      const view = await liveOf(url, operator)
      await view.snapshots.next()

      const schema = (await operator.get('api/study-schema')).body
      expect(schema).toMatchObject({ type: 'object', properties: { classes: { type: 'array' } } })
      const study = {
        ...TINY_STUDY,
        id: 'second',
        student: { ...TINY_STUDY.student, initial: 'file' as const },
      }
      const layout = studentLayout(studySchema.parse(study))
      const file = encodeSafetensors(layout, initialWeights(layout, 'uploaded'))
      const response = await fetch(`${url}/dashboard/api/uploads`, {
        method: 'POST',
        headers: { origin: url, 'content-type': 'application/octet-stream', cookie: operator.cookie },
        body: Buffer.from(file),
      })
      const { upload, ...uploaded } = (await response.json()) as { upload: string }
      expect(uploaded).toEqual({ bytes: file.byteLength, sha256: sha256Hex(file) })
      const refused = await operator.post('api/studies', {
        study: { ...study, classes: [] },
        student: upload,
      })
      expect([refused.status, refused.body.code]).toEqual([400, 'ERR_STUDY_INVALID'])
      const made = await operator.post('api/studies', { study, student: upload })
      expect(made.body).toMatchObject({ study: 'second', warnings: expect.any(Array) })
      expect(running.coordinator.progress().map(({ study }) => study)).toEqual(['tiny', 'second'])

      await wholeRound([north, south], [0.01, 0.02])
      const { student } = await north.published()
      const exported = await operator.post('api/studies/tiny/export', { format: 'safetensors' })
      expect(exported.body).toMatchObject({ round: 1 })
      const files = exported.body.files as { name: string; bytes: number }[]
      expect(files.map(({ name }) => name)).toEqual([
        'student.safetensors',
        'model-card.json',
        'model-card.md',
      ])
      const where = `${url}/dashboard/api/exports/${String(exported.body.export)}`
      const cookie = { cookie: operator.cookie }
      const down = await fetch(`${where}/student.safetensors`, { headers: cookie })
      expect(down.headers.get('content-disposition')).toBe('attachment; filename="student.safetensors"')
      expect(sha256Hex(new Uint8Array(await down.arrayBuffer()))).toBe(student)
      for (const name of ['..%2f..%2fcoordinator.json', '%2e%2e%2fx.json', 'nothing.json']) {
        expect((await fetch(`${where}/${name}`, { headers: cookie })).status).toBe(404)
      }

      await operator.post('api/studies/tiny/verify')
      const answer = async (): Promise<unknown> => {
        running.clock.advance(3000) // a page may ask for a snapshot every two seconds
        view.socket.emit('resync')
        return (await view.snapshots.next()).studies.tiny?.verification
      }
      await expect.poll(answer, { interval: 500 }).toMatchObject({
        state: 'holds',
        sentence: expect.stringMatching(/^1 rounds? verified, 1 computed again/),
      })
    },
    HEAVY_MS,
  )
})
