import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { generateKeyPair, sha256Hex } from '@tessera/shared/security'
import { addSiteCommands } from '@tessera/site-agent/main'
import { Command } from 'commander'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { addressFile } from '../../site-agent/dashboard/address.ts'
import { hasLeft, isApproved, isPaused } from '../../site-agent/policy/index.ts'
import { openAudit } from '../../site-agent/uplink/audit.ts'
import { enrolledSite } from '../support/enrolled-site.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { miniCoordinator, TINY_STUDY } from '../support/mini-coordinator.ts'
import { writePolicy } from '../support/site-policy.ts'
import { noiseFolder } from '../support/tile-files.ts'

/** Runs a command line; gives what it prints to standard output. A failure keeps it as `printed`, and standard error as `errors`. */
async function tessera(line: string): Promise<string> {
  let printed = ''
  let errors = ''
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += String(text)
      return true
    }),
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      errors += String(text)
      return true
    }),
  ]
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore()
  })
  const program = new Command('tessera').exitOverride()
  addSiteCommands(program)
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)]
  for (const command of all(program)) {
    command.exitOverride().configureOutput({ writeErr: () => undefined })
  }
  try {
    await program.parseAsync(line.split(' '), { from: 'user' })
  } catch (thrown) {
    throw Object.assign(thrown as Error, { printed, errors })
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
  return printed
}

describe('tessera site enroll --if-missing', () => {
  test('leaves an enrolled folder as it is, and asks nobody', async () => {
    const { dir } = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
    const before = await readFile(join(dir, 'site.json'), 'utf8')
    expect(await tessera(`site enroll /no/such/kit.json --if-missing --dir ${dir}`)).toBe(
      'Enrolled already, as north with http://127.0.0.1:9.\n',
    )
    expect(await readFile(join(dir, 'site.json'), 'utf8')).toBe(before)
  })
})

