import { appendFile, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { initCoordinator, invite } from '@tessera/coordinator'
import { backupCoordinator, restoreCoordinator } from '@tessera/coordinator/backup'
import { pruneDeltas } from '@tessera/coordinator/ledger'
import { readEvents } from '@tessera/coordinator/store'
import { describe, expect, test } from 'vitest'
import { verifiedRounds } from '../../support/ledger.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { federation, wholeRound } from '../federation.ts'
import { coordinatorFolder, joined, started } from '../raw-site.ts'

/** A backup that was made after round 1 of 2, while the coordinator ran. */
async function backedUp() {
  const run = await federation()
  await wholeRound([run.north, run.south], [0.01, 0.02])
  await run.north.published()
  const root = await temporaryFolder()
  const [backup, dir] = [join(root, 'backup'), join(root, 'restored')]
  const report = await backupCoordinator({ dir: run.dir, out: backup })
  return { ...run, original: run.dir, backup, dir, report }
}

/** A study that has not begun, and its backup: no sockets. */
async function idle() {
  const original = await coordinatorFolder()
  const root = await temporaryFolder()
  const backup = join(root, 'backup')
  await backupCoordinator({ dir: original, out: backup })
  return { original, backup, dir: join(root, 'restored') }
}

const startsNothing = async (dir: string) =>
  expect(await readdir(dir).catch(() => [])).not.toContain('coordinator.json')

describe('a backup of a coordinator that runs', () => {
  test('becomes a coordinator in another folder, on another port, that goes on where it was', async () => {
    const { coordinator, backup, dir, key, keys, report } = await backedUp()
    expect(report).toMatchObject({ kept: 0, events: expect.any(Number) })
    await coordinator.close()
    const made = await restoreCoordinator({ backup, dir, url: 'http://127.0.0.1:9999', port: 0 })
    expect(made).toMatchObject({ config: { url: 'http://127.0.0.1:9999', port: 0 }, missing: [] })

    const again = await started(dir)
    expect(again.coordinator.publicKey).toBe(key)
    const sites = await Promise.all(
      (['north', 'south'] as const).map((site) => joined(again.coordinator.url, key, site, keys[site])),
    )
    await wholeRound(sites, [0.03, 0.04])
    await again.coordinator.ended
    await again.coordinator.close()
    expect(await verifiedRounds(dir, 'tiny')).toBe(2)
  })

  test('is brought up to date by another one, which copies only what is new', async () => {
    const { original, backup, dir, north, south, coordinator, report } = await backedUp()
    const { file } = await invite({ dir: original, site: 'west' })
    await wholeRound([north, south], [0.03, 0.04])
    await coordinator.ended
    const next = await backupCoordinator({ dir: original, out: backup })
    // Two deltas and a student.
    expect(next).toMatchObject({ copied: 3, kept: report.copied })
    expect(next.events).toBeGreaterThan(report.events)
    await coordinator.close()
    await restoreCoordinator({ backup, dir })
    expect(await readEvents(dir)).toEqual(await readEvents(original))
    expect(await readdir(join(dir, 'keys', 'kits'))).toEqual([JSON.parse(await readFile(file, 'utf8')).kit])
    expect(await verifiedRounds(dir, 'tiny')).toBe(2)
  })

  test('lacks no delta that was removed on purpose', async () => {
    const { original, backup, dir, north, south, coordinator } = await backedUp()
    await wholeRound([north, south], [0.03, 0.04])
    await coordinator.ended
    await coordinator.close()
    await pruneDeltas({ dir: original, study: 'tiny', keepRounds: 1 })
    const out = join(await temporaryFolder(), 'backup')
    await backupCoordinator({ dir: original, out })
    await restoreCoordinator({ backup: out, dir })
    expect(await verifiedRounds(dir, 'tiny')).toBe(1)
    expect(await readdir(join(backup, 'updates'))).toHaveLength(2)
  })

  test('that is cut off before its end is still the one before', async () => {
    const { original, backup, dir, coordinator, north, south, report } = await backedUp()
    const before = await readFile(join(backup, 'backup.json'))
    await writeFile(join(backup, 'models', '.tmp-0123456789abcdef'), 'half a model')
    await wholeRound([north, south], [0.03, 0.04])
    await coordinator.ended
    await coordinator.close()
    await backupCoordinator({ dir: original, out: backup })
    expect((await readdir(join(backup, 'models'))).filter((name) => name.startsWith('.'))).toEqual([])
    // As after a crash just before backup.json is written.
    await writeFile(join(backup, 'backup.json'), before)
    const made = await restoreCoordinator({ backup, dir })
    expect(made.events).toBeGreaterThan(report.events)
    expect(await verifiedRounds(dir, 'tiny')).toBe(2)
  })
})

describe('backupCoordinator()', () => {
  test('names a stored file that has changed, and leaves the earlier backup as it was', async () => {
    const { original, backup } = await idle()
    const before = await readFile(join(backup, 'backup.json'))
    const [model] = await readdir(join(original, 'models'))
    await rm(join(backup, 'models', model ?? ''))
    await appendFile(join(original, 'models', model ?? ''), 'x')
    await expect(backupCoordinator({ dir: original, out: backup })).rejects.toMatchObject({
      code: 'ERR_STORE_CORRUPT',
      message: `stored file ${model} must have the bytes its name says, got other bytes`,
    })
    expect(await readFile(join(backup, 'backup.json'))).toEqual(before)
  })

  test('names a file that the events speak of and nobody has', async () => {
    const { original } = await idle()
    const [model = ''] = await readdir(join(original, 'models'))
    await rm(join(original, 'models', model))
    const out = join(await temporaryFolder(), 'backup')
    await expect(backupCoordinator({ dir: original, out })).rejects.toMatchObject({
      code: 'ERR_STORE_CORRUPT',
      message: `models must have file ${model.replace('.safetensors', '')}, got none`,
    })
    expect(await readdir(out)).not.toContain('backup.json')
  })

  test.each(['.', 'backup', '..'])(
    'refuses a folder within or around the coordinator’s: %s',
    async (path) => {
      const { original } = await idle()
      await expect(backupCoordinator({ dir: original, out: join(original, path) })).rejects.toMatchObject({
        code: 'ERR_BACKUP_FOLDER',
        message: "backup folder must be apart from the coordinator's, got one inside the other",
      })
    },
  )

  test('refuses a folder that holds something else, or another coordinator’s backup', async () => {
    const { original, backup } = await idle()
    const other = await temporaryFolder()
    await initCoordinator({ dir: other })
    await expect(backupCoordinator({ dir: other, out: backup })).rejects.toMatchObject({
      code: 'ERR_BACKUP_FOLDER',
      message: "backup folder must hold this coordinator's backup, got another's",
    })
    const full = await temporaryFolder()
    await writeFile(join(full, 'thesis.tex'), '')
    await expect(backupCoordinator({ dir: original, out: full })).rejects.toMatchObject({
      code: 'ERR_BACKUP_FOLDER',
      message: 'backup folder must be empty or hold an earlier backup, got something else',
    })
  })

  test('has the key also where it lies on another volume, behind a link', async () => {
    const { original, dir } = await idle()
    const [volume, out] = [await temporaryFolder(), join(await temporaryFolder(), 'backup')]
    const key = join(original, 'keys', 'coordinator.jwk')
    await rename(key, join(volume, 'key'))
    await symlink(join(volume, 'key'), key)
    await backupCoordinator({ dir: original, out })
    await restoreCoordinator({ backup: out, dir })
    expect(await readFile(join(dir, 'keys', 'coordinator.jwk'))).toEqual(await readFile(key))
  })

  test('refuses a folder that a link leads back into the coordinator’s', async () => {
    const { original } = await idle()
    const there = join(await temporaryFolder(), 'backups')
    await symlink(original, there)
    await expect(backupCoordinator({ dir: original, out: join(there, 'mine') })).rejects.toMatchObject({
      code: 'ERR_BACKUP_FOLDER',
      message: "backup folder must be apart from the coordinator's, got one inside the other",
    })
    expect(await readdir(original)).not.toContain('mine')
  })

  test('refuses a backup that knows more than the coordinator', async () => {
    const { original, backup, dir } = await idle()
    await restoreCoordinator({ backup, dir })
    await invite({ dir: original, site: 'west' })
    await backupCoordinator({ dir: original, out: backup })
    await expect(backupCoordinator({ dir, out: backup })).rejects.toMatchObject({
      code: 'ERR_BACKUP_FOLDER',
      message: 'backup must be an earlier one of the same events, got another event 2: use a new folder',
    })
  })
})

describe('restoreCoordinator()', () => {
  test('refuses a folder that is not empty', async () => {
    const { backup } = await idle()
    const dir = await temporaryFolder()
    await writeFile(join(dir, 'thesis.tex'), '')
    await expect(restoreCoordinator({ backup, dir })).rejects.toMatchObject({ code: 'ERR_BACKUP_FOLDER' })
    expect(await readdir(dir)).toEqual(['thesis.tex'])
  })

  test.each([
    ['keys/coordinator.jwk', 'ERR_BACKUP_BROKEN'],
    ['coordinator.json', 'ERR_BACKUP_BROKEN'],
    ['backup.json', 'ERR_BACKUP_BROKEN'],
    ['models', 'ERR_STORE_CORRUPT'],
  ])('starts nothing from a backup whose %s has changed', async (path, code) => {
    const { backup, dir } = await idle()
    const file = path === 'models' ? join(path, (await readdir(join(backup, path)))[0] ?? '') : path
    const content = await readFile(join(backup, file))
    content[content.length - 3] = (content.at(-3) ?? 0) ^ 1
    await writeFile(join(backup, file), content)
    await expect(restoreCoordinator({ backup, dir })).rejects.toMatchObject({ code })
    await startsNothing(dir)
  })

  test('starts nothing from a backup without its events or its list', async () => {
    const { backup, dir } = await idle()
    await rm(join(backup, 'events.db'))
    await expect(restoreCoordinator({ backup, dir })).rejects.toMatchObject({ code: 'ERR_BACKUP_BROKEN' })
    await rm(join(backup, 'backup.json'))
    await expect(restoreCoordinator({ backup, dir })).rejects.toMatchObject({ code: 'ERR_BACKUP_BROKEN' })
    await startsNothing(dir)
  })

  test('writes nowhere else, whatever the list says', async () => {
    const { backup, dir } = await idle()
    const text = await readFile(join(backup, 'backup.json'), 'utf8')
    for (const path of ['../out', 'keys/../../out', '/tmp/out', 'models/out', 'keys/.out', 'keys/a/b/c']) {
      await writeFile(join(backup, 'backup.json'), text.replace('keys/coordinator.jwk', path))
      await expect(restoreCoordinator({ backup, dir })).rejects.toMatchObject({ code: 'ERR_BACKUP_BROKEN' })
    }
    await startsNothing(dir)
  })

  test.each(['keys/coordinator.jwk', 'coordinator.json', 'backup.json'])(
    'follows no link that stands in place of %s',
    async (path) => {
      const { original, backup, dir } = await idle()
      await rm(join(backup, path))
      await symlink(join(original, path), join(backup, path))
      await expect(restoreCoordinator({ backup, dir })).rejects.toMatchObject({
        code: 'ERR_BACKUP_BROKEN',
        message: `${path} must be as the backup was written, got no file`,
      })
      await startsNothing(dir)
    },
  )

  test('says which files of the settings are not here', async () => {
    const { original, dir } = await idle()
    const settings = JSON.parse(await readFile(join(original, 'coordinator.json'), 'utf8')) as object
    const tls = { cert: '/nowhere/server.pem', key: 'keys/coordinator.jwk', pinned: false }
    const [url, out] = ['https://fl.example.org', join(await temporaryFolder(), 'backup')]
    await writeFile(join(original, 'coordinator.json'), JSON.stringify({ ...settings, url, tls }))
    await backupCoordinator({ dir: original, out })
    expect((await restoreCoordinator({ backup: out, dir })).missing).toEqual(['tls.cert'])
  })
})
