import { describe, expect, test } from 'vitest'
import { contenderSpec, parseContenders } from '../../../simulations/bench/contenders.ts'
import { findPython } from '../../../simulations/bench/peers.ts'
import { parseSizes, sizeText } from '../../../simulations/bench/sizes.ts'

const usage = (message: RegExp): unknown =>
  expect.objectContaining({ code: 'ERR_USAGE', message: expect.stringMatching(message) })

describe('parseSizes()', () => {
  test('reads batch and side', () => {
    expect(parseSizes('16x128, 8×224')).toEqual([
      { batch: 16, sidePx: 128 },
      { batch: 8, sidePx: 224 },
    ])
    expect(sizeText({ batch: 16, sidePx: 128 })).toBe('16×128²')
  })
  test.each(['', '16', '16x', 'x128', '1x128', '16x15', '5000x128', '16x4096', '16x128,', '-4x64'])(
    '%j is refused',
    (text) => {
      expect(() => parseSizes(text)).toThrowError(
        usage(/^size must be BATCHxSIDE with 2 to 4096 images of 16 to 2048 px, got /),
      )
    },
  )
})

describe('parseContenders()', () => {
  test('keeps the order', () => {
    expect(parseContenders('torch, wasm')).toEqual(['torch', 'wasm'])
  })
  test.each(['jax', 'wasm,wasm', '', 'wasm,,torch'])('%j is refused', (text) => {
    expect(() => parseContenders(text)).toThrowError(
      usage(/^contenders must be different ones of tensorflow, wasm, cpu, torch/),
    )
  })
})

describe('contenderSpec()', () => {
  const start = {
    work: 'step',
    size: { batch: 16, sidePx: 128 },
    threads: 2,
    python: 'py',
    masking: false,
  } as const
  test('gives both the same size, threads and maskings', () => {
    const own = contenderSpec('wasm', start)
    expect(own.args.slice(-5)).toEqual(['--engine', 'wasm', '--size', '16x128', '--no-masking'])
    expect(own.env).toEqual({ TESSERA_THREADS: '2' })
    const peer = contenderSpec('torch', start)
    expect(peer.command).toBe('py')
    expect(peer.args.slice(1).join(' ')).toBe(
      '--batch 16 --size 128 --threads 2 --mode eager --dropout 0 --stochastic-depth 0',
    )
    expect(contenderSpec('torch', { ...start, masking: true }).args).not.toContain('--dropout')
    expect(contenderSpec('torch-compile', start).args).toContain('compile')
    expect(contenderSpec('torch-autotune', start).args).toContain('autotune')
  })
})

describe('findPython()', () => {
  test('says what to type when there is none', async () => {
    await expect(findPython('/nowhere/python')).rejects.toMatchObject({
      code: 'ERR_BENCH_PEER',
      message: expect.stringMatching(
        /^Python must be found, got none at \/nowhere\/python; type: python3 -m venv .*pip install torch torchvision safetensors/,
      ),
    })
  })
  test('says what to type when a program answers that is no Python', async () => {
    await expect(findPython(process.execPath)).rejects.toMatchObject({ code: 'ERR_BENCH_PEER' })
  })
})
