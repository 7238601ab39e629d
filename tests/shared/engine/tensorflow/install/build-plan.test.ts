import { describe, expect, test } from 'vitest'
import { compileFlags, planBuild } from '../../../../../shared/engine/tensorflow/install/build-plan.ts'
import { targetOf } from '../../../../../shared/engine/tensorflow/install/target.ts'

const processor = { model: 'x', features: ['avx'] }
const inputs = (platform: string, arch: string) => ({
  target: targetOf({ platform, arch, glibc: '2.36', processor, cores: 2 }, false),
  compiler: { command: 'g++', version: 'g++ 12' },
  folder: '/e',
  objects: '/e/objects',
  nodeApi: '/napi',
  sources: {
    binding: ['/e/package/binding/a.cc', '/e/package/binding/b.cc'],
    native: ['/n/a.cc'],
    quiet: '/n/quiet.cc',
    probe: '/d/probe.cc',
  },
})

describe('planBuild()', () => {
  test('compiles each file once, to objects of different names, with headers of TensorFlow and Node', () => {
    const { compile } = planBuild(inputs('linux', 'x64'))
    expect(compile.map(({ title }) => title)).toEqual(['a.cc', 'b.cc', 'a.cc', 'quiet.cc', 'probe.cc'])
    const objects = compile.slice(0, 4).map(({ args }) => args.at(-1))
    expect(new Set(objects).size).toBe(4)
    expect(compile[2]?.args.join(' ')).toBe(
      '-O3 -std=c++17 -march=native -fPIC -DNAPI_VERSION=8 -DNDEBUG -DEIGEN_MAX_ALIGN_BYTES=64 ' +
        '-isystem /napi -isystem /e/include -I /e/package -c /n/a.cc -o /e/objects/native-a.cc.o',
    )
    expect(compile[4]?.args.slice(-2)).toEqual(['-o', '/e/probe'])
  })

  test('links on Linux against empty libraries of TensorFlow’s names, to be found beside the addon', () => {
    const { link } = planBuild(inputs('linux', 'x64'))
    expect(link.map(({ title }) => title)).toEqual([
      'libtensorflow_cc.so.2',
      'libtensorflow_framework.so.2',
      'tfjs.node',
      'tessera.node',
      'quiet.node',
    ])
    expect(link[0]?.args).toContain('-Wl,-soname,libtensorflow_cc.so.2')
    const args = link[3]?.args ?? []
    expect(args[0]).toBe('/e/objects/native-a.cc.o')
    expect(args).toContain('-L/e/objects/stubs')
    expect(args).toContain('-Wl,-rpath,$ORIGIN/lib')
    // Without it a function that TensorFlow does not have would be found when it is first called.
    expect(args).toContain('-Wl,-z,now')
    expect(link[4]?.args).toEqual(['/e/objects/quiet-quiet.cc.o', '-o', '/e/quiet.node', '-shared'])
  })

  test('links on macOS a bundle against the libraries themselves', () => {
    const { link } = planBuild(inputs('darwin', 'arm64'))
    expect(link.map(({ title }) => title)).toEqual(['tfjs.node', 'tessera.node', 'quiet.node'])
    expect(link[1]?.args.slice(1)).toEqual([
      '-o',
      '/e/tessera.node',
      '-bundle',
      '-undefined',
      'dynamic_lookup',
      '/e/lib/libtensorflow_cc.2.dylib',
      '/e/lib/libtensorflow_framework.2.dylib',
      '-Wl,-rpath,@loader_path/lib',
    ])
  })

  test('compiles for the processor at hand on arm64 too', () => {
    expect(compileFlags(inputs('linux', 'arm64').target)).toContain('-mcpu=native')
  })
})
