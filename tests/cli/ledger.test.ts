import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportLedger, openLedgers } from '@tessera/coordinator/ledger'
import {
  fingerprint,
  generateKeyPair,
  type ReceiptProof,
  readUnverified,
  sha256Hex,
} from '@tessera/shared/security'
import { Command } from 'commander'
import { describe, expect, test, vi } from 'vitest'
import { addLedgerCommands } from '../../cli/ledger.ts'
import { federation } from '../coordinator/federation.ts'
import { deltaOf, started } from '../coordinator/raw-site.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Runs `tessera ledger …` and gives what it printed. */
async function ledger(...args: string[]): Promise<string> {
  const program = new Command('tessera').exitOverride()
  addLedgerCommands(program)
  const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  try {
    await program.parseAsync(['ledger', ...args], { from: 'user' })
    return written.mock.calls.map(([text]) => String(text)).join('')
  } finally {
    written.mockRestore()
  }
}

/** A coordinator's folder with a finished study, its key, and what north could show for its round 1. */
async function finished() {
  const { dir, coordinator, key, north, south } = await federation()
  const proofs: { receipt: string; manifest: string }[] = []
  for (const value of [0.01, 0.03]) {
    for (const [i, site] of [north, south].entries()) {
      const bytes = deltaOf(value + i / 100)
      const manifest = await site.manifest(await site.offer(), bytes)
      const receipt = await site.deliver(manifest, bytes)
      if (i === 0) proofs.push({ receipt, manifest })
    }
    await north.published()
  }
  await coordinator.ended
  await coordinator.close()
  const [source] = await openLedgers(dir)
  const records = (source?.events ?? []).flatMap((event) =>
    event.type === 'round.published' ? [event.record] : [],
  )
  const proof = (round: number, changes: Partial<ReceiptProof> = {}): ReceiptProof => ({
    format: 'tessera-receipt-1',
    study: 'tiny',
    site: 'north',
    round,
    coordinatorKey: key,
    keyChanges: [],
    receipt: proofs[round - 1]?.receipt ?? '',
    manifest: proofs[round - 1]?.manifest ?? '',
    records: records.slice(0, round),
    ...changes,
  })
  const file = join(await temporaryFolder(), 'proof.json')
  const check = async (value: unknown, ...flags: string[]): Promise<string> => {
    await writeFile(file, typeof value === 'string' ? value : JSON.stringify(value))
    return ledger('check-receipt', file, ...flags)
  }
  return { dir, print: fingerprint(key), records, proof, check }
}

describe('tessera ledger verify', () => {
  test('says what holds, with every key to compare', async () => {
    const { dir, print, records } = await finished()
    const text = await ledger('verify', dir)
    expect(text).toContain('Study tiny: 2 rounds verified, 2 computed again to the bit; it is finished.')
    expect(text).toContain(`Last record ${sha256Hex(records[1] ?? '')}`)
    expect(text).toContain(`Coordinator ${print}`)
    expect(text).toMatch(/Site north ([0-9a-f]{4} ?){8}/)
    const { ledgers } = JSON.parse(await ledger('verify', dir, '--json', '--study', 'tiny')) as {
      ledgers: object[]
    }
    expect(ledgers).toMatchObject([{ study: 'tiny', rounds: 2, recomputed: 2, coordinator: [print] }])
    await expect(ledger('verify', dir, '--study', 'other')).rejects.toMatchObject({
      code: 'ERR_STUDY_UNKNOWN',
    })
  })

  test('refuses another coordinator than the one that is known', async () => {
    const { dir, print } = await finished()
    expect(await ledger('verify', dir, '--fingerprint', print.toUpperCase())).toContain('verified')
    const other = fingerprint((await generateKeyPair()).publicKey)
    await expect(ledger('verify', dir, '--fingerprint', other)).rejects.toMatchObject({
      code: 'ERR_FINGERPRINT',
    })
  })

  test('holds it against the records that a site was given, and names the first that differs', async () => {
    const { dir, records } = await finished()
    const kept = await temporaryFolder()
    for (const [i, record] of records.entries()) await writeFile(join(kept, `round-${i + 1}.jws`), record)
    expect(await ledger('verify', dir, '--against', kept)).toContain('2 records are the same')
    await writeFile(join(kept, 'round-2.jws'), records[0] ?? '')
    await expect(ledger('verify', dir, '--against', kept)).rejects.toMatchObject({
      code: 'ERR_LEDGER_BROKEN',
      message: 'round 2 must have the record that the site was given, got another',
    })
    await rm(join(kept, 'round-2.jws'))
    await writeFile(join(kept, 'round-3.jws'), records[1] ?? '')
    await expect(ledger('verify', dir, '--against', kept)).rejects.toThrow('round 3 must have the record')
  })

  test('export and prune say what they did, and the rest still verifies', async () => {
    const { dir } = await finished()
    const out = join(await temporaryFolder(), 'out')
    expect(await ledger('prune', 'tiny', '--dir', dir, '--keep-rounds', '1')).toContain('up to round 1')
    expect(await ledger('export', 'tiny', '--dir', dir, '--out', out)).toContain('2 rounds and 2 deltas')
    const text = await ledger('verify', out)
    expect(text).toContain('2 rounds verified, 1 computed again to the bit')
    expect(text).toMatch(/Deltas up to round 1 were removed by a command on 20\d\d-/)
  })

  test('verify tells deltas that the coordinator has pruned by its rule', async () => {
    const { dir } = await finished()
    const file = join(dir, 'coordinator.json')
    const settings = JSON.parse(await readFile(file, 'utf8')) as object
    await writeFile(file, JSON.stringify({ ...settings, keepRounds: 1 }))
    await (await started(dir)).coordinator.close()
    expect(await ledger('verify', dir)).toContain(
      'Deltas up to round 1 were pruned by rule, which keeps those of the latest 1, last on',
    )
  })
})

