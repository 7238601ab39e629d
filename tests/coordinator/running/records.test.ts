import { sha256Hex } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { federation, wholeRound } from '../federation.ts'
import { ask, codeOf, joined, started } from '../raw-site.ts'

describe('records of published rounds', () => {
  test('a site gets any of them, also after a restart, and none that is not published', async () => {
    const { coordinator, dir, key, keys, north, south } = await federation()
    const fetched = (site: typeof north, round: number) =>
      ask(site.socket, 'ledger:fetch', { study: 'tiny', round })
    await wholeRound([north, south], [0.01, 0.02])
    const first = await north.records.next()
    expect((await fetched(north, 1)).record).toBe(first)
    expect(await codeOf(fetched(north, 2))).toBe('ERR_ROUND_WRONG')
    await coordinator.close()

    const again = await started(dir)
    const [north2, south2] = [
      await joined(again.coordinator.url, key, 'north', keys.north),
      await joined(again.coordinator.url, key, 'south', keys.south),
    ]
    await wholeRound([north2, south2], [0.03, 0.04])
    await again.coordinator.ended
    expect((await fetched(south2, 1)).record).toBe(first)
    const { record } = await fetched(south2, 2)
    expect(sha256Hex(record)).toBe(
      (await joined(again.coordinator.url, key, 'north', keys.north)).welcome.record,
    )
    expect(await codeOf(fetched(south2, 3))).toBe('ERR_ROUND_WRONG')
  })
})
