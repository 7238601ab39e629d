import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createStudy, initCoordinator, invite } from '@tessera/coordinator'
import { addCoordinatorCommands } from '@tessera/coordinator/main'
import { generateKeyPair, type KeyPair } from '@tessera/shared/security'
import { listChunks, unpackMissing } from '@tessera/shared/transfer'
import { Command } from 'commander'
import { describe, expect, test, vi } from 'vitest'
import { startProcess } from '../support/coordinator-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { ask, connect, deltaOf, enrol, joined, TINY_STUDY } from './raw-site.ts'

/** Where nothing listens. */
const STORE = 'postgresql://tessera:hunter2@127.0.0.1:9/fl'

async function folder(): Promise<string> {
  const dir = await temporaryFolder()
  await initCoordinator({ dir })
  await createStudy({ dir, study: { ...TINY_STUDY, training: { rounds: 1 } } })
  return dir
}

async function enrolledNow(dir: string, url: string, site: string): Promise<KeyPair> {
  const { kit } = await invite({ dir, site, autoApprove: true })
  const [pair, { socket }] = [await generateKeyPair(), await connect(url)]
  await enrol(socket, kit, pair)
  socket.disconnect()
  return pair
}

describe('tessera coordinator', () => {
  const program = new Command('tessera')
  addCoordinatorCommands(program)
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)]

  test.each(
    all(program)
      .slice(1)
      .map((command) => [command.name(), command] as const),
  )('%s --help fits one screen and ends with an example', (_, command) => {
    let help = ''
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
    const lines = help.trimEnd().split('\n')
    expect(lines.length).toBeLessThanOrEqual(24)
    expect(lines.at(-1)).toMatch(/^ {2}\$ tessera coordinator /)
  })

  test('init --if-missing makes a coordinator, and leaves one that is there as it is', async () => {
    const dir = join(await temporaryFolder(), 'coordinator')
    const init = ['tessera', 'coordinator', 'init', '--if-missing', '--dir', dir, '--port']
    const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    try {
      await program.parseAsync(['node', ...init, '7434'])
      const made = await readFile(join(dir, 'coordinator.json'), 'utf8')
      await program.parseAsync(['node', ...init, '7435'])
      expect(await readFile(join(dir, 'coordinator.json'), 'utf8')).toBe(made)
      expect(made).toContain('7434')
    } finally {
      written.mockRestore()
    }
  })

  test('what a site has delivered or sent survives kill -9: the round ends with it after a restart', async () => {
    const dir = await folder()
    const first = await startProcess(dir)
    const keys = {
      north: await enrolledNow(dir, first.url, 'north'),
      south: await enrolledNow(dir, first.url, 'south'),
    }
    const before = await joined(first.url, first.publicKey, 'north', keys.north)
    const south = await joined(first.url, first.publicKey, 'south', keys.south)
    const bytes = deltaOf(0.01)
    await south.deliver(await south.manifest(await south.offer(), bytes), bytes)
    const offer = await before.offer()
    const manifest = await before.manifest(offer, bytes)
    const chunks = listChunks(bytes).digests
    const { upload } = await ask(before.socket, 'upload:open', { manifest, chunks })
    await ask(before.socket, 'upload:chunk', { upload, index: 0, chunk: bytes })
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')

    const second = await startProcess(dir, '--until-finished', '--progress-json')
    const north = await joined(second.url, second.publicKey, 'north', keys.north)
    expect(await north.offer()).toEqual(offer)
    const again = await ask(north.socket, 'upload:open', { manifest, chunks })
    expect(unpackMissing(again.missing, 1)).toEqual([])
    await ask(north.socket, 'upload:commit', { upload: again.upload })
    expect((await north.published()).contributors.map(({ site }) => site)).toEqual(['north', 'south'])
    const [code] = (await once(second.child, 'exit')) as [number]
    expect(code).toBe(0)
    const progress = second.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(progress.at(-1)).toMatchObject({ type: 'progress', study: 'tiny', phase: 'finished', round: 1 })
  })

  test('SIGTERM ends it cleanly', async () => {
    const { child } = await startProcess(await folder())
    child.kill('SIGTERM')
    const [code] = (await once(child, 'exit')) as [number]
    expect(code).toBe(0)
  })

  test('the verbs from init to status', async () => {
    const dir = join(await temporaryFolder(), 'new')
    const studyFile = `${dir}-study.json`
    await writeFile(studyFile, JSON.stringify(TINY_STUDY))
    const run = async (...args: string[]): Promise<string> => {
      const fresh = new Command('tessera').exitOverride()
      addCoordinatorCommands(fresh)
      const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
      try {
        await fresh.parseAsync(['coordinator', ...args, '--dir', dir], { from: 'user' })
        return written.mock.calls.map(([text]) => String(text)).join('')
      } finally {
        written.mockRestore()
      }
    }
    const made = await run('init', '--url', 'https://fl.example.org', '--store', STORE)
    expect(made).toContain('Its events go to postgresql://tessera:***@127.0.0.1:9/fl.')
    expect(JSON.parse(await readFile(join(dir, 'coordinator.json'), 'utf8'))).toMatchObject({ store: STORE })
    await rm(dir, { recursive: true })
    expect(await run('init', '--url', 'https://fl.example.org')).toMatch(/Fingerprint.*: ([0-9a-f]{4} ?){8}/)
    expect(await run('study', 'create', studyFile)).toContain('Study tiny created: 2 rounds, method ce.')
    expect(await run('invite', 'north', '--days', '3', '--out', `${dir}/north.json`)).toContain(
      'Kit for north',
    )
    expect(JSON.parse(await readFile(`${dir}/north.json`, 'utf8'))).toMatchObject({ site: 'north' })
    expect(await run('status')).toMatch(/tiny {2}waiting, round 1 of 2\n[^]*north {2}invited/)
    await run('revoke', 'north')
    expect(JSON.parse(await run('status', '--json'))).toMatchObject({
      sites: [{ site: 'north', state: 'lapsed' }],
    })
    await expect(run('study', 'create', `${dir}/nowhere.json`)).rejects.toMatchObject({ code: 'ERR_USAGE' })
    await writeFile(studyFile, 'id: tiny')
    await expect(run('study', 'create', studyFile)).rejects.toMatchObject({ code: 'ERR_STUDY_INVALID' })
  })
})
