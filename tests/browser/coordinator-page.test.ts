import { study } from '@tessera/shared/protocol'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startBrowser, type TestBrowser, type TestPage } from '../support/browser.ts'
import { coordinatorView, memberRow, siteRow, studyRow } from '../support/coordinator-view.ts'
import { OPERATOR, type PageServer, type PageServerOptions, servePage } from '../support/page-server.ts'

let browser: TestBrowser
const open: (() => Promise<void>)[] = []
beforeAll(async () => {
  browser = await startBrowser()
})
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})
afterAll(async () => await browser.close())

async function show(
  hash: string,
  options: Partial<PageServerOptions> = {},
): Promise<TestPage & { server: PageServer }> {
  const server = await servePage({ view: coordinatorView(5), ...options })
  const shown = await browser.open(`${server.url}${hash}`)
  open.push(shown.close, server.close)
  return { ...shown, server }
}

const pending = (): PageServerOptions['view'] => {
  const view = coordinatorView(5)
  return { ...view, sites: { ...view.sites, leeds: siteRow('leeds', 2, { state: 'pending', online: [] }) } }
}

describe('the page', () => {
  test('says in its first line whether all is well, and changes it as things change', async () => {
    const { page, server } = await show('#/')
    await expect
      .poll(() => page.locator('h1').textContent())
      .toBe('All well: round 7 of 20, 4 of 5 sites training, 4 min left')
    const colon = studyRow({ alarms: [{ site: 'radboud', rounds: 3 }] })
    server.change({ number: 2, studies: { set: { colon } } })
    await expect
      .poll(() => page.locator('h1').textContent())
      .toBe('1 alarm: radboud left out of 3 rounds running')
  })
  test('shows a site on its way through the round', async () => {
    const { page, server } = await show('#/studies/colon')
    const row = page.getByRole('row', { name: /amsterdam/ })
    await expect.poll(() => row.textContent()).toContain('Training')
    server.change({ number: 2, members: { set: { amsterdam: memberRow('amsterdam', 2) } } })
    await expect.poll(() => row.textContent()).toContain('16.4 MB received')
  })
  test('after a gap asks for the whole and shows it', async () => {
    const { page, server } = await show('#/studies/colon')
    await page.getByRole('row', { name: /amsterdam/ }).waitFor()
    server.show(coordinatorView(5, { number: 9, studies: { colon: studyRow({ round: 8 }) } }))
    server.change({ number: 7 })
    await page.getByRole('heading', { name: 'Round 8' }).waitFor()
  })
  test('cut off says so, keeps what it has, and comes back by itself', async () => {
    const { page, server } = await show('#/studies/colon')
    await page.getByRole('row', { name: /amsterdam/ }).waitFor()
    server.cut()
    await page.getByRole('alert').getByText('Cut off from the coordinator').waitFor()
    expect(await page.getByRole('row', { name: /amsterdam/ }).count()).toBe(1)
    server.show(coordinatorView(5, { studies: { colon: studyRow({ round: 9 }) } }))
    server.back()
    await page.getByRole('heading', { name: 'Round 9' }).waitFor()
    expect(await page.getByText('Cut off').count()).toBe(0)
    // Also what only who watches the study is told.
    await page.getByRole('row', { name: /amsterdam/ }).waitFor()
  })
  test('whose session has ended asks to sign in', async () => {
    const { page } = await show('#/', { session: null })
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  })
  test('takes a one-time link, and out of its address', async () => {
    const { page } = await show('#sign-in=good', { session: null })
    await page.getByText('anna (operator)').waitFor()
    expect(new URL(page.url()).hash).toBe('#/')
  })
})