describe('tessera site check', () => {
  test('prints the counts by class and says that the folder is ready', async () => {
    const dir = await noiseFolder({ normal: 2, tumor: 3 })
    const printed = await tessera(`site check ${dir} --data-only --classes normal,tumor --size 8`)
    expect(printed).toContain('tumor       3\ntotal       5\n')
    expect(printed).toContain('Ready to train.')
  })

  test('prints everything that is wrong, then fails with the code that training would give', async () => {
    const dir = await noiseFolder({ normal: 2, tumor: 0 })
    await writeFile(join(dir, 'normal', 'x.png'), 'no image')
    await expect(
      tessera(`site check ${dir} --data-only --classes normal,tumor --size 8`),
    ).rejects.toMatchObject({
      code: 'ERR_DATA_CLASS_EMPTY',
      printed: expect.stringContaining('skipped      1: 1 unreadable'),
    })
    await mkdir(join(dir, 'tumour'))
    await expect(
      tessera(`site check ${dir} --data-only --classes normal,tumor --size 8`),
    ).rejects.toMatchObject({
      code: 'ERR_DATA_CLASSES',
      message: expect.stringContaining('tumour'),
    })
  })

  test('gives JSON for programs', async () => {
    const dir = await noiseFolder({ normal: 1, tumor: 1 })
    const printed = await tessera(`site check ${dir} --data-only --classes normal,tumor --size 8 --json`)
    expect(JSON.parse(printed)).toMatchObject({ code: null, report: { tiles: 2, duplicates: 0 } })
  })

  test('takes classes and size from a study that the site has joined', async () => {
    const site = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
    const line = `site check ${site.dataDir} --data-only --study tiny --dir ${site.dir}`
    await expect(tessera(line)).rejects.toMatchObject({ code: 'ERR_STUDY_UNKNOWN' })
    await mkdir(join(site.dir, 'state', 'tiny'), { recursive: true })
    await writeFile(join(site.dir, 'state', 'tiny', 'study.json'), JSON.stringify(TINY_STUDY))
    expect(await tessera(line)).toContain('total      12')
  })

  test('checks a study before it is joined: way, clock, disk, engine, a real step, memory', async () => {
    const mini = await miniCoordinator()
    const site = await enrolledSite(mini.url, mini.keys)
    const printed = await tessera(`site check ${site.dataDir} --study tiny --dir ${site.dir} --json`)
    const { report, checks } = JSON.parse(printed)
    expect(report.tiles).toBe(12)
    expect(checks.map(({ name }: { name: string }) => name)).toEqual([
      'coordinator',
      'clock',
      'disk',
      'engine',
      'round',
      'memory',
    ])
    const round = checks.find(({ name }: { name: string }) => name === 'round')
    expect(round.text).toMatch(/^\d+\.\d\d s a step of 4 tiles, 3 a round: about /)
    expect(mini.said.map(({ event }) => event)).toEqual(['key:fetch', 'session:join'])
  })

  test('prints every line and then fails when one of them does', async () => {
    const site = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
    await mkdir(join(site.dir, 'state', 'tiny'), { recursive: true })
    await writeFile(join(site.dir, 'state', 'tiny', 'study.json'), JSON.stringify(TINY_STUDY))
    await expect(tessera(`site check ${site.dataDir} --study tiny --dir ${site.dir}`)).rejects.toMatchObject({
      code: 'ERR_PREFLIGHT',
      message: 'every check must pass, got coordinator failed',
      printed: expect.stringMatching(/coordinator +FAIL +coordinator must answer[\s\S]*round +ok/),
    })
  })

  test('writes a page without names, and tells names of leaking tiles apart from the result', async () => {
    const dir = await noiseFolder({ normal: 3, tumor: 3 })
    await copyFile(join(dir, 'tumor', '0.png'), join(dir, 'tumor', 'secret.png'))
    const lines = ['normal/0', 'normal/1', 'tumor/0', 'tumor/secret'].map(
      (tile, i) => `${tile}.png,${tile.split('/')[0]},${i === 3 ? 'test' : 'train'}`,
    )
    await writeFile(join(dir, 'tiles.csv'), ['path,label,split', ...lines].join('\n'))
    const page = join(dir, 'page.html')
    const line = `site check ${join(dir, 'tiles.csv')} --data-only --classes normal,tumor --size 8 --html ${page}`
    const failure = await tessera(line).catch((thrown: unknown) => thrown)
    expect(failure).toMatchObject({ code: 'ERR_DATA_LEAKAGE' })
    const { printed, errors } = failure as { printed: string; errors: string }
    expect(printed).toContain('leakage      1 by duplicate')
    expect(printed).not.toContain('secret')
    expect(errors).toContain('  duplicate: tumor/0.png (train), tumor/secret.png (test)')
    const html = await readFile(page, 'utf8')
    expect(html).toContain('Not ready: train, val and test must share no patient')
    expect(html).not.toContain('secret')
  })

  test('wants to know the classes', async () => {
    await expect(tessera('site check tiles')).rejects.toMatchObject({ code: 'ERR_USAGE' })
    await expect(tessera('site check tiles --size 8x')).rejects.toMatchObject({
      code: 'commander.invalidArgument',
    })
    for (const wrong of ['--max-bad 2', '--near 12', '--near x', '--split-by class']) {
      await expect(tessera(`site check tiles ${wrong}`)).rejects.toMatchObject({
        code: 'commander.invalidArgument',
      })
    }
    for (const wrong of ['--split 1', '--map a', '--columns a=b']) {
      await expect(tessera(`site check tiles ${wrong}`)).rejects.toMatchObject({ code: 'ERR_USAGE' })
    }
  })
})

describe('tessera site policy', () => {
  test('shows the rules in words and whether they are in force, and signs them', async () => {
    const site = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
    const file = join(site.dir, 'policy.yaml')
    await writeFile(file, `${await readFile(file, 'utf8')}\n# read by IT\n`)
    const shown = await tessera(`site policy show --dir ${site.dir}`)
    expect(shown).toContain('largest upload         1.0 GB a round')
    expect(shown).toContain('NOT in force: policy.yaml must be read and then signed')
    await expect(tessera(`site start --study tiny --data tiles --dir ${site.dir}`)).rejects.toMatchObject({
      code: 'ERR_POLICY_UNSIGNED',
    })
    const signed = await tessera(`site policy sign --dir ${site.dir}`)
    expect(signed).toContain(`Signed. policy ${sha256Hex(await readFile(file))}`)
    expect(await tessera(`site policy show --dir ${site.dir}`)).toContain('signed by this site')
  })

  test('writes the default where there is none, never over one', async () => {
    const site = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
    expect(await tessera(`site policy write --dir ${site.dir}`)).toContain('nothing is changed')
    await rm(join(site.dir, 'policy.yaml'))
    await expect(tessera(`site policy sign --dir ${site.dir}`)).rejects.toMatchObject({
      code: 'ERR_POLICY_FILE',
    })
    expect(await tessera(`site policy write --dir ${site.dir}`)).toContain('policy.yaml is written')
    await tessera(`site policy sign --dir ${site.dir}`)
  })
})

