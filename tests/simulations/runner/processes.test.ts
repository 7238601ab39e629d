import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createProcessSet, threadsOf } from '../../../simulations/runner/processes.ts'
import type { WriteTask } from '../../../simulations/runner/tasks.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const SCALE = { fieldMicrons: null, micronsPerPx: null }
const drawing = (root: string, tiles: number): WriteTask => ({
  kind: 'write',
  root,
  seed: 'processes',
  tilePx: 24,
  scale: SCALE,
  tiles: Array.from({ length: tiles }, (_, i) => ({
    label: 'benign',
    picture: { kind: 'drawn', patient: 'p', index: i },
    site: 0,
    to: `benign/${i}.png`,
  })),
})

describe('work()', () => {
  test('writes the same tiles wherever it runs, and tells which it could not', async () => {
    const processes = createProcessSet()
    const [one, two] = [await temporaryFolder(), await temporaryFolder()]
    const missing = {
      label: 'benign',
      picture: { kind: 'file', path: join(one, 'nowhere.png'), micronsPerPx: null, sha256: '' },
      site: null,
      to: 'benign/missing.png',
    } as const
    const task = drawing(one, 3)
    const results = await Promise.all([
      processes.work({ ...task, tiles: [...task.tiles, missing] }, () => undefined),
      processes.work(drawing(two, 3), () => undefined),
    ])
    expect(results[0].skipped).toEqual([{ order: 3, code: 'ERR_DATA_TILE_UNREADABLE' }])
    expect(results[1].skipped).toEqual([])
    for (const name of ['0.png', '1.png', '2.png'])
      expect(await readFile(join(one, 'benign', name))).toEqual(await readFile(join(two, 'benign', name)))
  })

  test('fails with the code that the task failed with', async () => {
    const processes = createProcessSet()
    const root = await temporaryFolder()
    // A file where a folder should be made.
    const task = drawing(join(root, 'tile.png'), 1)
    await processes.work(drawing(root, 1), () => undefined)
    await expect(
      processes.work({ ...task, root: join(root, 'benign', '0.png') }, () => undefined),
    ).rejects.toMatchObject({ code: 'ERR_INTERNAL' })
  })

  test('ends with ERR_INTERRUPTED when all are stopped, and starts nothing after that', async () => {
    const processes = createProcessSet()
    const root = await temporaryFolder()
    let stopping: Promise<void> | undefined
    const work = processes.work(drawing(root, 100_000), () => {
      stopping ??= processes.stopAll()
    })
    await expect(work).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    await stopping
    await expect(processes.work(drawing(root, 1), () => undefined)).rejects.toMatchObject({
      code: 'ERR_INTERRUPTED',
    })
  })
})

describe('threadsOf()', () => {
  test('shares the processors among the programs that compute at once, unless told how many', () => {
    const processors = availableParallelism()
    expect(threadsOf(1, undefined)).toBe(String(Math.min(8, processors)))
    expect(threadsOf(processors, undefined)).toBe('1')
    expect(threadsOf(10 * processors, '')).toBe('1')
    expect(threadsOf(3, '5')).toBe('5')
  })
})

describe('program()', () => {
  test('gives the program’s lines, logs them, and ends with its last line when it fails', async () => {
    const processes = createProcessSet()
    const log = join(await temporaryFolder(), 'program.log')
    const lines: string[] = []
    await processes.program(['--version'], log, (line) => lines.push(line)).ended
    expect(lines).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+$/)])
    expect(await readFile(log, 'utf8')).toBe(`${lines[0]}\n`)

    const failing = processes.program(['coordinator', 'status', '--dir', '/nowhere'], log, () => undefined)
    await expect(failing.ended).rejects.toMatchObject({
      message: expect.stringMatching(/tessera coordinator status must end well, got status 78/),
    })
  })
})
