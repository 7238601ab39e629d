import { BAD_FRAME, createParser, decodeFrame, encodeFrame, MAX_FRAME_BYTES } from '@tessera/shared/protocol'
import * as fc from 'fast-check'
import { Packr, pack } from 'msgpackr'
import { describe, expect, test } from 'vitest'

const event = (data: unknown[]): Uint8Array => encodeFrame({ type: 2, nsp: '/', data })
const malformed = expect.objectContaining({ code: 'ERR_FRAME_MALFORMED' }) as Error
const tooLarge = expect.objectContaining({ code: 'ERR_FRAME_TOO_LARGE' }) as Error

describe('decodeFrame()', () => {
  test.each([
    { type: 0, nsp: '/' },
    { type: 0, nsp: '/', data: { token: 't' } },
    { type: 1, nsp: '/' },
    { type: 2, nsp: '/', data: ['a:b'] },
    { type: 2, nsp: '/', data: ['a:b', { x: 1.5, y: null, z: [true, 'é', -7, 2 ** 40] }], id: 0 },
    { type: 3, nsp: '/', data: [{ ok: true }], id: 12 },
    { type: 4, nsp: '/', data: { message: 'm' } },
  ])('undoes encodeFrame() for %j', (packet) => {
    expect(decodeFrame(encodeFrame(packet))).toEqual(packet)
  })
  test('takes a Buffer, a Uint8Array anywhere in its memory, and an ArrayBuffer', () => {
    const frame = event(['x', 1])
    const pool = new Uint8Array(frame.length + 9)
    pool.set(frame, 5)
    for (const form of [
      Buffer.from(frame),
      pool.subarray(5, 5 + frame.length),
      Uint8Array.from(frame).buffer,
    ]) {
      expect(decodeFrame(form)).toMatchObject({ data: ['x', 1] })
    }
  })
  test('gives bytes that share no memory with the frame', () => {
    const frame = event(['x', { chunk: Uint8Array.of(1, 2, 3) }])
    const { data } = decodeFrame(frame)
    const { chunk } = (data as [string, { chunk: Uint8Array }])[1]
    frame.fill(0xff)
    expect(chunk).toEqual(Uint8Array.of(1, 2, 3))
    expect(chunk.buffer.byteLength).toBe(3)
    expect(Buffer.isBuffer(chunk)).toBe(false)
  })
  test.each([
    ['as large as the frame', 0, true],
    ['three times as large, as of a pool of several', 30_000, false],
  ])(
    'bytes that make up their frame, in memory %s, keep no more alive than twice their size',
    (_, more, stay) => {
      const frame = event(['x', { chunk: new Uint8Array(15_000).fill(7) }])
      const memory = new Uint8Array(frame.length + more)
      memory.set(frame, more)
      const { data } = decodeFrame(memory.subarray(more))
      const { chunk } = (data as [string, { chunk: Uint8Array }])[1]
      expect(chunk.buffer === memory.buffer).toBe(stay)
      expect(chunk.buffer.byteLength).toBeLessThan(chunk.byteLength * 2)
      expect(chunk).toEqual(new Uint8Array(15_000).fill(7))
    },
  )
  test('checks the size before anything else', () => {
    expect(() => decodeFrame(new Uint8Array(MAX_FRAME_BYTES + 1).fill(0xc1))).toThrow(tooLarge)
    expect(() => decodeFrame(new Uint8Array(MAX_FRAME_BYTES).fill(0xc1))).toThrow(malformed)
  })
  test.each([
    ['a text', '{"type":2}'],
    ['nothing', undefined],
    ['an empty frame', new Uint8Array(0)],
    ['a number', pack(5)],
    ['a list', pack([2, '/', ['x']])],
    ['an unknown type', pack({ type: 7, nsp: '/', data: ['x'] })],
    ['a type for attachments', pack({ type: 5, nsp: '/', data: ['x'] })],
    ['no namespace', pack({ type: 2, data: ['x'] })],
    ['a namespace that is no text', pack({ type: 2, nsp: 1, data: ['x'] })],
    ['an event without a name', pack({ type: 2, nsp: '/', data: [] })],
    ['an event with a number as name', pack({ type: 2, nsp: '/', data: [1] })],
    ['an event whose data is no list', pack({ type: 2, nsp: '/', data: { 0: 'x' } })],
    ['an event with a long name', pack({ type: 2, nsp: '/', data: ['x'.repeat(65)] })],
    ['an answer without an id', pack({ type: 3, nsp: '/', data: [] })],
    ['a negative id', pack({ type: 2, nsp: '/', data: ['x'], id: -1 })],
    ['an id that is no integer', pack({ type: 2, nsp: '/', data: ['x'], id: 1.5 })],
    ['an id beyond exact integers', pack({ type: 2, nsp: '/', data: ['x'], id: 2n ** 63n })],
    ['a field too many', pack({ type: 2, nsp: '/', data: ['x'], attachments: 1 })],
    ['a disconnect with data', pack({ type: 1, nsp: '/', data: ['x'] })],
    ['a connect whose data is a list', pack({ type: 0, nsp: '/', data: ['x'] })],
  ])('refuses %s', (_, frame) => {
    expect(() => decodeFrame(frame)).toThrow(malformed)
  })
  test.each([
    BAD_FRAME,
    'error',
    'connect',
    'connect_error',
    'connection',
    'disconnect',
    'disconnecting',
    'newListener',
    'removeListener',
  ])('refuses the event %s, which only this machine may raise', (name) => {
    expect(() => decodeFrame(event([name, { code: 'ERR_FRAME_TOO_LARGE' }]))).toThrow(malformed)
  })
})