describe('tessera site pause, resume, status and approve', () => {
  test('a pause is shown until it is ended, whether or not an agent runs', async () => {
    const site = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
    expect(await tessera(`site status --dir ${site.dir}`)).toContain('paused         no')
    await tessera(`site pause --dir ${site.dir}`)
    expect(isPaused(site.dir)).toBe(true)
    expect(await tessera(`site status --dir ${site.dir}`)).toMatch(/paused +since \d{4}-/)
    await tessera(`site resume --dir ${site.dir}`)
    expect(isPaused(site.dir)).toBe(false)
    await tessera(`site resume --dir ${site.dir}`)
  })

  test('status says what left today against the policy’s limits', async () => {
    const site = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
    const log = await openAudit(join(site.dir, 'audit.jsonl'), systemClock)
    const frame = { kind: 'upload:open', sha256: 'a'.repeat(64), why: 'test', study: 'tiny', round: 4 }
    log.append({ ...frame, bytes: 1500 })
    await log.close()
    const status = JSON.parse(await tessera(`site status --json --dir ${site.dir}`))
    expect(status).toMatchObject({
      site: 'north',
      pausedSince: null,
      policy: { inForce: true, fault: null },
      today: { bytes: 1500, rounds: 1 },
      auditLines: 1,
    })
  })

  test('approve says yes to one round of one study', async () => {
    const site = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
    await tessera(`site approve 3 --study tiny --dir ${site.dir}`)
    expect(isApproved(site.dir, 'tiny', 3)).toBe(true)
    expect(isApproved(site.dir, 'tiny', 4)).toBe(false)
    expect(isApproved(site.dir, 'other', 3)).toBe(false)
    await expect(tessera(`site approve 3 --study ../tiny --dir ${site.dir}`)).rejects.toMatchObject({
      code: 'commander.invalidArgument',
    })
  })

  test('leave holds for one study, and start refuses it until rejoin', async () => {
    const site = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
    await tessera(`site leave --study tiny --dir ${site.dir}`)
    expect(hasLeft(site.dir, 'tiny')).toBe(true)
    expect(hasLeft(site.dir, 'other')).toBe(false)
    await tessera(`site rejoin --study tiny --dir ${site.dir}`)
    expect(hasLeft(site.dir, 'tiny')).toBe(false)
    await expect(tessera(`site leave --study ../tiny --dir ${site.dir}`)).rejects.toMatchObject({
      code: 'commander.invalidArgument',
    })
  })
})

describe('tessera site audit', () => {
  test('prints what left and that the chain is whole, or names the line that is not', async () => {
    const site = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
    const file = join(site.dir, 'audit.jsonl')
    const log = await openAudit(file, fakeClock(0))
    log.append({ kind: 'connect', bytes: 13, sha256: 'a'.repeat(64), why: 'opens the connection' })
    log.append({ kind: 'upload:chunk', bytes: 1500, sha256: 'b'.repeat(64), why: 'bytes 0 to 1400' })
    await log.close()
    const printed = await tessera(`site audit --dir ${site.dir}`)
    expect(printed).toContain('1970-01-01T00:00:00.000Z  upload:chunk       1  1.5 kB  bytes 0 to 1400')
    expect(printed).toContain('The chain of 2 lines is whole: 1.5 kB have left.')
    const lines = (await tessera(`site audit --dir ${site.dir} --json`)).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).kind)).toEqual(['connect', 'upload:chunk'])

    await writeFile(file, (await readFile(file, 'utf8')).replace('"bytes":13', '"bytes":14'))
    await expect(tessera(`site audit --dir ${site.dir}`)).rejects.toMatchObject({
      code: 'ERR_AUDIT_BROKEN',
      message: expect.stringContaining('audit line 2'),
    })
  })

  test('shows lines since a day, and still checks them all', async () => {
    const site = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
    const file = join(site.dir, 'audit.jsonl')
    const clock = fakeClock(Date.parse('2026-11-24T23:59:59Z'))
    const log = await openAudit(file, clock)
    log.append({ kind: 'connect', bytes: 13, sha256: 'a'.repeat(64), why: 'old' })
    clock.advance(1000)
    log.append({ kind: 'connect', bytes: 17, sha256: 'b'.repeat(64), why: 'new' })
    await log.close()
    const printed = await tessera(`site audit --since 2026-11-25 --dir ${site.dir}`)
    expect(printed).not.toContain('old')
    expect(printed).toContain('The chain of 2 lines is whole: 30 B have left.')
    expect(printed).toContain('Frames since 2026-11-25: 1, 17 B.')
    await writeFile(file, (await readFile(file, 'utf8')).replace('"bytes":13', '"bytes":14'))
    await expect(tessera(`site audit --since 2026-11-25 --dir ${site.dir}`)).rejects.toMatchObject({
      code: 'ERR_AUDIT_BROKEN',
    })
    await expect(tessera(`site audit --since yesterday --dir ${site.dir}`)).rejects.toMatchObject({
      code: 'commander.invalidArgument',
    })
  })

  test('wants an enrolled folder', async () => {
    await expect(tessera('site audit --dir /no/such/folder')).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
    })
  })
})