describe('an act', () => {
  test('approving wants the fingerprint as heard, which the page does not show', async () => {
    const { page, server } = await show('#/sites/leeds', { view: pending() })
    const { fingerprint } = siteRow('leeds', 2)
    await page.getByRole('button', { name: 'Approve…' }).click()
    expect(await page.getByText(String(fingerprint)).count()).toBe(0)
    await page.getByRole('textbox').fill('0a1b 2c3d 4e5f 6071 8293 a4b5 c6d7 e8f9')
    await page.getByRole('button', { name: 'Approve', exact: true }).click()
    await page.getByText('This is not the fingerprint').waitFor()
    expect(server.acts).toEqual([])
    const heard = String(fingerprint).toUpperCase().replaceAll(' ', '')
    await page.getByRole('textbox').fill(heard)
    await page.getByRole('button', { name: 'Approve', exact: true }).click()
    await page.getByText('leeds is approved.').waitFor()
    expect(server.acts).toEqual([`sites/leeds/approve ${JSON.stringify({ fingerprint: heard })}`])
  })
  test('is said to be what a command does, and refused in the words of the coordinator', async () => {
    const { page, server } = await show('#/studies/colon')
    await page.getByRole('button', { name: 'Cancel study…' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('tessera coordinator study cancel colon').waitFor()
    await dialog.getByRole('textbox').fill('lung')
    await dialog.getByRole('button', { name: 'Cancel the study' }).click()
    await dialog.getByText('This is not colon.').waitFor()
    expect(server.acts).toEqual([])
    await dialog.getByRole('textbox').fill('colon')
    await dialog.getByRole('button', { name: 'Cancel the study' }).click()
    await dialog.getByText('study must be running, got a finished one').waitFor()
  })
  test('inviting gives the kit as a file', async () => {
    const { page, server } = await show('#/sites')
    await page.getByRole('button', { name: 'Invite a site' }).click()
    await page.getByRole('textbox', { name: 'Name of the site' }).fill('leeds')
    await page.getByRole('textbox', { name: 'Days' }).fill('0')
    await page.getByRole('button', { name: 'Write the kit' }).click()
    await page.getByText('must be a whole number from 1 to 366').waitFor()
    await page.getByRole('textbox', { name: 'Days' }).fill('30')
    await page.getByRole('checkbox', { name: 'Without approval' }).check()
    await page.getByText('Nobody compares a fingerprint then').waitFor()
    await page.getByText('invite leeds --out leeds-kit.json --days 30 --auto-approve').waitFor()
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Write the kit' }).click()
    expect((await download).suggestedFilename()).toBe('leeds-kit.json')
    expect(server.acts).toEqual(['sites/leeds/invite {"days":30,"autoApprove":true}'])
  })
  test('a viewer is offered none', async () => {
    const { page } = await show('#/studies/colon', { session: { ...OPERATOR, role: 'viewer' } })
    await page.getByRole('row', { name: /amsterdam/ }).waitFor()
    expect(await page.getByRole('button', { name: /Pause|Cancel|Close the round/ }).count()).toBe(0)
    expect(await page.getByRole('link', { name: 'New study' }).count()).toBe(0)
  })
  test('a study is created from the form', async () => {
    const { page, server } = await show('#/new-study')
    await page.getByRole('button', { name: 'Create the study' }).click()
    await page.getByText('5 fields must be mended').waitFor()
    await page.getByLabel('Name', { exact: true }).fill('lung')
    await page.getByLabel('Seed').fill('lung-2026')
    await page.getByLabel('Classes').fill('benign\ncancer\n')
    await page.getByLabel('Side in pixels').fill('224')
    await page.getByLabel('Rounds', { exact: true }).first().fill('20')
    await page.getByRole('button', { name: 'Create the study' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Create the study' }).click()
    await page.getByText('lung is created.').waitFor()
    await page.getByText('it is a warning').waitFor()
    const [act = ''] = server.acts
    const { study: sent } = JSON.parse(act.replace('studies ', '')) as { study: unknown }
    // Also the parts that nobody has touched.
    expect(study.safeParse(sent).error?.issues ?? []).toEqual([])
    expect({ study: sent }).toMatchObject({
      study: { id: 'lung', classes: ['benign', 'cancer'], tile: { sizePx: 224 }, training: { rounds: 20 } },
    })
  })
})

describe('of a thousand sites', () => {
  test('some tens are in the document, whichever is looked at', async () => {
    const { page } = await show('#/sites', { view: coordinatorView(1000) })
    const table = page.getByRole('group', { name: 'Sites' })
    await table.getByText('site-0001').waitFor()
    expect(await page.locator('tbody tr').count()).toBeLessThan(60)
    await table.evaluate((element) => element.scrollTo(0, element.scrollHeight))
    await table.getByText('site-1000').waitFor()
    expect(await page.locator('tbody tr').count()).toBeLessThan(60)
    expect(await page.locator('table').getAttribute('aria-rowcount')).toBe('1001')
    await page.getByRole('searchbox').fill('0777')
    await expect
      .poll(() => page.locator('tbody tr').allTextContents())
      .toEqual([expect.stringContaining('site-0777')])
  })
  test('are sorted by what is asked for', async () => {
    const { page } = await show('#/sites', { view: coordinatorView(1000) })
    await page.getByRole('button', { name: 'Site', exact: true }).click()
    await page.getByRole('button', { name: 'Site', exact: true }).click()
    await expect.poll(() => page.locator('tbody tr').first().textContent()).toContain('site-1000')
    expect(await page.getByRole('columnheader', { name: 'Site' }).getAttribute('aria-sort')).toBe(
      'descending',
    )
  })
})

test('curves of 5,000 rounds are there, and their numbers as a table', async () => {
  const { page, complaints } = await show('#/studies/colon/results', { rounds: 5000 })
  const chart = page.getByRole('img', { name: 'Loss of colon over 5,000 rounds' })
  await chart.locator('canvas').waitFor()
  await page.getByRole('button', { name: 'Show as table' }).first().click()
  const table = page.getByRole('group', { name: 'Loss of colon over 5,000 rounds' })
  await table.getByRole('rowheader', { name: '5,000' }).waitFor()
  expect(complaints).toEqual([])
})
