import { createHash } from 'node:crypto'
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { create } from 'tar'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../../../shared/clock.ts'
import { readManifest } from '../../../../../shared/engine/tensorflow/folder.ts'
import {
  type InstallRequest,
  type InstallWorld,
  installEngine,
} from '../../../../../shared/engine/tensorflow/install/install.ts'
import { featureHash, X64_V3 } from '../../../../../shared/engine/tensorflow/processor.ts'
import { type Answer, type FakeCall, fakeRun } from '../../../../support/fake-run.ts'
import { temporaryFolder } from '../../../../support/temporary-folder.ts'
import { zipFile } from '../../../../support/zip-file.ts'

const MACHINE = {
  platform: 'linux',
  arch: 'x64',
  glibc: '2.36',
  processor: { model: 'x', features: ['avx'] },
  cores: 2,
}
const WHEEL = 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl'

/** A wheel and an npm package as TensorFlow's, but of a few bytes. */
async function smallFiles(): Promise<Pick<InstallRequest, 'wheels' | 'tarball' | 'npmPackage'>> {
  const folder = await temporaryFolder()
  const entries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2', 'include/absl/a.h'].map(
    (name) => ({
      name: `tensorflow/${name}`,
      content: name,
    }),
  )
  const hash = (content: string): string => createHash('sha256').update(content).digest('base64url')
  const record = entries.map(({ name, content }) => `${name},sha256=${hash(content)},${content.length}`)
  const wheel = zipFile([
    ...entries,
    { name: 'tensorflow_cpu-2.21.0.dist-info/RECORD', content: record.join('\n') },
  ])
  await writeFile(join(folder, WHEEL), wheel)
  await mkdir(join(folder, 'package/binding'), { recursive: true })
  await writeFile(join(folder, 'package/binding/a.cc'), 'int a;')
  const tarball = join(folder, 'p.tgz')
  await create({ file: tarball, gzip: true, cwd: folder }, ['package'])
  const integrity = `sha512-${createHash('sha512')
    .update(await readFile(tarball))
    .digest('base64')}`
  return { wheels: [join(folder, WHEEL)], tarball, npmPackage: { name: 'p', version: '1', integrity } }
}

/** Programs of a machine where all goes well: what is built holds the compiler's version. */
async function wellBehaved({ command, args }: FakeCall, version = '12'): Promise<Answer> {
  if (args.includes('--version')) return { stdout: `g++ ${version}` }
  if (args[0]?.endsWith('check-engine.mjs'))
    return { stdout: JSON.stringify({ tensorflow: '2.21.0', elements: 1, wrong: [0, 0] }) }
  if (command === 'g++') await writeFile(args[args.indexOf('-o') + 1] ?? '', `built by ${version}`)
  return {}
}

async function setUp() {
  const request: InstallRequest = {
    folder: join(await temporaryFolder(), 'engine'),
    version: '2.21.0',
    gpu: false,
    portable: false,
    fresh: false,
    ...(await smallFiles()),
  }
  const install = async (
    answer: (call: FakeCall) => Answer | Promise<Answer> = wellBehaved,
    changes: Partial<InstallRequest> = {},
    worldly: Partial<InstallWorld> = {},
  ) => {
    const { run, calls } = fakeRun(answer)
    const kept: string[] = []
    const world: InstallWorld = {
      run,
      machine: MACHINE,
      env: {},
      node: 'node',
      clock: systemClock,
      signal: new AbortController().signal,
      steps: {
        start: () => undefined,
        report: () => undefined,
        finish: (step, _, wasKept) => void (wasKept && kept.push(step)),
      },
      freeBytes: async () => 1e11,
      ...worldly,
    }
    const outcome = await installEngine({ ...request, ...changes }, world)
    return { ...outcome, kept, built: calls.map(({ args }) => basename(args[args.indexOf('-o') + 1] ?? '')) }
  }
  const beside = () => readdir(join(request.folder, '..'))
  return { folder: request.folder, install, beside }
}