describe('tessera site start', () => {
  test('--dry-run trains with the real engine, prints what would leave, and sends no update', async () => {
    const mini = await miniCoordinator()
    const site = await enrolledSite(mini.url, mini.keys)
    // Noise trains wildly: without the clip its delta would be refused.
    const who = { site: 'north', keys: site.keys, coordinator: mini.keys.publicKey }
    await writePolicy(site.dir, who, { normClip: 1 })
    const start = `site start --study tiny --data ${site.dataDir} --dir ${site.dir} --engine wasm --dry-run`
    const printed = await tessera(start)
    expect(printed).toContain('Round 1 of tiny was trained and nothing of it was sent.')
    expect(printed).toMatch(/features\.0\.0\.weight +trainable +\[8, 3, 3, 3\] +864\n/)
    const json = (await tessera(`${start} --progress-json`)).trim().split('\n')
    expect(JSON.parse(json.at(-1) ?? '')).toMatchObject({
      kind: 'dry-run',
      manifest: { round: 1, samples: 12 },
    })
    expect(new Set(mini.said.map(({ event }) => event))).toEqual(
      new Set(['key:fetch', 'session:join', 'model:open', 'model:chunk']),
    )
  })

  test('takes the engine that the environment names when the command line names none', async () => {
    const site = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
    const who = { site: 'north', keys: site.keys, coordinator: (await generateKeyPair()).publicKey }
    await writePolicy(site.dir, who, {})
    vi.stubEnv('TESSERA_ENGINE', 'abacus')
    onTestFinished(() => void vi.unstubAllEnvs())
    const start = `site start --study tiny --data ${site.dataDir} --dir ${site.dir}`
    await expect(tessera(start)).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: 'TESSERA_ENGINE must be auto, wasm, tensorflow, cpu, got abacus',
    })
  })

  test.each(['auto', 'wasm', 'tensorflow', 'cpu'])('knows the engine %s', async (engine) => {
    await expect(
      tessera(`site start --engine ${engine} --study tiny --data tiles --dir /no/such/folder`),
    ).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  })

  test('finds out at once that the folder is not enrolled', async () => {
    await expect(tessera('site start --study tiny --data tiles --dir /no/such/folder')).rejects.toMatchObject(
      {
        code: 'ERR_CONFIG_INVALID',
      },
    )
  })
})

describe('tessera site dashboard', () => {
  test('prints a new link to the running agent’s page, and none where no agent runs', async () => {
    const site = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
    await expect(tessera(`site dashboard --dir ${site.dir}`)).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
    })
    await mkdir(join(site.dir, 'dashboard'))
    await writeFile(addressFile(site.dir), JSON.stringify({ url: 'http://127.0.0.1:8470/dashboard/' }))
    const [first, second] = [
      await tessera(`site dashboard --dir ${site.dir}`),
      await tessera(`site dashboard --dir ${site.dir}`),
    ]
    expect(first).toMatch(/^http:\/\/127\.0\.0\.1:8470\/dashboard\/#sign-in=[\w-]{43}\n$/)
    expect(second).not.toBe(first)
  })

  test('is on no other address than the loopback', async () => {
    await expect(
      tessera('site start --study tiny --data tiles --dashboard-port 0.0.0.0:8470'),
    ).rejects.toMatchObject({ code: 'commander.invalidArgument' })
  })
})
