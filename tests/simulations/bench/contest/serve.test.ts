import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { startContender } from '../../../../simulations/bench/contest/contender.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const source = (file: string): string =>
  pathToFileURL(fileURLToPath(new URL(`../../../../simulations/bench/${file}`, import.meta.url))).href

describe('serve()', () => {
  test('answers a referee in another process with what its steps took and the memory of the process', async () => {
    const file = join(await temporaryFolder(), 'contender.mts')
    await writeFile(
      file,
      `import { serve } from '${source('contest/serve.ts')}'
       import { timeSteps } from '${source('contenders/time-steps.ts')}'
       let steps = 0
       await serve({ of: 'a test' }, (count) => timeSteps(count, async () => ++steps))`,
    )
    const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
    const spec = { name: 'own', command: process.execPath, args: ['--import', tsx, file] }
    const contender = await startContender(spec, 15_000)
    expect(contender.versions).toEqual({ of: 'a test' })
    const done = [await contender.run(2), await contender.run(3)]
    await contender.stop()
    expect(done.map(({ losses }) => losses)).toEqual([
      [1, 2],
      [3, 4, 5],
    ])
    // A Node process has more than 20 MB; in bytes, not in KiB.
    for (const { peakBytes } of done) expect(peakBytes).toBeGreaterThan(20e6)
  })

  test.runIf(process.platform === 'linux')('tells the memory of the process that does the work', async () => {
    const file = join(await temporaryFolder(), 'contender.mts')
    await writeFile(
      file,
      `import { serve } from '${source('contest/serve.ts')}'
       import { timeSteps } from '${source('contenders/time-steps.ts')}'
       await serve({}, (count) => timeSteps(count, async () => 1), ${process.pid})`,
    )
    const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
    const spec = { name: 'own', command: process.execPath, args: ['--import', tsx, file] }
    const contender = await startContender(spec, 15_000)
    const { peakBytes, stepPeakBytes } = await contender.run(1)
    await contender.stop()
    // This process's peak can only have grown since.
    const kib = /^VmHWM:\s+(\d+) kB/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1]
    expect(peakBytes).toBeLessThanOrEqual(Number(kib) * 1024)
    expect(peakBytes).toBeGreaterThan(0.8 * Number(kib) * 1024)
    expect(stepPeakBytes).toBeNull()
  })
})
