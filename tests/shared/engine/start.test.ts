import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { describe, expect, test, vi } from 'vitest'
import { threadCount } from '../../../shared/engine/threads.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

describe('startEngine()', () => {
  test('starts wasm and says so in one line', async () => {
    const engine = await startEngine({ engine: 'wasm' })
    const threads = threadCount(undefined, process.env)
    expect(engine).toMatchObject({
      name: 'wasm',
      description: `engine: wasm (SIMD, ${threads === 1 ? '1 thread' : `${threads} threads`}; own gradient kernels)`,
    })
    expect(tf.getBackend()).toBe('wasm')
  })

  test('changes nothing when called again', async () => {
    const engine = await startEngine({ engine: 'wasm' })
    const kernel = tf.getKernel(tf.Conv2D, 'wasm')
    expect(await startEngine({ engine: 'wasm' })).toEqual(engine)
    expect(tf.getKernel(tf.Conv2D, 'wasm')).toBe(kernel)
  })

  test('starts what TESSERA_ENGINE says, and refuses a name it does not know', async () => {
    expect((await startEngine()).name).toBe(process.env.TESSERA_ENGINE)
    vi.stubEnv('TESSERA_ENGINE', 'abacus')
    await expect(startEngine()).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: 'TESSERA_ENGINE must be auto, wasm, tensorflow, cpu, got abacus',
    })
    vi.unstubAllEnvs()
  })

  test('takes wasm for auto where no native engine is installed, and says why', async () => {
    vi.stubEnv('TESSERA_ENGINE_DIR', await temporaryFolder())
    expect(await startEngine({ engine: 'auto' })).toMatchObject({
      name: 'wasm',
      passedOver: 'no native engine is installed; tessera engine install builds one',
    })
    vi.unstubAllEnvs()
  })

  test('goes to cpu and back', async () => {
    expect((await startEngine({ engine: 'cpu' })).name).toBe('cpu')
    expect(tf.getBackend()).toBe('cpu')
    await startEngine({ engine: 'wasm' })
    expect(tf.getBackend()).toBe('wasm')
  })

  test('says ERR_ENGINE_UNAVAILABLE for cpu where its package is not installed', async () => {
    vi.resetModules()
    vi.doMock('@tensorflow/tfjs-backend-cpu', () => {
      throw new Error('Cannot find package')
    })
    const fresh = await import('@tessera/shared/engine')
    await expect(fresh.startEngine({ engine: 'cpu' })).rejects.toMatchObject({
      code: 'ERR_ENGINE_UNAVAILABLE',
      message: 'engine cpu must have @tensorflow/tfjs-backend-cpu installed, got none',
    })
    vi.doUnmock('@tensorflow/tfjs-backend-cpu')
  })

  test('runs in a child process, prints nothing and leaves its faults alone', async () => {
    const program = `
      import * as tf from '@tensorflow/tfjs-core'
      import { startEngine } from '@tessera/shared/engine'
      const count = () => ['uncaughtException', 'unhandledRejection'].map((fault) => process.listenerCount(fault))
      const before = count()
      for (const engine of ['wasm', 'cpu', 'wasm']) {
        await startEngine({ engine })
        tf.tidy(() => tf.grad((x) => tf.sum(tf.square(x)))(tf.ones([2, 2])).dataSync())
      }
      process.stdout.write(JSON.stringify([before, count()]))`
    const root = fileURLToPath(new URL('../../../', import.meta.url))
    const child = ['--import', 'tsx', '--input-type=module', '--eval', program]
    const { stdout, stderr } = await promisify(execFile)(process.execPath, child, { cwd: root })
    const [before, after] = JSON.parse(stdout) as [number[], number[]]
    expect(after).toEqual(before)
    expect(stderr).toBe('')
  })
})
