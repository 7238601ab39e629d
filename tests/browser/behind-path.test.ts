import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { initCoordinator, startCoordinator } from '@tessera/coordinator'
import { systemClock } from '@tessera/shared/clock'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { signInLink } from '../../coordinator/dashboard/index.ts'
import { startBrowser, type TestBrowser } from '../support/browser.ts'
import { hospitalProxy } from '../support/hospital-proxy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let browser: TestBrowser
beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(async () => await browser.close())

describe("the coordinator's page at an address with a path", () => {
  test.each([
    ['takes it off', { strip: '/tessera' }],
    ['passes it on', {}],
    ['passes it on, and no WebSocket', { noWebSocket: true }],
  ] as const)('loads, signs in and is live behind a proxy that %s', async (_, way) => {
    const dir = join(await temporaryFolder(), 'coordinator')
    await initCoordinator({ dir, port: 0 })
    const settings = join(dir, 'coordinator.json')
    const config = JSON.parse(await readFile(settings, 'utf8')) as object
    await writeFile(settings, JSON.stringify({ ...config, url: 'https://fl.example.org/tessera' }))
    const coordinator = await startCoordinator({ dir, port: 0 })
    onTestFinished(() => coordinator.close())
    const proxy = await hospitalProxy({ kind: 'reverse', target: coordinator.port, ...way })
    // Without its last slash, as people type it: the way to the page goes with the path.
    const bare = await fetch(`${proxy.url}/tessera/dashboard`)
    expect([bare.status, bare.url]).toEqual([200, `${proxy.url}/tessera/dashboard/`])

    const who = { role: 'operator', name: 'anna' } as const
    const link = await signInLink(dir, who, systemClock)
    const { page, complaints, close } = await browser.open(`${proxy.url}/tessera/${link}`)
    onTestFinished(close)
    await page.getByText('anna (operator)').waitFor()
    // Comes with the first snapshot, by the live view.
    await page.getByText('No study yet').first().waitFor()
    const asked = proxy.events.flatMap(({ request }) => request ?? [])
    expect(asked).toContain('/tessera/dashboard/live/')
    expect(asked.filter((path) => !path.startsWith('/tessera/'))).toEqual([])
    if (!('noWebSocket' in way)) expect(complaints).toEqual([])
  })
})