describe('decodeFrame() of a damaged frame', () => {
  test('gives a packet or one of its two codes, never anything else', () => {
    const frame = encodeFrame({
      type: 2,
      nsp: '/',
      data: ['upload:chunk', { upload: 'u', index: 1, chunk: new Uint8Array(20) }],
      id: 3,
    })
    const damage = fc.array(fc.tuple(fc.nat(frame.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(damage, (changes) => {
        const damaged = Uint8Array.from(frame)
        for (const [at, byte] of changes) damaged[at] = byte
        try {
          expect(decodeFrame(damaged).type).toBeLessThan(5)
        } catch (thrown) {
          expect(thrown).toEqual(malformed)
        }
      }),
      { numRuns: 3000 },
    )
  })
})

describe('encodeFrame()', () => {
  test('refuses what the peer would refuse', () => {
    expect(() => event(['x', new Uint8Array(MAX_FRAME_BYTES)])).toThrow(tooLarge)
  })
  test('gives large frames memory that later frames do not touch, and the bytes a whole pack gives', () => {
    const chunk = (i: number) => new Uint8Array(10_000).fill(i)
    const frames = [1, 2, 3].flatMap((i) => [event(['x', { chunk: chunk(i) }]), event(['x', i])])
    const small = frames.map((frame) => Uint8Array.from(frame))
    for (const [i, frame] of frames.entries()) {
      const n = Math.floor(i / 2) + 1
      expect(frame).toEqual(Buffer.from(small[i] ?? []))
      expect(decodeFrame(frame)).toMatchObject({ data: ['x', i % 2 === 0 ? { chunk: chunk(n) } : n] })
    }
    const packed = new Packr({ useRecords: false, variableMapSize: true }).pack({
      type: 2,
      nsp: '/',
      data: ['x', chunk(7)],
    })
    expect(event(['x', chunk(7)])).toEqual(packed)
  })
  test('gives memory that later frames do not touch', () => {
    const frames = Array.from({ length: 200 }, (_, i) => event(['x', new Uint8Array(200).fill(i)]))
    for (const [i, frame] of frames.entries()) {
      expect(decodeFrame(frame)).toMatchObject({ data: ['x', new Uint8Array(200).fill(i)] })
    }
  })
})

describe('Decoder', () => {
  function decoder() {
    const { Decoder } = createParser()
    const [decoder, packets] = [new Decoder(), [] as { data: unknown[] }[]]
    decoder.on('decoded', (packet: { data: unknown[] }) => packets.push(packet))
    return { decoder, packets }
  }
  test('turns the first bad frame into a local event and reads no further', () => {
    const { decoder: end, packets } = decoder()
    for (const frame of [event(['a']), hexFrame, event(['b']), hexFrame]) end.add(frame)
    expect(packets.map(({ data }) => data[0])).toEqual(['a', BAD_FRAME])
    expect(packets[1]).toMatchObject({
      type: 2,
      nsp: '/',
      data: [BAD_FRAME, { code: 'ERR_FRAME_MALFORMED' }],
    })
  })
  test('starts again for the next connection of a client', () => {
    const { decoder: end, packets } = decoder()
    end.add(hexFrame)
    end.destroy()
    end.add(event(['a']))
    expect(packets.at(-1)).toMatchObject({ data: ['a'] })
  })
  test('a fault of a listener is not taken for a fault of the frame', () => {
    const { Decoder } = createParser()
    const end = new Decoder()
    end.on('decoded', () => {
      throw new Error('of the listener')
    })
    expect(() => end.add(event(['a']))).toThrow('of the listener')
  })
})

const hexFrame = Buffer.from('c1', 'hex')
