/** @file `tessera ledger`: anyone's proof that a published student is the aggregate of what the sites have signed. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  exportLedger,
  type LedgerReport,
  type LedgerSource,
  openLedgers,
  pruneDeltas,
  verifyLedger,
} from '@tessera/coordinator/ledger'
import { TesseraError } from '@tessera/shared/errors'
import { print } from '@tessera/shared/print'
import {
  broken,
  checkReceiptProof,
  fingerprint,
  parseReceiptProof,
  type ReceiptProof,
  sameFingerprint,
} from '@tessera/shared/security'
import { type Command, InvalidArgumentError } from 'commander'

const whole = (text: string): number => {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('must be a whole number.')
}
const example = (command: Command, text: string): Command =>
  command.addHelpText('after', `\nExample:\n  ${text}`)

/** Adds the group `ledger` to the program. */
export function addLedgerCommands(program: Command): void {
  const group = program
    .command('ledger')
    .description('check that published students follow from what the sites have signed')
  addVerify(group)
  addExport(group)
  addPrune(group)
  addCheckReceipt(group)
  example(group, '$ tessera ledger verify coordinator-data')
}

interface VerifyFlags {
  readonly study?: string
  readonly fingerprint?: string
  readonly against?: string
  readonly json?: true
}

function addVerify(group: Command): void {
  const command = group
    .command('verify <dir>')
    .description(
      "compute each student again from the signed deltas, in a coordinator's folder, also while it runs, or in an export; names the first round where anything differs",
    )
    .option('--study <id>', 'only this study')
    .option('--fingerprint <print>', "the coordinator's, as you know it: another key is refused")
    .option(
      '--against <folder>',
      'records that a site has kept, its state/<study>/ledger: they must be the same',
    )
    .option('--json', 'as JSON')
    .action(async (dir: string, flags: VerifyFlags) => {
      const ledgers = await ledgersOf(dir, flags.study)
      const reports: object[] = []
      for (const ledger of ledgers) {
        if (flags.fingerprint !== undefined) assertFingerprint(ledger.ring.keys, flags.fingerprint)
        const report = await withProgress(ledger, (onRound) => verifyLedger(ledger, { onRound }))
        const compared = flags.against === undefined ? 0 : await compareRecords(ledger, flags.against)
        if (flags.json) reports.push(asJson(report, ledger, compared))
        else print(describe(report, ledger, compared).join('\n'))
      }
      if (flags.json) print(JSON.stringify({ ledgers: reports }))
    })
  example(command, '$ tessera ledger verify colon-ledger --against site-data/state/colon/ledger')
}

async function ledgersOf(dir: string, study: string | undefined): Promise<LedgerSource[]> {
  const all = await openLedgers(dir)
  const wanted = study === undefined ? all : all.filter(({ created }) => created.study.id === study)
  if (wanted.length > 0) return wanted
  throw new TesseraError(
    'ERR_STUDY_UNKNOWN',
    `ledger must hold ${study ? `study ${study}` : 'a study'}, got none`,
  )
}

/** A bar on a terminal's standard error while a ledger is verified. */
async function withProgress<T>(
  { created, events }: LedgerSource,
  work: (onRound: (round: number) => void) => Promise<T>,
): Promise<T> {
  const rounds = events.filter(({ type }) => type === 'round.published').length
  const { isTTY } = process.stderr
  try {
    return await work((round) => {
      if (!isTTY) return
      const full = Math.round((24 * (round - 1)) / rounds)
      const bar = `${'#'.repeat(full)}${'-'.repeat(24 - full)}`
      process.stderr.write(`\r\u001B[K${created.study.id} [${bar}] round ${round} of ${rounds}`)
    })
  } finally {
    if (isTTY) process.stderr.write('\r\u001B[K')
  }
}

/** Gives how many records a site's folder has; each must be the ledger's. */
async function compareRecords({ events }: LedgerSource, folder: string): Promise<number> {
  const records = new Map(
    events.flatMap((event) =>
      event.type === 'round.published' ? [[event.round, event.record] as const] : [],
    ),
  )
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    throw new TesseraError('ERR_USAGE', `folder of records must be readable, got ${cause.code}`, { cause })
  })
  const rounds = names
    .flatMap((name) => Number(/^round-(\d+)\.jws$/.exec(name)?.[1] ?? []))
    .filter((round) => round > 0)
  for (const round of rounds.toSorted((a, b) => a - b)) {
    if ((await readFile(join(folder, `round-${round}.jws`), 'utf8')) !== records.get(round)) {
      throw broken(round, 'have the record that the site was given', records.has(round) ? 'another' : 'none')
    }
  }
  return rounds.length
}

