import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { createLog } from '@tessera/shared/log'
import { expect, test } from 'vitest'
import { SITES, type SmallFederation, smallFederation } from '../support/federation.ts'

async function runAll(
  federation: SmallFederation,
  order: readonly (typeof SITES)[number][] = SITES,
): Promise<string> {
  const coordinator = await federation.start()
  const outcomes = await Promise.all(order.map((site) => federation.agent(site, coordinator.url)))
  await coordinator.ended
  await coordinator.close()
  expect(outcomes).toEqual(order.map(() => ({ rounds: 2, finished: true })))
  const { student, rounds } = await federation.result()
  expect(rounds).toBe(2)
  return student
}

test('three agents distil a student in two rounds, and the same study gives the same bits whoever comes first', async () => {
  const first = await runAll(await smallFederation())
  const second = await runAll(await smallFederation(), ['west', 'south', 'north'])
  expect(second).toBe(first)
}, 300_000)

test('a coordinator that is restarted between rounds goes on from the last published student, to the same bits', async () => {
  const undisturbed = await runAll(await smallFederation())
  const federation = await smallFederation()
  const first = await federation.start()
  let restarted: ReturnType<SmallFederation['start']> | undefined
  const outcomes = Promise.all(
    SITES.map((site) =>
      federation.agent(site, first.url, {
        onProgress(event) {
          if (event.kind === 'published' && event.round === 1) {
            restarted ??= first.close().then(() => federation.start({ port: first.port }))
          }
        },
      }),
    ),
  )
  expect((await outcomes).every(({ finished }) => finished)).toBe(true)
  const second = await restarted
  await second?.ended
  await second?.close()
  expect(await federation.result()).toEqual({ student: undisturbed, rounds: 2 })
}, 300_000)

test('agents that are there before the coordinator wait for it with one line, not a stack', async () => {
  const federation = await smallFederation()
  const probe = await federation.start()
  const { port, url } = probe
  await probe.close()
  const lines: string[] = []
  const log = createLog((line) => lines.push(line), systemClock)
  const waiting = SITES.map((site) => federation.agent(site, url, { log }))
  await expect
    .poll(() => lines.filter((line) => line.includes('ERR_COORDINATOR_UNREACHABLE')).length)
    .toBe(SITES.length)
  const coordinator = await federation.start({ port })
  expect((await Promise.all(waiting)).every(({ finished }) => finished)).toBe(true)
  await coordinator.close()
  expect(lines.filter((line) => line.includes('ERR_COORDINATOR_UNREACHABLE'))).toHaveLength(SITES.length)
  expect(lines.join('')).not.toMatch(/\bat .*\.ts:\d+/)
}, 300_000)

test('every site keeps its receipts, its records and an audit log of what left', async () => {
  const federation = await smallFederation()
  await runAll(federation)
  for (const site of SITES) {
    const audit = (await readFile(join(federation.siteDir(site), 'audit.jsonl'), 'utf8')).trim().split('\n')
    expect(audit.length).toBeGreaterThan(6)
  }
}, 300_000)
