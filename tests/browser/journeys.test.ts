import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { initCoordinator, listSites } from '@tessera/coordinator'
import { studyMetrics } from '@tessera/coordinator/studies'
import { systemClock } from '@tessera/shared/clock'
import { GRADES } from '@tessera/simulations'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startBrowser, type TestBrowser, type TestPage } from '../support/browser.ts'
import { startProcess } from '../support/coordinator-process.ts'
import { additiveTrainer } from '../support/enrolled-site.ts'
import {
  drawDividedTiles,
  HELD_OUT,
  SITES,
  SMALL_STUDY,
  type SmallFederation,
  smallFederation,
} from '../support/federation.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { tesseraProcess } from '../support/tessera-process.ts'

/** Nobody is left out for standing still while the page is looked at. */
const PATIENT_STUDY = { ...SMALL_STUDY, federation: { ...SMALL_STUDY.federation, deadlineMs: 600_000 } }

/** Ends what hangs: each starts several processes, one after the other. */
const JOURNEY_MS = 180_000
let browser: TestBrowser
beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(async () => await browser.close())

/** Makes a link as the operator does, and opens it. */
async function signIn(dir: string, url: string): Promise<TestPage> {
  const link = tesseraProcess(
    'coordinator',
    'dashboard',
    'link',
    '--dir',
    dir,
    '--name',
    'anna',
    '--url',
    url,
  )
  await link.done
  const shown = await browser.open(link.lines[0] ?? '')
  onTestFinished(shown.close)
  await shown.page.getByText('anna (operator)').waitFor()
  return shown
}

/** Agents of all sites; the training of those that are held stands still until they are let go on. */
function heldAgents(federation: SmallFederation, url: string, holds: readonly string[] = SITES) {
  let letGo = (): void => undefined
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const during = async (_: number, signal: AbortSignal | undefined): Promise<void> => {
    const stopped = new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))
    await Promise.race([held, stopped])
  }
  const outcomes = SITES.map((site) => {
    const log = holds.includes(site) ? { rounds: [], during } : { rounds: [] }
    return federation.agent(site, url, { createTrainer: additiveTrainer(log) })
  })
  return { letGo, outcomes: Promise.all(outcomes) }
}

