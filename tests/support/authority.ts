/** @file A certificate authority as a network that reads along has one, and a certificate of it for this machine; made by openssl. */
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from './temporary-folder.ts'

export interface Authority {
  /** PEM file of the authority's own certificate. */
  readonly ca: string
  /** PEM texts for `localhost` and 127.0.0.1. */
  readonly cert: string
  readonly key: string
}

export async function authority(): Promise<Authority> {
  const dir = await temporaryFolder()
  const openssl = (command: string): void =>
    void execFileSync('openssl', command.split(' '), { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] })
  const ec = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
  await writeFile(join(dir, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  openssl(`req -x509 ${ec} -days 2 -subj /CN=Proxy-Authority -keyout ca.key -out ca.pem`)
  openssl(`req ${ec} -subj /CN=localhost -keyout leaf.key -out leaf.csr`)
  openssl(
    'x509 -req -days 2 -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -out leaf.pem',
  )
  const text = (name: string): Promise<string> => readFile(join(dir, name), 'utf8')
  return { ca: join(dir, 'ca.pem'), cert: await text('leaf.pem'), key: await text('leaf.key') }
}
