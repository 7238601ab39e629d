import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair, sha256Hex } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { loadPolicy, signPolicy, writeDefaultPolicy } from '../../../site-agent/policy/index.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

async function site() {
  const keys = await generateKeyPair()
  return {
    dir: await temporaryFolder(),
    who: { site: 'north', keys, publicKey: keys.publicKey, coordinatorKey: keys.publicKey },
  }
}
const unsigned = (got: string) => ({
  code: 'ERR_POLICY_UNSIGNED',
  message: `policy.yaml must be read and then signed (tessera site policy sign), got ${got}`,
})

describe('loadPolicy()', () => {
  test('gives what the site has signed, and its hash', async () => {
    const { dir, who } = await site()
    expect(await writeDefaultPolicy(dir, who)).toBe(true)
    await signPolicy(dir, who, 1)
    const { policy, hash } = await loadPolicy(dir, who)
    expect(policy.site).toBe('north')
    expect(hash).toBe(sha256Hex(await readFile(join(dir, 'policy.yaml'))))
  })

  test('refuses a policy that nobody has signed', async () => {
    const { dir, who } = await site()
    await writeDefaultPolicy(dir, who)
    await expect(loadPolicy(dir, who)).rejects.toMatchObject(unsigned('no signature'))
  })

  test('refuses a policy that was changed after it was signed, by one comment', async () => {
    const { dir, who } = await site()
    await writeDefaultPolicy(dir, who)
    await signPolicy(dir, who, 1)
    const file = join(dir, 'policy.yaml')
    await writeFile(file, `${await readFile(file, 'utf8')}# x\n`)
    await expect(loadPolicy(dir, who)).rejects.toMatchObject(
      unsigned('a text that was changed after it was signed'),
    )
    await signPolicy(dir, who, 2)
    await loadPolicy(dir, who)
  })

  test('refuses a signature of another key, and one that is none', async () => {
    const { dir, who } = await site()
    await writeDefaultPolicy(dir, who)
    await signPolicy(dir, { site: 'north', keys: await generateKeyPair() }, 1)
    const want = unsigned('a signature that is not of this site')
    await expect(loadPolicy(dir, who)).rejects.toMatchObject(want)
    await writeFile(join(dir, 'policy.yaml.jws'), 'x')
    await expect(loadPolicy(dir, who)).rejects.toMatchObject(want)
  })

  test('refuses a policy of another site, and none', async () => {
    const { dir, who } = await site()
    await writeDefaultPolicy(dir, { ...who, site: 'south' })
    await expect(signPolicy(dir, who, 1)).rejects.toMatchObject({
      code: 'ERR_POLICY_FILE',
      message: 'policy.yaml must be of site north, got south',
    })
    await rm(join(dir, 'policy.yaml'))
    await expect(loadPolicy(dir, who)).rejects.toMatchObject({ code: 'ERR_POLICY_FILE' })
  })
})

describe('writeDefaultPolicy()', () => {
  test('never writes over a policy', async () => {
    const { dir, who } = await site()
    await writeFile(join(dir, 'policy.yaml'), 'mine')
    expect(await writeDefaultPolicy(dir, who)).toBe(false)
    expect(await readFile(join(dir, 'policy.yaml'), 'utf8')).toBe('mine')
  })
})
