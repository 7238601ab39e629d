import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkTiles } from '../../../site-agent/data-check/check-tiles.ts'
import { TINY_STUDY } from '../../support/mini-coordinator.ts'
import { noiseFolder } from '../../support/tile-files.ts'

const { signal: NEVER } = new AbortController()
const check = (dataDir: string, signal = NEVER) =>
  checkTiles({ study: TINY_STUDY, dataDir, dataRules: {}, onRead: () => undefined, signal })

describe('checkTiles()', () => {
  test('counts every tile in a thread of its own, and tells how far it is', async () => {
    const dir = await noiseFolder({ normal: 3, tumor: 2 }, 16)
    await writeFile(join(dir, 'normal', 'x.png'), 'no image')
    const reads: number[][] = []
    const found = await checkTiles({
      study: TINY_STUDY,
      dataDir: dir,
      dataRules: { maxBadShare: 0.5 },
      onRead: (...read) => reads.push(read),
      signal: NEVER,
    })
    expect(found).toMatchObject({
      fault: null,
      report: { tiles: 5, skipped: { ERR_DATA_TILE_UNREADABLE: 1 } },
    })
    expect(reads.at(-1)).toEqual([6, 6])
    // Names stay in the thread.
    expect(JSON.stringify(found)).not.toContain('x.png')
  })

  test('says why training would refuse the tiles', async () => {
    const dir = await noiseFolder({ normal: 3, tumor: 2 }, 16)
    await rm(join(dir, 'tumor'), { recursive: true })
    expect((await check(dir)).fault).toMatchObject({ code: 'ERR_DATA_CLASSES' })
  })

  test('ends with a stop', async () => {
    const dir = await noiseFolder({ normal: 3, tumor: 2 }, 16)
    const stop = new AbortController()
    const checking = check(dir, stop.signal)
    stop.abort()
    await expect(checking).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    await expect(check(dir, AbortSignal.abort())).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
  })
})
