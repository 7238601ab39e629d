import { decodeSafetensors, encodeSafetensors, type Layout, viewSafetensors } from '@tessera/shared/model'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

/** A file with this header text and data, whatever they say. */
function file(header: unknown, dataBytes = 0, headerBytes?: bigint): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(headerBytes ?? BigInt(text.length))
  return Buffer.concat([prefix, text, Buffer.alloc(dataBytes)])
}

function entry(dtype: unknown, shape: unknown, ...offsets: unknown[]): Record<string, unknown> {
  return { dtype, shape, data_offsets: offsets }
}

/** A layout with values for it; names hold what JSON must escape. */
const model = fc
  .uniqueArray(
    fc.record({
      name: fc.string({ unit: 'binary', minLength: 1 }).filter((name) => name !== '__metadata__'),
      shape: fc.array(fc.nat(4), { maxLength: 3 }),
    }),
    { selector: ({ name }) => name, maxLength: 6 },
  )
  .chain((specs) => {
    const layout: Layout = {
      architecture: 'any',
      tensors: specs.map((spec) => ({ ...spec, kind: 'trainable' as const })),
    }
    const tensors = specs.map(({ shape }) => {
      const length = shape.reduce((product, size) => product * size, 1)
      return fc.float32Array({ minLength: length, maxLength: length })
    })
    return fc.tuple(...tensors).map((all) => ({
      layout,
      weights: new Map(specs.map(({ name }, i) => [name, all[i] ?? new Float32Array()])),
    }))
  })

const small: Layout = {
  architecture: 'small',
  tensors: [
    { name: 'a', shape: [2], kind: 'trainable' },
    { name: 'b', shape: [], kind: 'statistic' },
  ],
}
const smallWeights = new Map([
  ['a', Float32Array.of(1, -2)],
  ['b', Float32Array.of(0.5)],
])

describe('encodeSafetensors()', () => {
  test('is the length, the padded header and the values', () => {
    const header =
      '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}'
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8)
    const golden = file(padded, 12)
    golden.set([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0, 0x3f], golden.length - 12) // 1, −2, 0.5
    expect(Buffer.from(encodeSafetensors(small, smallWeights))).toEqual(Buffer.from(golden))
  })

  test('says ERR_LAYOUT_MISMATCH when a tensor is missing', () => {
    expect(() => encodeSafetensors(small, new Map([['a', Float32Array.of(1, 2)]]))).toThrow(
      expect.objectContaining({ code: 'ERR_LAYOUT_MISMATCH' }),
    )
  })
})