describe('tessera ledger check-receipt', () => {
  test('proves that an update went in: to whoever knows the coordinator, or has the ledger', async () => {
    const { dir, print, proof, check } = await finished()
    const { payload } = readUnverified('receipt', proof(2).receipt)
    for (const flags of [
      ['--key', print],
      ['--ledger', dir],
    ]) {
      const text = await check(proof(2), ...flags)
      expect(text).toContain(`The update of north for round 2 of tiny went in: payload ${payload}.`)
      expect(text).toContain(`Coordinator ${print}`)
    }
    const out = join(await temporaryFolder(), 'out')
    await exportLedger({ dir, study: 'tiny', out })
    expect(await check(proof(1), '--ledger', out)).toContain('for round 1')
  })

  test.each<[string, (made: Awaited<ReturnType<typeof finished>>) => unknown, string]>([
    ['no JSON', () => 'a letter', 'ERR_RECEIPT_INVALID'],
    ['a field too many', ({ proof }) => ({ ...proof(1), extra: 1 }), 'ERR_RECEIPT_INVALID'],
    ['another site', ({ proof }) => proof(1, { site: 'south' }), 'ERR_RECEIPT_INVALID'],
    [
      'the receipt of another round',
      ({ proof }) => proof(2, { receipt: proof(1).receipt }),
      'ERR_RECEIPT_INVALID',
    ],
    [
      'the manifest of another round',
      ({ proof }) => proof(1, { manifest: proof(2).manifest }),
      'ERR_RECEIPT_INVALID',
    ],
    [
      'a record that does not count it',
      ({ proof }) => proof(2, { receipt: proof(1).receipt, manifest: proof(1).manifest }),
      'ERR_RECEIPT_INVALID',
    ],
    [
      'records with a gap',
      ({ proof }) => proof(2, { records: proof(2).records.slice(1) }),
      'ERR_LEDGER_BROKEN',
    ],
    [
      'fewer records than it says',
      ({ proof }) => proof(2, { records: proof(1).records }),
      'ERR_RECEIPT_INVALID',
    ],
    [
      'a manifest for a receipt',
      ({ proof }) => proof(1, { receipt: proof(1).manifest }),
      'ERR_RECEIPT_INVALID',
    ],
  ])('refuses %s', async (_, make, code) => {
    const made = await finished()
    await expect(made.check(make(made), '--key', made.print)).rejects.toMatchObject({ code })
  })

  test('refuses another coordinator and another ledger, and wants one of the two', async () => {
    const [made, other] = [await finished(), await finished()]
    await expect(made.check(made.proof(1), '--key', other.print)).rejects.toMatchObject({
      code: 'ERR_FINGERPRINT',
    })
    await expect(made.check(made.proof(1), '--ledger', other.dir)).rejects.toMatchObject({
      code: 'ERR_COORDINATOR_KEY',
    })
    await expect(made.check(made.proof(1))).rejects.toMatchObject({ code: 'ERR_USAGE' })
    await expect(ledger('check-receipt', '/no/such/proof', '--key', made.print)).rejects.toMatchObject({
      code: 'ERR_USAGE',
    })
  })

  test('refuses a ledger that tells another story under the same key', async () => {
    const { dir, proof, check } = await finished()
    const out = join(await temporaryFolder(), 'out')
    await mkdir(out)
    await exportLedger({ dir, study: 'tiny', out })
    const events = join(out, 'events.jsonl')
    const lines = (await readFile(events, 'utf8')).split('\n')
    await writeFile(events, lines.slice(0, -2).join('\n'))
    await expect(check(proof(2), '--ledger', out)).rejects.toMatchObject({
      code: 'ERR_LEDGER_BROKEN',
      message: 'round 2 must have the record that the site was given, got none',
    })
  })
})
