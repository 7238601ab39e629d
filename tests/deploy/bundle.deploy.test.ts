import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { fingerprint, generateKeyPair, savePrivateKey } from '@tessera/shared/security'
import { expect, onTestFinished, test } from 'vitest'
import { enrolledSite } from '../support/enrolled-site.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { command } from './container.ts'
import { loadPage, WHOLE_PAGE } from './page.ts'

/** Starts a site's agent of an installation, whose coordinator does not answer, and gives the address of its page. */
async function sitePage(tessera: string, env: Readonly<Record<string, string>>): Promise<string> {
  const { dir, dataDir } = await enrolledSite('http://127.0.0.1:9', await generateKeyPair())
  const flags = ['--study', 'small', '--data', dataDir, '--dir', dir, '--progress-json']
  const agent = spawn(tessera, ['site', 'start', ...flags], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void agent.kill('SIGKILL'))
  for await (const line of createInterface({ input: agent.stdout })) {
    const told = JSON.parse(line) as { kind: string; url: string }
    if (told.kind === 'dashboard') return told.url
  }
  throw new Error('agent must open its page, got an end')
}

const TESSERA = fileURLToPath(new URL('../../cli/tessera.mjs', import.meta.url))

test('a machine without a network installs a bundle, finds its engine, computes the right numbers and has its page', async () => {
  const root = await temporaryFolder()
  const key = await generateKeyPair()
  await savePrivateKey(join(root, 'signer.jwk'), key)
  const bundle = join(root, 'tessera.tar')
  command(
    process.execPath,
    TESSERA,
    'bundle',
    '--out',
    bundle,
    '--key',
    join(root, 'signer.jwk'),
    '--with-node',
  )

  const [hospital, home, to] = [join(root, 'hospital'), join(root, 'home'), join(root, 'opt')]
  await mkdir(hospital)
  await mkdir(home)
  /** In a network namespace without interfaces, of this machine's programs only /usr/bin and /bin, with nothing in its home. */
  const alone = (...args: string[]): string =>
    command('env', '-i', `HOME=${home}`, 'PATH=/usr/bin:/bin', 'unshare', '--net', ...args)
  command('tar', '-xf', bundle, '-C', hospital)
  const node = join(hospital, 'node')
  // The namespace is what it should be: not even this machine is there.
  expect(() =>
    alone(
      node,
      '-e',
      'require("node:net").connect(9, "127.0.0.1").on("error", (e) => process.exit(e.code === "ENETUNREACH" ? 1 : 0))',
    ),
  ).toThrow()
  alone(node, join(hospital, 'install.mjs'), '--to', to, '--fingerprint', fingerprint(key.publicKey))
  const tessera = join(to, 'bin', 'tessera')
  expect(alone(tessera, 'doctor')).toMatch(/^engine {5}tensorflow/)
  expect(alone(tessera, 'verify', join(to, 'tests/parity/cases'))).toMatch(
    /tensors of \d+ files compared, .* all within their limits$/,
  )
  expect(alone(tessera, 'site', '--help')).toContain('tessera site')
  // What is another user's is not there, and says so.
  expect(alone('sh', '-c', '"$1" coordinator status 2>&1 || true', 'sh', tessera)).toContain('ERR_USAGE')
  // Not alone: a page is read over this machine's own interface.
  expect(await loadPage(await sitePage(tessera, { HOME: home, PATH: '/usr/bin:/bin' }))).toEqual(WHOLE_PAGE)
}, 600_000)