describe('installEngine()', () => {
  test('leaves libraries, headers, package, addons and probe, and a manifest of their hashes', async () => {
    const { folder, install, beside } = await setUp()
    const { installed, manifest } = await install()
    expect(installed).toBe(true)
    expect((await readdir(folder)).toSorted()).toEqual(
      [
        'include',
        'lib',
        'manifest.json',
        'package',
        'probe',
        'quiet.node',
        'tessera.node',
        'tfjs.node',
      ].toSorted(),
    )
    expect(await beside()).toEqual(['engine'])
    expect(readManifest(folder)).toEqual(manifest)
    expect(Object.keys(manifest.files)).toEqual([
      'lib/libtensorflow_cc.so.2',
      'lib/libtensorflow_framework.so.2',
      'package/binding/a.cc',
      'probe',
      'quiet.node',
      'tessera.node',
      'tfjs.node',
    ])
    expect(manifest.tensorflow).toMatchObject({ version: '2.21.0', wheel: WHEEL })
    expect(manifest.headers.files).toBe(1)
  })

  test('compiles for a family of processors when it is to be portable, and anew when it is not any more', async () => {
    const { install } = await setUp()
    const { manifest } = await install(wellBehaved, { portable: true })
    expect(manifest.compiler.flags).toContain('-march=x86-64-v3')
    expect(manifest.processor).toEqual({ model: 'x86-64-v3', features: featureHash(X64_V3) })
    expect((await install(wellBehaved, { portable: true })).installed).toBe(false)
    const { reasons } = await install()
    expect(reasons).toEqual(['the flags have changed', 'the processor is another'])
  })

  test('finds the second time that all is there, and builds nothing', async () => {
    const { install } = await setUp()
    await install()
    const again = await install()
    expect([again.installed, again.reasons]).toEqual([false, []])
    expect(again.built.filter((name) => name.endsWith('.node'))).toEqual([])
  })

  test('after a change of the compiler builds anew, from the libraries and the package that are there', async () => {
    const { folder, install } = await setUp()
    await install()
    const none = { wheels: [], tarball: null }
    const renewed = await install((call) => wellBehaved(call, '13'), none)
    expect(renewed.reasons).toEqual(['the compiler has changed'])
    expect(renewed.kept).toEqual(['package', 'wheel', 'unpack'])
    expect(await readFile(join(folder, 'tessera.node'), 'utf8')).toBe('built by 13')
    expect((await install((call) => wellBehaved(call, '13'), none)).installed).toBe(false)
  })

  test('brings back what is damaged', async () => {
    const { folder, install } = await setUp()
    await install()
    await appendFile(join(folder, 'lib/libtensorflow_cc.so.2'), 'x')
    await rm(join(folder, 'probe'))
    const mended = await install()
    expect(mended.reasons).toEqual([
      'files of its tensorflow are damaged or missing',
      'files of its build are damaged or missing',
    ])
    expect(mended.kept).toEqual(['package'])
    expect(await readFile(join(folder, 'lib/libtensorflow_cc.so.2'), 'utf8')).toBe('libtensorflow_cc.so.2')
  })

  test('with --fresh keeps nothing', async () => {
    const { install } = await setUp()
    await install()
    const fresh = await install(wellBehaved, { fresh: true })
    expect([fresh.installed, fresh.kept]).toEqual([true, []])
  })

  test('replaces an engine whose manifest cannot be read', async () => {
    const { folder, install } = await setUp()
    await install()
    await writeFile(join(folder, 'manifest.json'), '{}')
    expect((await install()).reasons).toEqual(['its manifest cannot be read'])
  })

  test.each<[string, (call: FakeCall) => Answer | Promise<Answer>, string]>([
    [
      'the compiler fails',
      (call) => (call.args.includes('-c') ? { status: 1, stderr: 'error: x' } : wellBehaved(call, '13')),
      'ERR_ENGINE_BUILD',
    ],
    [
      'the check fails',
      (call) => (call.args[0]?.endsWith('check-engine.mjs') ? { status: null } : wellBehaved(call, '13')),
      'ERR_ENGINE_CHECK',
    ],
  ])('when %s the old engine stays whole, and nothing lies beside it', async (_, answer, code) => {
    const { folder, install, beside } = await setUp()
    const { manifest } = await install()
    await expect(install(answer)).rejects.toMatchObject({ code })
    expect(await beside()).toEqual(['engine'])
    expect(readManifest(folder)).toEqual(manifest)
    expect((await install()).installed).toBe(false)
  })

  test('a stop in the middle leaves the old engine whole, and nothing beside it', async () => {
    const { install, beside } = await setUp()
    await install()
    const stop = new AbortController()
    const stopped = install(
      (call) => {
        if (call.args.includes('-c')) stop.abort()
        return wellBehaved(call, '13')
      },
      {},
      { signal: stop.signal },
    )
    await expect(stopped).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    expect(await beside()).toEqual(['engine'])
    expect((await install()).installed).toBe(false)
  })

  test.each<[string, Partial<InstallWorld>, string]>([
    ['another system', { machine: { ...MACHINE, platform: 'win32' } }, 'ERR_ENGINE_PLATFORM'],
    ['a full disk', { freeBytes: async () => 1e9 }, 'ERR_ENGINE_DISK'],
  ])('on %s writes nothing', async (_, worldly, code) => {
    const { install, beside } = await setUp()
    await expect(install(wellBehaved, {}, worldly)).rejects.toMatchObject({ code })
    expect(await beside()).toEqual([])
  })

  test('without a compiler writes nothing', async () => {
    const { install, beside } = await setUp()
    await expect(install(() => null)).rejects.toMatchObject({ code: 'ERR_ENGINE_COMPILER' })
    expect(await beside()).toEqual([])
  })

  test('never replaces a folder that holds something else', async () => {
    const { folder, install } = await setUp()
    await mkdir(folder)
    await writeFile(join(folder, 'thesis.tex'), 'x')
    await expect(install()).rejects.toMatchObject({ code: 'ERR_ENGINE_MANIFEST' })
    expect(await readdir(folder)).toEqual(['thesis.tex'])
  })
})
