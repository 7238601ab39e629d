import { execFile } from 'node:child_process'
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fingerprint, generateKeyPair } from '@tessera/shared/security'
import { extract } from 'tar'
import { describe, expect, test } from 'vitest'
import { neededPackages } from '../../cli/bundle/packages.ts'
import { writeBundle } from '../../cli/bundle/write-bundle.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Writes `path/package.json` under a folder. */
async function installed(root: string, path: string, manifest: object = {}): Promise<void> {
  await mkdir(join(root, path), { recursive: true })
  await writeFile(join(root, path, 'package.json'), JSON.stringify(manifest))
}
const isOurs = (name: string): boolean => name.startsWith('@tessera/')

describe('neededPackages()', () => {
  test('follows dependencies to where Node would find them, once each, and no development package', async () => {
    const root = await temporaryFolder()
    await installed(root, 'site', {
      dependencies: { a: '1', '@tessera/shared': '*' },
      devDependencies: { dev: '1' },
    })
    await installed(root, 'node_modules/dev')
    await installed(root, 'node_modules/a', { dependencies: { b: '1' } })
    await installed(root, 'node_modules/a/node_modules/b', { dependencies: { a: '1', '@x/c': '1' } })
    await installed(root, 'node_modules/b')
    await installed(root, 'node_modules/@x/c')
    expect(neededPackages(root, ['site'], isOurs)).toEqual([
      'node_modules/@x/c',
      'node_modules/a',
      'node_modules/a/node_modules/b',
    ])
  })

  test('takes of optional packages and of peers those that are there', async () => {
    const root = await temporaryFolder()
    const [linux, windows] = ['@x/code-linux', '@x/code-win32']
    await installed(root, 'site', { dependencies: { code: '1' } })
    await installed(root, 'node_modules/code', {
      // As npm writes it: an optional one is among the dependencies too.
      dependencies: { [windows]: '1' },
      optionalDependencies: { [linux]: '1', [windows]: '1' },
      peerDependencies: { kerberos: '1' },
    })
    await installed(root, `node_modules/${linux}`)
    expect(neededPackages(root, ['site'], isOurs)).toEqual([`node_modules/${linux}`, 'node_modules/code'])
  })

  test('refuses a checkout whose packages are not installed', async () => {
    const root = await temporaryFolder()
    await installed(root, 'site', { dependencies: { a: '1' } })
    expect(() => neededPackages(root, ['site'], isOurs)).toThrow(
      'packages must be installed (npm ci), got no a',
    )
  })
})

/** A bundle of two small parts, unpacked as a hospital would; `install` runs its installer. */
async function unpacked(platform = `${process.platform}-${process.arch}`) {
  const root = await temporaryFolder()
  await mkdir(join(root, 'program/cli'), { recursive: true })
  await mkdir(join(root, 'engine/lib'), { recursive: true })
  await writeFile(join(root, 'program/cli/tessera.mjs'), 'console.log(process.env.TESSERA_ENGINE_DIR)')
  await writeFile(join(root, 'program/cli/secret.map'), 'left out')
  await writeFile(join(root, 'engine/lib/tensorflow'), 'numbers')
  const key = await generateKeyPair()
  const out = join(root, 'bundle.tar')
  const part = (name: 'program' | 'engine', path: string) => ({
    name,
    folder: join(root, name),
    paths: [path],
    wanted: (file: string) => !file.endsWith('.map'),
  })
  const parts = [part('program', 'cli'), part('engine', '.')]
  await writeBundle({
    out,
    version: '1.2.3',
    platform,
    parts,
    node: null,
    key,
    nowMs: 1,
    onPart: () => undefined,
  })
  const folder = join(root, 'hospital')
  await mkdir(folder)
  await extract({ file: out, cwd: folder })
  const to = join(root, 'opt')
  const run = promisify(execFile)
  const install = async (words: string, ...more: string[]) =>
    run(process.execPath, [join(folder, 'install.mjs'), '--to', to, '--fingerprint', words, ...more]).then(
      ({ stdout }) => ({ code: 0, said: stdout }),
      ({ code, stderr }: { code: number; stderr: string }) => ({ code, said: stderr }),
    )
  return { root, folder, to, install, words: fingerprint(key.publicKey), run }
}

describe('a bundle', () => {
  test('is installed by its own installer, runs with its engine, and leaves nothing else', async () => {
    const { root, to, install, words, run } = await unpacked()
    expect(await install(words)).toMatchObject({
      code: 0,
      said: expect.stringContaining('Tessera 1.2.3 is installed'),
    })
    expect((await run(join(to, 'bin/tessera'), [])).stdout).toBe(`${join(to, 'engine')}\n`)
    expect(await readFile(join(to, 'engine/lib/tensorflow'), 'utf8')).toBe('numbers')
    expect(await readdir(join(to, 'cli'))).toEqual(['tessera.mjs'])
    expect((await readdir(root)).toSorted()).toEqual(['bundle.tar', 'engine', 'hospital', 'opt', 'program'])
  })

  test.each<[string, string, RegExp]>([
    ['a part', 'program.tar.gz', /program\.tar\.gz must have \d+ bytes, got \d+/],
    ['the manifest', 'manifest.json', /signature must be of this manifest, got another/],
    ['the signature', 'manifest.sig', /signature must be of this manifest, got another/],
  ])('is refused when %s was changed, before anything is unpacked', async (_, file, sentence) => {
    const { folder, root, install, words } = await unpacked()
    if (file === 'manifest.sig') await writeFile(join(folder, file), 'A'.repeat(86))
    else await appendFile(join(folder, file), ' ')
    const { code, said } = await install(words)
    expect([code, said]).toEqual([65, expect.stringMatching(sentence)])
    expect((await readdir(root)).filter((name) => name.startsWith('opt'))).toEqual([])
  })

  test('is refused when a byte of a part was changed that leaves its size', async () => {
    const { folder, install, words } = await unpacked()
    const bytes = await readFile(join(folder, 'engine.tar.gz'))
    bytes[20] = (bytes[20] ?? 0) ^ 1
    await writeFile(join(folder, 'engine.tar.gz'), bytes)
    expect(await install(words)).toMatchObject({
      code: 65,
      said: expect.stringContaining('must have SHA-256'),
    })
  })

  test('is refused under the fingerprint of another signer, and for another system', async () => {
    const { install, words } = await unpacked()
    const other = await install(fingerprint((await generateKeyPair()).publicKey))
    expect([other.code, other.said]).toEqual([
      65,
      expect.stringContaining(`of this fingerprint, got ${words}`),
    ])
    const foreign = await unpacked('plan9-mips')
    const refused = await foreign.install(foreign.words)
    expect([refused.code, refused.said]).toEqual([
      65,
      expect.stringMatching(/bundle must be for .*, got plan9-mips/),
    ])
  })

  test('replaces an installation only when told to, and keeps the one before', async () => {
    const { to, install, words } = await unpacked()
    await install(words)
    await writeFile(join(to, 'old'), '')
    expect((await install(words)).code).toBe(65)
    expect((await install(words, '--replace')).code).toBe(0)
    expect(await readdir(`${to}.before`)).toContain('old')
    expect(await readdir(to)).not.toContain('old')
  })
})
