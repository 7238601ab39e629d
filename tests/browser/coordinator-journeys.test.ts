import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createStudy, initCoordinator } from '@tessera/coordinator'
import { fingerprint, generateKeyPair, type KeyPair, parseKit } from '@tessera/shared/security'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { connect, deltaOf, enrol, joined, type RawSite, TINY_STUDY } from '../coordinator/raw-site.ts'
import { startBrowser, type TestBrowser } from '../support/browser.ts'
import { startProcess } from '../support/coordinator-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const TESSERA = fileURLToPath(new URL('../../cli/tessera.mjs', import.meta.url))

let browser: TestBrowser
beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(async () => await browser.close())

/** Confirms the question that is open. */
const confirm = (page: Page, name: string): Promise<void> =>
  page.getByRole('dialog').getByRole('button', { name, exact: true }).click()

/** Invites a site on the page, and enrols it with the kit that the browser has got. */
async function invited(page: Page, url: string, site: string): Promise<KeyPair> {
  await page.goto(`${url}/dashboard/#/sites`)
  await page.getByRole('button', { name: 'Invite a site' }).click()
  await page.getByRole('textbox', { name: 'Name of the site' }).fill(site)
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Write the kit' }).click()
  const kit = parseKit(await readFile(await (await download).path(), 'utf8'))
  const [pair, { socket }] = [await generateKeyPair(), await connect(url)]
  await enrol(socket, kit, pair)
  socket.disconnect()
  return pair
}

async function approved(page: Page, url: string, site: string, { publicKey }: KeyPair): Promise<void> {
  await page.goto(`${url}/dashboard/#/sites/${site}`)
  await page.getByRole('button', { name: 'Approve…' }).click()
  await page.getByRole('textbox').fill(fingerprint(publicKey))
  await confirm(page, 'Approve')
  await page.getByText(`${site} is approved.`).waitFor()
}

async function deliver(site: RawSite, value: number): Promise<void> {
  const bytes = deltaOf(value)
  await site.deliver(await site.manifest(await site.offer(), bytes, { samples: 1 }), bytes)
}

test('an operator signs in, invites and approves, watches a round, closes it and verifies; through a crash of the coordinator', async () => {
  const dir = await temporaryFolder()
  await initCoordinator({ dir })
  await createStudy({ dir, study: TINY_STUDY })
  const first = await startProcess(dir)
  const { url, publicKey } = first
  const args = ['coordinator', 'dashboard', 'link', '--dir', dir, '--url', url, '--name', 'ada']
  const { stdout } = await promisify(execFile)(process.execPath, [TESSERA, ...args])
  const { page, complaints, close } = await browser.open(stdout.trim())
  onTestFinished(close)
  await page.getByText('ada (operator)').waitFor()

  const keys = { north: await invited(page, url, 'north'), south: await invited(page, url, 'south') }
  for (const site of ['north', 'south'] as const) await approved(page, url, site, keys[site])
  const north = await joined(url, publicKey, 'north', keys.north)
  await joined(url, publicKey, 'south', keys.south)
  await page.goto(`${url}/dashboard/#/studies/tiny`)
  const row = page.getByRole('row', { name: /north/ })
  await expect.poll(() => row.textContent()).toContain('Offered')
  await deliver(north, 0.01)
  await expect.poll(() => row.textContent()).toContain('Accepted')

  first.child.kill('SIGKILL')
  await page.getByRole('alert').getByText('Cut off from the coordinator').waitFor()
  await startProcess(dir, '--port', new URL(url).port)
  // Without signing in again: the session is the coordinator's, not the process's.
  await expect.poll(() => page.getByText('Cut off').count()).toBe(0)
  await expect.poll(() => row.textContent()).toContain('Accepted')
  const back = await joined(url, publicKey, 'north', keys.north)
  await page.getByRole('button', { name: 'Close the round…' }).click()
  await confirm(page, 'Close the round')
  await page.getByText('The round of tiny is closed.').waitFor()
  expect((await back.published()).contributors.map(({ site }) => site)).toEqual(['north'])

  await page.goto(`${url}/dashboard/#/studies/tiny/ledger`)
  await page.getByRole('button', { name: /^Verify/ }).click()
  await confirm(page, 'Verify')
  await page.getByText(/1 rounds? verified, 1 computed again to the bit/).waitFor()
  // What the browser itself says of a server that is gone is none of the page's.
  expect(complaints.filter((text) => !/ERR_CONNECTION_REFUSED|WebSocket|Failed to load/.test(text))).toEqual(
    [],
  )
}, 180_000)
