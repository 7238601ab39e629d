import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const good = join(root, 'tests/parity/cases/moma-two-tiles.safetensors')
const folder = mkdtempSync(join(tmpdir(), 'tessera-verify-'))
afterAll(() => rmSync(folder, { recursive: true }))

function tessera(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'cli/tessera.mjs'), ...args], {
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

/** The good case with the first value of `expect.query` doubled. */
function altered(): string {
  const bytes = readFileSync(good)
  const headerBytes = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)) as Record<
    string,
    { data_offsets: number[] }
  >
  const at = 8 + headerBytes + (header['expect.query']?.data_offsets[0] ?? 0)
  bytes.writeFloatLE(bytes.readFloatLE(at) * 2, at)
  const path = join(folder, 'altered.safetensors')
  writeFileSync(path, bytes)
  return path
}

describe('tessera verify', () => {
  test('prints a table and a line for a file and a folder, and exits with 0', () => {
    const cases = join(folder, 'cases')
    cpSync(good, join(cases, 'b.safetensors'))
    const { status, stdout } = tessera('verify', good, cases)
    expect(status).toBe(0)
    expect(stdout).toMatch(new RegExp(`^engine: ${process.env.TESSERA_ENGINE}`))
    expect(stdout).toMatch(/loss\.total +scalar +\S+ +\S+ +1e-5 +ok/)
    expect(stdout).toMatch(/\n44 tensors of 2 files compared, .*, all within their limits\n$/)
  })

  test('exits with 1 when a number differs, and prints which', () => {
    const { status, stdout, stderr } = tessera('verify', altered())
    expect(status).toBe(1)
    expect(stdout).toMatch(/DIFFERS/)
    expect(stdout).toMatch(/1 tensor beyond the limit/)
    expect(stderr).toMatch(/ERR_CASE_DIFFERS/)
  })

  test('goes on past a file that is no case, and exits with its code, without a stack', () => {
    const broken = join(folder, 'broken.safetensors')
    writeFileSync(broken, 'not a case')
    const { status, stdout, stderr } = tessera('verify', broken, good)
    expect(status).toBe(65)
    expect(stdout).toMatch(/not compared: .*\(ERR_MODEL_FILE\)/)
    expect(stdout).toMatch(/22 tensors of 1 file compared, .*1 file not compared/)
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  test('prints one JSON document with --json', () => {
    const text = execFileSync(
      process.execPath,
      [join(root, 'cli/tessera.mjs'), 'verify', '--json', '--engine', 'cpu', good],
      {
        encoding: 'utf8',
      },
    )
    const { engine, files } = JSON.parse(text) as {
      engine: string
      files: { kind: string; differences: unknown[] }[]
    }
    expect([engine, files.length, files[0]?.kind, files[0]?.differences.length]).toEqual([
      'cpu',
      1,
      'moma-step',
      22,
    ])
  })

  test('refuses an empty folder', () => {
    const empty = mkdtempSync(join(folder, 'empty-'))
    expect(tessera('verify', empty)).toMatchObject({
      status: 65,
      stderr: expect.stringMatching('folder must hold') as string,
    })
  })

  test('has help that fits a screen and ends in an example', () => {
    const { stdout } = tessera('verify', '--help')
    expect(stdout.split('\n').length).toBeLessThan(40)
    expect(stdout.trimEnd()).toMatch(/\$ tessera verify tests\/parity\/cases$/)
  })
})
