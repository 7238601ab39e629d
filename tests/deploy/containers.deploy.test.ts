import { existsSync, readdirSync } from 'node:fs'
import { chown, cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { engineFolder } from '@tessera/shared/engine/install'
import { beforeAll, describe, expect, test } from 'vitest'
import { drawTiles, SITES, SMALL_STUDY } from '../support/federation.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { CONTAINER_USER, command, container, runReadOnly } from './container.ts'
import { loadPage, WHOLE_PAGE } from './page.ts'

const BUILD = fileURLToPath(new URL('../../deploy/containers/build.sh', import.meta.url))

/** Builds both images, with the engine that this machine has: its installer made it from these very sources. */
beforeAll(async () => {
  const engine = engineFolder(process.env)
  const context = `${engine}-for-images`
  command('rm', '-rf', context)
  command('mkdir', '-p', context)
  command('cp', '-al', engine, join(context, 'engine'))
  command('env', `ENGINE=${context}`, BUILD)
  command('rm', '-rf', context)
}, 900_000)

/** A folder that programs in the containers may write to. */
async function volume(): Promise<string> {
  const folder = await temporaryFolder()
  await chown(folder, CONTAINER_USER, CONTAINER_USER)
  return folder
}

/** Writes a file that programs in the containers may read. */
async function give(file: string, content: string): Promise<void> {
  await writeFile(file, content)
  await chown(file, CONTAINER_USER, CONTAINER_USER)
}

describe('the images', () => {
  test.each(['tessera-coordinator', 'tessera-site-agent'])(
    '%s runs as nobody of importance',
    async (image) => {
      const script = `
      const [, capabilities] = /CapEff:\\s*(\\w+)/.exec(require('node:fs').readFileSync('/proc/self/status', 'utf8'))
      console.log(process.getuid(), process.getgid(), Number(capabilities))`
      const { done, lines } = container(image, {}).start('node', '-e', script)
      await done
      expect(lines).toEqual([`${CONTAINER_USER} ${CONTAINER_USER} 0`])
    },
  )

  test('the coordinator works on a root file system that is read-only, and writes to /data alone', async () => {
    const [made, data] = [container('tessera-coordinator', {}), await volume()]
    const node = '/usr/local/bin/node'
    const script = `
      const { writeFileSync } = require('node:fs')
      console.log(['/x', '/app/x', '/etc/x', '/tmp/x', '/data/x'].filter((path) => {
        try { writeFileSync(path, ''); return true } catch { return false }
      }).join())`
    expect(runReadOnly(made, data, node, '-e', script)).toBe('/data/x')
    const tessera = (...args: string[]): string =>
      runReadOnly(made, data, node, '/app/cli/tessera.mjs', ...args)
    expect(tessera('coordinator', 'init', '--dir', '/data/coordinator')).toContain('Coordinator made')
    expect(tessera('coordinator', 'status', '--dir', '/data/coordinator', '--json')).toContain('"studies":[]')
  })

  test("the coordinator's is under 250 MB, without TensorFlow, a compiler or a shell", async () => {
    const { root } = container('tessera-coordinator', {})
    expect(Number(command('du', '-sb', root).split('\t')[0])).toBeLessThan(250e6)
    expect(existsSync(join(root, 'app/node_modules/@tensorflow'))).toBe(false)
    const programs = ['usr/bin', 'usr/local/bin'].flatMap((folder) => readdirSync(join(root, folder)))
    expect(programs.filter((name) => /^(sh|bash|dash|npm|cc|gcc|g\+\+|make|python3)$/.test(name))).toEqual([])
    expect(programs).toContain('node')
  })

  test.each(['tessera-coordinator', 'tessera-site-agent'])(
    '%s has pages, and not what builds them',
    (image) => {
      const folder = join(container(image, {}).root, 'app')
      const builders = ['vite', 'rolldown', '@rolldown', 'lightningcss', 'lightningcss-linux-x64-gnu']
      const packages = readdirSync(join(folder, 'node_modules'))
      expect(packages.filter((name) => builders.includes(name))).toEqual([])
      expect(packages).toContain('zod')
      expect(readdirSync(join(folder, 'dashboard/dist'))).toHaveLength(1)
    },
  )

  test('train a whole round together: one coordinator, three agents on the native engine, each with its page', async () => {
    const data = await volume()
    const { teacher: _, ...study } = SMALL_STUDY
    const oneRound = {
      ...study,
      method: { name: 'ce' },
      training: { ...study.training, rounds: 1 },
    }
    await give(join(data, 'study.json'), JSON.stringify(oneRound))
    const coordinator = container('tessera-coordinator', { '/data': data, '/tmp': await volume() })
    const dir = ['--dir', '/data/coordinator']
    await coordinator.tessera('coordinator', 'init', ...dir)
    await coordinator.tessera('coordinator', 'study', 'create', '/data/study.json', ...dir)
    const flags = ['--port', '0', '--ready-json', '--until-finished']
    const running = coordinator.startTessera('coordinator', 'start', ...dir, ...flags)
    await expect.poll(() => running.lines[0]).toBeDefined()
    const { url } = JSON.parse(running.lines[0] ?? '') as { url: string }
    expect(await loadPage(`${url}/dashboard/`)).toEqual(WHOLE_PAGE)
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ alive: true })
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ ready: true, reason: 'ready' })

    const agents = await Promise.all(
      SITES.map(async (site) => {
        const kit = `/data/${site}.json`
        await coordinator.tessera(
          'coordinator',
          'invite',
          site,
          '--auto-approve',
          '--url',
          url,
          '--out',
          kit,
          ...dir,
        )
        const [own, tiles] = [await volume(), join(await temporaryFolder(), 'tiles')]
        await mkdir(tiles)
        await drawTiles(tiles, site, 3)
        await cp(join(data, `${site}.json`), join(own, 'kit.json'))
        await chown(join(own, 'kit.json'), CONTAINER_USER, CONTAINER_USER)
        const agent = container('tessera-site-agent', {
          '/data': own,
          '/tiles:ro': tiles,
          '/tmp': await volume(),
        })
        await agent.tessera('site', 'enroll', '/data/kit.json', '--dir', '/data/site', '--accept-policy')
        const flags = ['--study', 'small', '--data', '/tiles', '--dir', '/data/site', '--progress-json']
        const started = agent.startTessera('site', 'start', ...flags)
        const opened = (): string | undefined => started.lines.find((line) => line.includes('"dashboard"'))
        await expect.poll(opened).toBeDefined()
        const page = JSON.parse(opened() ?? '') as { url: string }
        expect(await loadPage(page.url)).toEqual(WHOLE_PAGE)
        return started
      }),
    )
    await Promise.all([running.done, ...agents.map(({ done }) => done)])
    for (const agent of agents) expect(agent.errors()).toMatch(/"engine":"engine: tensorflow/)
    await coordinator.tessera('coordinator', 'study', 'export', 'small', '--out', '/data/export', ...dir)
    expect(await readdir(join(data, 'export'))).toContain('student.safetensors')
    expect(await coordinator.tessera('ledger', 'verify', '/data/coordinator')).toMatch(/small/)
  }, 600_000)
})