describe('decodeSafetensors()', () => {
  test('gives back what was encoded, in order, whatever the names and shapes', () => {
    fc.assert(
      fc.property(model, ({ layout, weights }) => {
        const metadata = { format: 'pt', note: 'ünï"code' }
        const decoded = decodeSafetensors(encodeSafetensors(layout, weights, metadata))
        expect(decoded.metadata).toEqual(metadata)
        expect(
          [...decoded.tensors].map(([name, { shape, data }]) => ({ name, shape, data })).toSorted(byName),
        ).toEqual(
          layout.tensors
            .map(({ name, shape }) => ({ name, shape, data: weights.get(name) }))
            .toSorted(byName),
        )
      }),
    )
  })

  test('copies tensors out of a file that is itself a view at an odd offset', () => {
    const encoded = encodeSafetensors(small, smallWeights)
    const pool = new Uint8Array(encoded.length + 3)
    pool.set(encoded, 3)
    const { tensors } = decodeSafetensors(pool.subarray(3))
    pool.fill(0)
    expect(tensors.get('a')?.data).toEqual(Float32Array.of(1, -2))
    expect(tensors.get('a')?.data.buffer.byteLength).toBe(8)
  })

  test('gives aligned tensors as views when asked, others as copies', () => {
    const encoded = encodeSafetensors(small, smallWeights)
    for (const offset of [0, 1, 4]) {
      const pool = new Uint8Array(encoded.length + offset)
      pool.set(encoded, offset)
      const data = viewSafetensors(pool.subarray(offset)).tensors.get('a')?.data
      expect(data).toEqual(Float32Array.of(1, -2))
      expect(data?.buffer === pool.buffer).toBe(offset % 4 === 0)
    }
  })

  test('reads every dtype', () => {
    const bytes = file(
      {
        half: entry('F16', [6], 0, 12),
        brain: entry('BF16', [1], 12, 14),
        int: entry('I32', [1], 14, 18),
        long: entry('I64', [1], 18, 26),
        byte: entry('U8', [2], 26, 28),
      },
      28,
    )
    const data = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 28)
    // 1, −0.5, the smallest subnormal, infinity, NaN, 65504
    for (const [i, bits] of [0x3c00, 0xb800, 1, 0x7c00, 0x7e00, 0x7bff].entries())
      data.setUint16(2 * i, bits, true)
    data.setUint16(12, 0xc040, true)
    data.setInt32(14, -7, true)
    data.setBigInt64(18, -8n, true)
    data.setUint8(27, 255)
    const { tensors } = decodeSafetensors(bytes)
    expect(Object.fromEntries([...tensors].map(([name, tensor]) => [name, tensor.data]))).toEqual({
      half: Float32Array.of(1, -0.5, 2 ** -24, Number.POSITIVE_INFINITY, Number.NaN, 65504),
      brain: Float32Array.of(-3),
      int: Int32Array.of(-7),
      long: BigInt64Array.of(-8n),
      byte: Uint8Array.of(0, 255),
    })
  })

  test('throws nothing but ERR_MODEL_FILE when the file is cut or a bit of it is flipped', () => {
    const bytes = encodeSafetensors(small, smallWeights, { format: 'pt' })
    const damaged = fc.oneof(
      fc.nat(bytes.length - 1).map((length) => bytes.slice(0, length)),
      fc.nat(8 * (bytes.length - 12) - 1).map((bit) => {
        const copy = bytes.slice()
        copy.set([(copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))], bit >> 3)
        return copy
      }),
      fc.uint8Array({ maxLength: 64 }),
    )
    fc.assert(
      fc.property(damaged, (bytes) => {
        try {
          decodeSafetensors(bytes)
        } catch (error) {
          expect(error).toMatchObject({ name: 'TesseraError', code: 'ERR_MODEL_FILE' })
        }
      }),
      { numRuns: 2000 },
    )
  })

  const eight = entry('F32', [2], 0, 8)
  test.each<[string, Uint8Array, string]>([
    ['no header', new Uint8Array(7), 'model file must have at least 8 bytes, got 7'],
    [
      'a header longer than the file',
      file('{}', 0, 3n),
      "model file's header must have at most 2 bytes, got 3",
    ],
    ['a header of 2⁶³ bytes', file('{}', 0, 2n ** 63n), 'got 9223372036854775808'],
    [
      'a header of more than 4 MiB',
      file('', 5 * 2 ** 20, BigInt(4 * 2 ** 20 + 1)),
      "model file's header must have at most 4194304 bytes, got 4194305",
    ],
    ['text that is not UTF-8', file('{}\u0000', 0).with(9, 0xff), 'must be UTF-8 text'],
    ['text that is not JSON', file('{"a":'), "model file's header must be JSON"],
    ['a list', file('[]'), "model file's header must be a JSON object"],
    ['null', file('null'), "model file's header must be a JSON object"],
    ['space before the object', file(' {}'), "model file's header must be a JSON object"],
    [
      'a name twice',
      file(`{"a":${JSON.stringify(eight)},"\\u0061":${JSON.stringify(eight)}}`, 8),
      'got "a" twice',
    ],
    [
      'a field twice',
      file('{"a":{"dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4]}}', 4),
      'got "dtype" twice',
    ],
    [
      'metadata that is no text',
      file({ __metadata__: { a: 1 } }),
      "model file's metadata must be an object of texts",
    ],
    [
      'metadata that is a list',
      file({ __metadata__: ['a'] }),
      "model file's metadata must be an object of texts",
    ],
    ['a tensor that is no object', file({ a: 4 }), 'tensor "a" must have dtype, shape and data_offsets'],
    ['an unknown field', file({ a: { ...eight, more: 1 } }, 8), 'got "more" too'],
    ['an unknown dtype', file({ a: entry('F8_E4M3', [8], 0, 8) }, 8), 'got "F8_E4M3"'],
    ['a dtype that every object has', file({ a: entry('toString', [8], 0, 8) }, 8), 'got "toString"'],
    ['a shape with a fraction', file({ a: entry('F32', [1.5], 0, 6) }, 6), 'whole numbers'],
    ['a negative size', file({ a: entry('F32', [-2, -1], 0, 8) }, 8), 'whole numbers'],
    ['too many dimensions', file({ a: entry('F32', Array(9).fill(1), 0, 4) }, 4), 'at most 8 whole numbers'],
    [
      'a shape whose product overflows',
      file({ a: entry('F32', [2 ** 32, 2 ** 32], 0, 8) }, 8),
      'bytes for its shape',
    ],
    ['three offsets', file({ a: entry('F32', [2], 0, 8, 8) }, 8), 'two whole numbers as data_offsets'],
    ['offsets in reverse', file({ a: entry('F32', [2], 8, 0) }, 8), 'got 8 to 0'],
    ['offsets past the end', file({ a: entry('F32', [2], 4, 12) }, 8), "must lie within the data's 8 bytes"],
    [
      'a shape that does not fill its bytes',
      file({ a: entry('F32', [1], 0, 8) }, 8),
      'must have 4 bytes for its shape [1]',
    ],
    [
      'a hole',
      file({ a: entry('F32', [1], 0, 4), b: entry('F32', [1], 8, 12) }, 12),
      'tensor "b" must begin at byte 4',
    ],
    ['an overlap', file({ a: eight, b: entry('F32', [2], 4, 12) }, 12), 'tensor "b" must begin at byte 8'],
    ['bytes after the last tensor', file({ a: eight }, 9), 'must end with its last tensor'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(
      expect.objectContaining({ code: 'ERR_MODEL_FILE', message: expect.stringContaining(message) }),
    )
  })

  test('keeps the escapes and the length of a hostile name out of the message', () => {
    const name = `\u001b[31m${'x'.repeat(1000)}`
    expect(() => decodeSafetensors(file({ [name]: 1 }))).toThrow(/^tensor "\\u001b\[31mx{74}…" must/)
  })

  test('takes a name that every object has for a name', () => {
    const bytes = file('{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1)
    expect([...decodeSafetensors(bytes).tensors.keys()]).toEqual(['__proto__'])
  })
})

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1
}
