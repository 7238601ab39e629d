import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createRun } from '../../../../../shared/engine/tensorflow/install/run.ts'

const run = createRun(new AbortController().signal)
const node = (script: string): [string, string[]] => [process.execPath, ['-e', script]]

describe('createRun()', () => {
  test('gives exit code and both outputs, with variables added to the environment', async () => {
    const script = `process.stdout.write(process.env.A + typeof process.env.PATH); process.stderr.write('e'); process.exitCode = 3`
    expect(await run(...node(script), { env: { A: 'a' } })).toEqual({
      status: 3,
      stdout: 'astring',
      stderr: 'e',
    })
  })
  test('is null where there is no such program', async () => {
    expect(await run('tessera-no-such-program', [])).toBeNull()
  })
  test('keeps the beginning of what a program writes without end', async () => {
    const result = await run(...node(`process.stdout.write('x'.repeat(2e6))`))
    expect(result?.stdout.length).toBeGreaterThan(100_000)
    expect(result?.stdout.length).toBeLessThan(400_000)
  })
  test('a stop ends the program and those it started', async () => {
    const stop = new AbortController()
    const script = `
      const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
      console.log(child.pid)
      setInterval(() => {}, 1000)`
    let grandchild = 0
    const stopping = createRun(stop.signal)(...node(script), {
      onOutput: (text) => {
        grandchild = Number(text)
        stop.abort()
      },
    })
    await expect(stopping).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    // The child's end was waited for; the system may take a moment to end the other.
    await expect.poll(() => isRunning(grandchild)).toBe(false)
  })
  test('runs nothing after a stop', async () => {
    await expect(createRun(AbortSignal.abort())('node', [])).rejects.toMatchObject({
      code: 'ERR_INTERRUPTED',
    })
  })
})

/** A process that has ended and was not waited for counts as ended. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
  return !/\) Z /.test(stat)
}
