import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { initCoordinator } from '@tessera/coordinator'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'

const TESSERA = fileURLToPath(new URL('../../cli/tessera.mjs', import.meta.url))

test('a verb whose reader has gone ends well, and without a word', async () => {
  const child = spawn(process.execPath, [TESSERA, 'demo', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let errors = ''
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
  expect(await once(child, 'close')).toEqual([0, null])
  expect(errors).toBe('')
})

test('a coordinator whose logs nobody reads any more goes on serving', async () => {
  const dir = await temporaryFolder()
  await initCoordinator({ dir, host: '127.0.0.1', port: 0 })
  const child = spawn(process.execPath, [TESSERA, 'coordinator', 'start', '--dir', dir, '--ready-json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const { url } = JSON.parse(line.toString()) as { url: string }
  child.stdout.destroy()
  child.stderr.destroy()
  // Obeyed, and logged to nobody.
  await promisify(execFile)(process.execPath, [TESSERA, 'coordinator', 'invite', 'radboud', '--dir', dir])
  const closed = once(child, 'close')
  expect((await fetch(`${url}/socket.io/?EIO=4&transport=polling`)).status).toBe(200)
  child.kill('SIGTERM')
  expect(await closed).toEqual([0, null])
})

test('a result that a full disk does not take is told by the exit code', async () => {
  const run = promisify(execFile)('sh', ['-c', `"$0" "$1" --help > /dev/full`, process.execPath, TESSERA])
  await expect(run).rejects.toMatchObject({ code: 74 })
})
