import { spawn } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom } from '@tessera/shared/random'
import { GRADES, siteScanner, tilePng } from '@tessera/simulations'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PROGRAM = fileURLToPath(new URL('../../cli/tessera.mjs', import.meta.url))
const CLASSES = [GRADES[0], GRADES[3]]
const SITES = ['east', 'west']
/** Patients a class and site, and tiles of each. */
const PATIENTS = 6
const TILES = 2

/** A data folder as a user has it: `SITE/CLASS/*.png` of 40 px, and labels.csv with the patients. */
async function dataFolder(): Promise<string> {
  const dir = await temporaryFolder()
  const rows = ['path,group']
  for (const [s, site] of SITES.entries()) {
    for (const grade of CLASSES) {
      await mkdir(join(dir, site, grade), { recursive: true })
      for (let i = 0; i < PATIENTS * TILES; i++) {
        const patient = `${site}-${grade}-${Math.floor(i / TILES)}`
        const scanner = siteScanner(s, createRandom('e2e'))
        const path = `${site}/${grade}/${i}.png`
        const tile = { patient, index: i % TILES, grade, scanner, sizePx: 40 }
        await writeFile(join(dir, path), await tilePng(tile))
        rows.push(`${path},${patient}`)
      }
    }
  }
  await writeFile(join(dir, 'labels.csv'), rows.join('\n'))
  return dir
}

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `tessera demo`; interrupts it when a line of its progress matches. */
async function demo(args: readonly string[], interruptAt?: RegExp): Promise<Ended> {
  const child = spawn(process.execPath, [PROGRAM, 'demo', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  let interrupted = false
  child.stdout.on('data', (text: Buffer) => {
    stdout += text.toString()
  })
  child.stderr.on('data', (text: Buffer) => {
    stderr += text.toString()
    if (interruptAt?.test(stderr) === true && !interrupted) {
      interrupted = true
      child.kill('SIGINT')
    }
  })
  const status = await new Promise<number | null>((resolve) => {
    child.once('close', resolve)
  })
  return { status, stdout, stderr }
}

interface Results {
  readonly counts: { sites: { train: number[]; test: number[]; testGroups: number }[]; teacher: number[] }
  readonly scale: { fieldMicrons: number; micronsPerPx: number }
  readonly arms: {
    name: string
    uploadedBytes: Record<string, number> | null
    scores: { pooled: { tiles: number } }
  }[]
}

test('a demo on a data folder, interrupted and run again, ends with a table of every arm at every site', async () => {
  const data = await dataFolder()
  const out = await temporaryFolder()
  const args = [
    '--quick',
    '--data',
    `${data}@0.5`,
    '--teacher-from',
    'west:0.34',
    '--tile',
    '24',
    '--out',
    out,
  ]
  const short = ['--rounds', '1', '--teacher-epochs', '1', '--batch', '8']

  const stopped = await demo([...args, ...short], /✓ tiles/)
  expect(stopped.stderr).toContain('Stopped. Finished stages are kept: the same command goes on from there.')
  expect(stopped.stderr).toContain('ERR_INTERRUPTED')
  expect(stopped.status).toBe(130)
  expect(await readdir(join(out, 'stages'))).toContain('tiles.json')

  const { status, stdout, stderr } = await demo([...args, ...short])
  expect(stderr).toMatch(/Going on with the run in/)
  expect(stderr).toMatch(/✓ tiles.*\(from the run before\)/)
  expect([status, stderr.includes('ERR_')]).toEqual([0, false])
  expect(stderr).toMatch(/http:\/\/127\.0\.0\.1:\d+\/dashboard\/#sign-in=[\w-]{43}\n/)

  const arms = ['alone-east', 'alone-west', 'fed-ce', 'fed-moma', 'teacher', 'central-moma']
  const results = JSON.parse(await readFile(join(out, 'results.json'), 'utf8')) as Results
  expect(results.arms.map(({ name }) => name)).toEqual(arms)
  // 40 px of 0.5 µm, cut to nothing and scaled to 24 px.
  expect(results.scale.fieldMicrons).toBe(20)
  expect(results.scale.micronsPerPx).toBeCloseTo(20 / 24, 12)
  const sum = (counts: readonly number[]): number => counts.reduce((total, n) => total + n, 0)
  const { sites, teacher } = results.counts
  const tested = sum(sites.map((site) => sum(site.test)))
  expect(sum(sites.map((site) => sum(site.train))) + tested + sum(teacher)).toBe(2 * 2 * PATIENTS * TILES)
  for (const site of sites) expect(site.testGroups * TILES).toBe(sum(site.test))
  for (const { name, scores, uploadedBytes } of results.arms) {
    expect(scores.pooled.tiles).toBe(tested)
    if (name.startsWith('fed-'))
      for (const site of SITES) expect(uploadedBytes?.[site]).toBeGreaterThan(10_000)
    else expect(uploadedBytes).toBeNull()
  }
  for (const title of ['east alone', 'federated, MoMA', 'teacher', 'centralised MoMA'])
    expect(stdout).toContain(title)
  for (const line of stdout.split('\n').slice(0, -2)) expect(line.length).toBeLessThanOrEqual(100)
}, 300_000)