function describe(report: LedgerReport, { ring }: LedgerSource, compared: number): string[] {
  const { study, rounds, recomputed, pruned, final, head, keys } = report
  const lines = [
    `Study ${study}: ${rounds} ${rounds === 1 ? 'round' : 'rounds'} verified, ${recomputed} computed again to the bit${final ? '; it is finished' : ''}.`,
  ]
  if (pruned !== null) {
    const { through, keepRounds, atMs } = pruned
    const when = new Date(atMs).toISOString()
    const how =
      keepRounds === undefined
        ? `removed by a command on ${when}`
        : `pruned by rule, which keeps those of the latest ${keepRounds}, last on ${when}`
    lines.push(
      `  Deltas up to round ${through} were ${how}: there signatures, counts and the chain hold, and the students are the coordinator's word.`,
    )
  }
  if (compared > 0) lines.push(`  ${compared} records are the same that the site was given.`)
  lines.push(`  Last record ${head || 'none'}: compare it with another site's.`)
  lines.push(`  Coordinator ${ring.keys.map(fingerprint).join(', then ')}`)
  for (const [site, signers] of keys)
    lines.push(`  Site ${site} ${[...signers].map(fingerprint).join(', then ')}`)
  return lines
}

function asJson(report: LedgerReport, { ring }: LedgerSource, compared: number): object {
  const sites = [...report.keys].map(([site, keys]) => ({ site, fingerprints: [...keys].map(fingerprint) }))
  return { ...report, keys: sites, coordinator: ring.keys.map(fingerprint), compared }
}

function addExport(group: Command): void {
  const command = group
    .command('export <study>')
    .description(
      "write a study's ledger for others to verify; it holds counts, norms and mean losses of every site",
    )
    .option('-d, --dir <folder>', "the coordinator's folder", 'coordinator-data')
    .requiredOption('--out <folder>', 'a new folder')
    .action(async (study: string, { dir, out }: { dir: string; out: string }) => {
      const { rounds, updates } = await exportLedger({ dir, study, out })
      print(`Ledger of ${study}: ${rounds} rounds and ${updates} deltas in ${out}.`)
    })
  example(command, '$ tessera ledger export colon --out colon-ledger')
}

function addPrune(group: Command): void {
  const command = group
    .command('prune <study>')
    .description(
      'remove deltas of published rounds to make room; what remains proves signatures, counts and the chain, but no more that those students follow from the deltas',
    )
    .option('-d, --dir <folder>', "the coordinator's folder", 'coordinator-data')
    .requiredOption('--keep-rounds <rounds>', 'latest rounds whose deltas stay', whole)
    .action(async (study: string, { dir, keepRounds }: { dir: string; keepRounds: number }) => {
      const { through, removed } = await pruneDeltas({ dir, study, keepRounds })
      print(`Deltas up to round ${through} are removed: ${removed} files. The ledger says so, signed.`)
    })
  example(command, '$ tessera ledger prune colon --keep-rounds 5')
}

function addCheckReceipt(group: Command): void {
  const command = group
    .command('check-receipt <file>')
    .description("check a site's proof that its update went in, as `tessera site proof` writes it")
    .option(
      '--ledger <folder>',
      "a coordinator's folder or an export: its records must be those of the proof",
    )
    .option('--key <fingerprint>', "the coordinator's fingerprint, as you know it")
    .action(async (file: string, { ledger, key }: { ledger?: string; key?: string }) => {
      if (ledger === undefined && key === undefined) {
        throw new TesseraError('ERR_USAGE', 'receipt must be checked with --ledger or --key, got neither')
      }
      const proof = parseReceiptProof(await readText(file))
      const { receipt, ring } = await checkReceiptProof(proof)
      if (key !== undefined) assertFingerprint(ring.keys, key)
      if (ledger !== undefined) await assertInLedger(proof, ring.keys, ledger)
      const { site, study, round, payload } = receipt
      const counted = proof.round === round ? '' : `, in round ${proof.round}`
      print(`The update of ${site} for round ${round} of ${study} went in${counted}: payload ${payload}.`)
      print(`Coordinator ${ring.keys.map(fingerprint).join(', then ')}`)
    })
  example(command, '$ tessera ledger check-receipt proof.json --ledger colon-ledger')
}

async function assertInLedger(proof: ReceiptProof, keys: readonly string[], dir: string): Promise<void> {
  const [ledger] = await ledgersOf(dir, proof.study)
  if (ledger === undefined || !keys.includes(ledger.ring.keys[0] ?? '')) {
    throw new TesseraError('ERR_COORDINATOR_KEY', "receipt must be of the ledger's coordinator, got another")
  }
  const records = ledger.events.flatMap((event) => (event.type === 'round.published' ? [event.record] : []))
  const at = proof.records.findIndex((record, i) => record !== records[i])
  if (at !== -1)
    throw broken(at + 1, 'have the record that the site was given', records[at] ? 'another' : 'none')
}

function assertFingerprint(keys: readonly string[], wanted: string): void {
  if (keys.some((key) => sameFingerprint(fingerprint(key), wanted))) return
  const got = keys.map(fingerprint).join(', ')
  throw new TesseraError('ERR_FINGERPRINT', `coordinator must have the given fingerprint, got ${got}`)
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new TesseraError('ERR_USAGE', `receipt must be a file that can be read, got ${cause.code}`, {
      cause,
    })
  })
}
