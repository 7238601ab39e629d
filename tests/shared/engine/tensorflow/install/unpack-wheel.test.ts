import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { placeOf, unpackWheel } from '../../../../../shared/engine/tensorflow/install/unpack-wheel.ts'
import { temporaryFolder } from '../../../../support/temporary-folder.ts'
import { type ZipEntry, zipFile } from '../../../../support/zip-file.ts'

const LIBRARIES = ['libtensorflow_cc.so.2']
const library: ZipEntry = { name: 'tensorflow/libtensorflow_cc.so.2', content: 'library' }
const header: ZipEntry = { name: 'tensorflow/include/absl/base/config.h', content: '#pragma once' }
const python: ZipEntry = { name: 'tensorflow/__init__.py', content: 'pass' }

/** `RECORD` as a wheel has it. */
function record(entries: readonly ZipEntry[]): ZipEntry {
  const lines = entries.map(({ name, content }) => {
    const hash = createHash('sha256').update(content).digest('base64url')
    return `${name},sha256=${hash},${content.length}`
  })
  return {
    name: 'tensorflow-2.0.dist-info/RECORD',
    content: [...lines, 'tensorflow-2.0.dist-info/RECORD,,'].join('\n'),
  }
}

async function unpack(content: Uint8Array | string, signal: AbortSignal = new AbortController().signal) {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'a.whl'), content)
  const seen: number[] = []
  const options = { libraries: LIBRARIES, signal, onProgress: (done: number) => void seen.push(done) }
  const files = await unpackWheel(join(folder, 'a.whl'), join(folder, 'out'), options)
  return { folder: join(folder, 'out'), files, seen }
}

describe('unpackWheel()', () => {
  test('takes libraries and headers, with their hashes, and leaves Python behind', async () => {
    const entries = [library, python, header]
    const { folder, files, seen } = await unpack(zipFile([...entries, record(entries)]))
    expect([...files.keys()]).toEqual(['lib/libtensorflow_cc.so.2', 'include/absl/base/config.h'])
    expect(await readFile(join(folder, 'lib/libtensorflow_cc.so.2'), 'utf8')).toBe('library')
    expect((await readdir(folder)).toSorted()).toEqual(['include', 'lib'])
    expect(files.get('lib/libtensorflow_cc.so.2')).toEqual({
      bytes: 7,
      sha256: createHash('sha256').update('library').digest('hex'),
    })
    expect(seen.at(-1)).toBe(1)
  })

  test.each<[string, ZipEntry[], RegExp]>([
    [
      'a name that leads out of the folder',
      [{ name: 'tensorflow/include/../../../a.h', content: 'x' }],
      /relative path|inside its folder/,
    ],
    [
      'such a name even of a file that is not taken',
      [library, { name: '../a', content: 'x' }],
      /relative path|inside its folder/,
    ],
    ['an absolute name', [{ name: '/tmp/a.h', content: 'x' }], /absolute path|inside its folder/],
    [
      'a backslash in a name',
      [{ name: 'tensorflow\\..\\a.h', content: 'x' }],
      /invalid characters|inside its folder/,
    ],
    ['a link', [{ ...header, mode: 0o120777 }], /only files, got mode 120000/],
    [
      'more than it may hold',
      [library, header].map((entry) => ({ ...entry, claimedBytes: 4.2e9 })),
      /at most 6000000000 bytes/,
    ],
    ['a size that is not the content’s', [{ ...library, claimedBytes: 3 }], /as its record says|size|bytes/],
  ])('refuses %s, and writes nothing outside', async (_, entries, message) => {
    await expect(unpack(zipFile([...entries, record(entries)]))).rejects.toMatchObject({
      code: 'ERR_ENGINE_ARCHIVE',
      message: expect.stringMatching(message) as string,
    })
  })

  test('refuses content that its record does not know', async () => {
    const other = record([{ ...library, content: 'another' }])
    await expect(unpack(zipFile([library, other]))).rejects.toMatchObject({
      code: 'ERR_ENGINE_ARCHIVE',
      message: 'wheel must hold tensorflow/libtensorflow_cc.so.2 as its record says, got another hash',
    })
  })

  test('refuses a wheel without a record, and a file that is no archive', async () => {
    await expect(unpack(zipFile([library]))).rejects.toMatchObject({
      message: 'wheel must hold a RECORD, got none',
    })
    await expect(unpack('no archive')).rejects.toMatchObject({ code: 'ERR_ENGINE_ARCHIVE' })
  })

  test('stops when it is told to', async () => {
    const entries = [library]
    await expect(unpack(zipFile([...entries, record(entries)]), AbortSignal.abort())).rejects.toMatchObject({
      name: 'AbortError',
    })
  })
})

describe('placeOf()', () => {
  test.each([
    ['tensorflow/libtensorflow_cc.so.2', 'lib/libtensorflow_cc.so.2'],
    ['tensorflow/other/libtensorflow_cc.so.2', null],
    ['tensorflow/include/unsupported/Eigen/CXX11/Tensor', 'include/unsupported/Eigen/CXX11/Tensor'],
    ['tensorflow/include/google/protobuf/port_def.inc', 'include/google/protobuf/port_def.inc'],
    ['tensorflow/include/external/llvm-project/a.h', null],
    ['tensorflow/include/tensorflow/compiler/xla/a.h', null],
    ['tensorflow/include/a.bin', null],
    ['nvidia/cublas/lib/libcublas.so.12', 'lib/libcublas.so.12'],
    ['nvidia/cublas/__init__.py', null],
  ])('%s goes to %s', (name, place) => {
    expect(placeOf(name, LIBRARIES)).toBe(place)
  })
})
