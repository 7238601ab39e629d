import { spawnSync } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'

const program = fileURLToPath(new URL('../../cli/tessera.mjs', import.meta.url))

function tessera(args: readonly string[], env: Record<string, string>) {
  return spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
}

describe('tessera engine', () => {
  test('install without a compiler says how to get one, and leaves nothing', async () => {
    const folder = await temporaryFolder()
    const { status, stderr } = tessera(['engine', 'install'], {
      TESSERA_ENGINE_DIR: join(folder, 'engine'),
      CXX: 'tessera-no-such-compiler',
    })
    expect(status).toBe(69)
    expect(stderr).toMatch(/compiler must be a C\+\+ compiler that CXX names, got none that runs/)
    expect(stderr).toMatch(/apt-get install g\+\+/)
    expect(await readdir(folder)).toEqual([])
  })

  test('remove takes an engine away, says when there was none, and refuses what is no engine', async () => {
    const folder = await temporaryFolder()
    const engine = join(folder, 'engine')
    const env = { TESSERA_ENGINE_DIR: engine }
    await mkdir(engine)
    for (const name of ['manifest.json', 'tessera.node']) await writeFile(join(engine, name), '')
    expect(tessera(['engine', 'remove'], env).stdout).toBe(`native engine removed: ${engine}\n`)
    expect(tessera(['engine', 'remove'], env).stdout).toBe(`no native engine: ${engine}\n`)
    await mkdir(engine)
    await writeFile(join(engine, 'thesis.tex'), '')
    const refused = tessera(['engine', 'remove'], env)
    expect([refused.status, await readdir(engine)]).toEqual([65, ['thesis.tex']])
  })
})

describe('tessera doctor', () => {
  test('on a machine without tools and native engine times wasm, and says what to get', async () => {
    const folder = await temporaryFolder()
    const { status, stdout, stderr } = tessera(['doctor', '--json'], {
      TESSERA_ENGINE_DIR: join(folder, 'engine'),
      TESSERA_ENGINE: 'auto',
      CXX: 'tessera-no-such-compiler',
      PATH: dirname(folder),
    })
    expect([status, stderr]).toEqual([0, ''])
    const found = JSON.parse(stdout) as {
      engine: { name: string }
      speeds: { seconds: number }[]
      advice: { next: string[] }
    }
    expect(found.engine.name).toBe('wasm')
    expect(found.speeds.map(({ seconds }) => seconds > 0 && seconds < 10)).toEqual([true, true, true])
    expect(found.advice.next.length).toBeGreaterThan(0)
  })
})
