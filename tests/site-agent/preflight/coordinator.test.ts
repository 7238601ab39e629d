import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { generateKeyPair } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { lookAtCoordinator } from '../../../site-agent/preflight/coordinator.ts'
import { loadSite, lockFolder } from '../../../site-agent/session/site-folder.ts'
import { enrolledSite } from '../../support/enrolled-site.ts'
import { miniCoordinator, TINY_STUDY } from '../../support/mini-coordinator.ts'

async function setup(url?: string) {
  const mini = await miniCoordinator()
  const { dir } = await enrolledSite(url ?? mini.url, mini.keys)
  const options = {
    dir,
    site: await loadSite(dir),
    study: 'tiny',
    clock: systemClock,
    signal: AbortSignal.timeout(50_000),
  }
  return { mini, dir, options }
}

describe('lookAtCoordinator()', () => {
  test('joins, compares the clocks, gives the signed study, and leaves; nothing else is said', async () => {
    const { mini, options } = await setup()
    const { findings, study } = await lookAtCoordinator(options)
    expect(findings.map(({ name, status }) => [name, status])).toEqual([
      ['coordinator', 'ok'],
      ['clock', 'ok'],
    ])
    expect(findings[0]?.text).toMatch(/^joined tiny at http:\/\/127\.0\.0\.1:\d+ in \d+ ms, not encrypted$/)
    expect(study).toEqual(TINY_STUDY)
    expect(mini.said.map(({ event }) => event)).toEqual(['key:fetch', 'session:join'])
  })

  test('needs no signed policy: it comes before one is signed', async () => {
    const { dir, options } = await setup()
    await writeFile(join(dir, 'policy.yaml'), 'not read yet')
    expect((await lookAtCoordinator(options)).findings[0]?.status).toBe('ok')
  })

  test('finds a clock that is an hour behind', async () => {
    const { mini, options } = await setup()
    mini.welcome = { changes: { issuedAtMs: Date.now() + 3_600_000 } }
    const { findings } = await lookAtCoordinator(options)
    expect(findings[1]).toMatchObject({ name: 'clock', status: 'fail' })
    expect(findings[1]?.text).toMatch(/^3\d{3}\.\d s behind the coordinator's$/)
  })

  test('says at once that nobody answers, and what to look at', async () => {
    const { options } = await setup('http://127.0.0.1:9')
    const { findings, study } = await lookAtCoordinator(options)
    expect(study).toBeNull()
    expect(findings).toEqual([
      {
        name: 'coordinator',
        status: 'fail',
        text: 'coordinator must answer at http://127.0.0.1:9, got ECONNREFUSED',
        advice: expect.stringContaining('firewall'),
      },
    ])
  })

  test('warns of an address without TLS that is not on this machine', async () => {
    const { mini, options } = await setup()
    const elsewhere = { ...options, coordinatorUrl: 'http://coordinator.example:1' }
    const { dialOver } = await import('../../../site-agent/uplink/socket.ts')
    const { findings } = await lookAtCoordinator({
      ...elsewhere,
      dial: (_, parser) => dialOver()(mini.url, parser),
    })
    expect(findings[0]).toMatchObject({ status: 'warn', advice: expect.stringContaining('https') })
  })

  test('finds a coordinator with another key, and one that refuses the site', async () => {
    const { mini, options } = await setup()
    mini.welcome = { changes: {}, key: await generateKeyPair() }
    expect((await lookAtCoordinator(options)).findings[0]).toMatchObject({
      status: 'fail',
      text: expect.stringContaining('coordinator must sign with the key of the enrolment kit'),
    })
    mini.answers['session:join'] = () => {
      throw new TesseraError('ERR_SITE_REVOKED', 'site must not be revoked, got north')
    }
    expect((await lookAtCoordinator(options)).findings[0]?.text).toBe('site must not be revoked, got north')
  })

  test('leaves an agent alone that runs in the folder', async () => {
    const { mini, dir, options } = await setup()
    await mkdir(dir, { recursive: true })
    const unlock = await lockFolder(dir)
    expect((await lookAtCoordinator(options)).findings[0]?.status).toBe('warn')
    await unlock()
    expect(mini.said).toEqual([])
  })
})