const heading = async (page: Page): Promise<string | null> => await page.locator('h1').textContent()
const act = async (page: Page, open: string, confirm: string): Promise<void> => {
  await page.getByRole('button', { name: open }).click()
  await page.getByRole('dialog').getByRole('button', { name: confirm, exact: true }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
}

describe('an operator', { timeout: JOURNEY_MS }, () => {
  test('watches a round, also through a killed coordinator, to the verified and exported student', async () => {
    const federation = await smallFederation(PATIENT_STUDY)
    const first = await startProcess(federation.dir)
    const port = new URL(first.url).port
    const { page } = await signIn(federation.dir, first.url)
    const { letGo, outcomes } = heldAgents(federation, first.url)
    await expect.poll(() => heading(page)).toMatch(/^All well: round 1 of 2, 3 of 3 sites training/)
    await page.getByRole('link', { name: 'Open small' }).click()
    const rows = page.getByRole('group', { name: 'Sites in this round' }).locator('tbody tr')
    await expect
      .poll(async () => (await rows.allTextContents()).filter((row) => row.includes('Training')))
      .toHaveLength(3)

    first.child.kill('SIGKILL')
    await page.getByRole('alert').getByText('Cut off from the coordinator').waitFor()
    await startProcess(federation.dir, '--port', port)
    await page.getByText('Live', { exact: true }).waitFor()
    // Who was signed in still is, and sees the sites come back; they tell nothing new while they stand still.
    await expect
      .poll(async () => (await rows.allTextContents()).filter((row) => !row.includes('away')))
      .toHaveLength(3)

    letGo()
    expect(await outcomes).toEqual(SITES.map(() => ({ rounds: 2, finished: true })))
    await page.getByText('Finished', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'Results' }).click()
    // Three sites of a dozen tiles tell none.
    await page.getByText('No site tells its loss').waitFor()

    await page.getByRole('link', { name: 'Ledger' }).click()
    await act(page, 'Verify…', 'Verify')
    await page.getByText('The ledger holds.').waitFor()

    await page.getByRole('link', { name: 'Results' }).click()
    await act(page, 'Export…', 'Export')
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: /safetensors$/ }).click()
    const exported = await readFile(await (await download).path())
    await federation.result()
    expect(exported).toEqual(await readFile(join(federation.root, 'export', 'student.safetensors')))
  })

  test('reads how good each student is, by class and by site, as the sites have counted it', async () => {
    const federation = await smallFederation({ ...PATIENT_STUDY, judging: {} })
    const { url } = await startProcess(federation.dir)
    const { page, complaints } = await signIn(federation.dir, url)
    const held = [await drawDividedTiles(federation, 'north'), await drawDividedTiles(federation, 'south')]
    const outcomes = SITES.map((site, i) =>
      federation.agent(site, url, {
        dataDir: held[i] ?? federation.tilesDir(site),
        createTrainer: additiveTrainer({ rounds: [] }),
      }),
    )
    await Promise.all(outcomes)
    const { rounds, best } = await studyMetrics({ dir: federation.dir, study: 'small' })
    const judged = rounds.find(({ round }) => round === best?.round)
    if (judged === undefined || judged.pooled === null) throw new Error('internal: a student must be judged')

    await page.goto(`${url}/dashboard/#/studies/small/results`)
    await page.getByText(`Student of round ${judged.round};`).waitFor()
    const cells = async (table: string, row: RegExp): Promise<string[]> =>
      await page
        .getByRole('group', { name: table })
        .getByRole('row', { name: row })
        .getByRole('cell')
        .allTextContents()
    // Two sites hold out as many tiles of each class; the third has none.
    for (const grade of GRADES)
      expect((await cells('Classes', new RegExp(`^${grade}`)))[0]).toBe(String(2 * HELD_OUT))
    const matrix = page.getByRole('table', { name: 'Confusion matrix of all sites' })
    const counted = await matrix
      .locator('tbody tr')
      .evaluateAll((rows) =>
        rows.map((row) =>
          [...row.querySelectorAll('td')].map((cell) => Number(cell.firstChild?.textContent)),
        ),
      )
    expect(counted.map((row) => row.slice(0, GRADES.length))).toEqual(judged.pooled.counts)
    const bySite = `Student of round ${judged.round} at each site`
    expect((await cells(bySite, /^north/))[0]).toBe(String(HELD_OUT * GRADES.length))
    expect((await cells(bySite, /^west/)).at(-1)).toBe('no tiles of this part')
    const scores = judged.sites.map(({ site, counted }) => [site, counted?.scores.balancedAccuracy] as const)
    const row = await cells('Every judged student at every site', new RegExp(`^${judged.round}`))
    for (const [i, site] of ['north', 'south'].entries()) {
      expect(row[i + 1]).toBe(scores.find(([name]) => name === site)?.[1]?.toFixed(3))
    }
    expect(complaints).toEqual([])
  })

  test('closes a round without the last site, pauses, resumes and cancels', async () => {
    const federation = await smallFederation(PATIENT_STUDY)
    const { url } = await startProcess(federation.dir)
    const { page, complaints } = await signIn(federation.dir, url)
    const { outcomes } = heldAgents(federation, url, ['west'])
    await page.goto(`${url}/dashboard/#/studies/small`)
    // Two have delivered, which is a quorum.
    await act(page, 'Close the round…', 'Close the round')
    await page.getByRole('heading', { name: 'Round 2' }).waitFor()
    await act(page, 'Pause…', 'Pause')
    await page.getByText('Paused', { exact: true }).waitFor()
    await act(page, 'Resume…', 'Resume')
    await page.getByText('Round open', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Cancel study…' }).click()
    await page.getByRole('dialog').getByRole('textbox').fill('small')
    await page.getByRole('button', { name: 'Cancel the study' }).click()
    await page.getByText('Cancelled', { exact: true }).waitFor()
    for (const { finished } of await outcomes) expect(finished).toBe(false)
    expect(complaints).toEqual([])
  })

  test('invites a site, approves it by the fingerprint that it says, and revokes it', async () => {
    const root = await temporaryFolder()
    const dir = join(root, 'coordinator')
    // A kit has the address, so it is known before.
    const port = await freePort()
    await initCoordinator({ dir, port })
    const { url } = await startProcess(dir, '--port', String(port))
    const { page } = await signIn(dir, url)
    await page.goto(`${url}/dashboard/#/sites`)
    await page.getByRole('button', { name: 'Invite a site' }).click()
    await page.getByRole('textbox', { name: 'Name of the site' }).fill('east')
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Write the kit' }).click()
    const kit = join(root, 'east-kit.json')
    await (await download).saveAs(kit)

    const site = join(root, 'east')
    const enrolling = tesseraProcess('site', 'enroll', kit, '--dir', site, '--accept-policy')
    await enrolling.done
    await page.getByRole('link', { name: 'east' }).click()
    await page.getByText('To be approved', { exact: true }).first().waitFor()
    const [heard] = await listSites({ dir, clock: systemClock })
    // What the operator types is what the site's own program has said.
    expect(enrolling.lines.join('\n')).toContain(heard?.fingerprint ?? 'no key')
    await page.getByRole('button', { name: 'Approve…' }).click()
    await page
      .getByRole('dialog')
      .getByRole('textbox')
      .fill(heard?.fingerprint ?? '')
    await page.getByRole('button', { name: 'Approve', exact: true }).click()
    await page.getByText('Offline', { exact: true }).first().waitFor()
    await page.getByRole('button', { name: 'Revoke…' }).click()
    await page.getByRole('dialog').getByRole('textbox').fill('east')
    await page.getByRole('button', { name: 'Revoke the site' }).click()
    await page.getByText('Revoked', { exact: true }).first().waitFor()
  })

  test('creates a study with the form', async () => {
    const federation = await smallFederation({ ...SMALL_STUDY, method: { name: 'ce' }, teacher: undefined })
    const { url } = await startProcess(federation.dir)
    const { page } = await signIn(federation.dir, url)
    await page.goto(`${url}/dashboard/#/new-study`)
    await page.getByLabel('Name', { exact: true }).fill('second')
    await page.getByLabel('Seed').fill('second-2026')
    await page.getByLabel('Classes').fill('benign\ncancer')
    await page.getByLabel('Side in pixels').fill('32')
    await page.getByLabel('Rounds', { exact: true }).first().fill('3')
    await page.getByRole('combobox', { name: 'Method' }).selectOption({ label: 'ce' })
    await page.getByRole('button', { name: 'Create the study' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Create the study' }).click()
    await expect.poll(() => heading(page)).toBe('second')
    await page.getByText('Waiting for sites', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'Plan' }).click()
    await page.getByText('second-2026').waitFor()
  })
})
