import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fingerprint, generateKeyPair, savePrivateKey } from '@tessera/shared/security'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { command } from './container.ts'

const TESSERA = fileURLToPath(new URL('../../cli/tessera.mjs', import.meta.url))

test('a machine without a network installs a bundle, finds its engine and computes the right numbers', async () => {
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
}, 600_000)
