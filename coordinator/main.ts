/** @file The operator's verbs: `tessera coordinator …`. Results go to standard output, logs to standard error. */
import { readFile } from 'node:fs/promises'
import { systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { type Architecture, architectureText, NAMINGS, type Naming } from '@tessera/shared/model'
import { channels } from '@tessera/shared/model/onnx'
import { print } from '@tessera/shared/print'
import { KIT_LIFETIME_MS } from '@tessera/shared/security'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { DEFAULT_PORT, hasCoordinator, initCoordinator } from './config.ts'
import { invite, revoke } from './enrolment/index.ts'
import { addBackupVerbs } from './main-backup.ts'
import { addDashboardVerbs } from './main-dashboard.ts'
import { addSiteVerbs } from './main-sites.ts'
import { addStart } from './main-start.ts'
import { addStudyControl } from './main-studies.ts'
import { formatStatus, readStatus } from './status.ts'
import { maskedUrl } from './store/index.ts'
import { createStudy, EXPORT_FORMATS, type ExportFormat, exportStudy } from './studies/index.ts'
import type { TlsChoice } from './tls/settings.ts'

const DAY_MS = 24 * 3600 * 1000
const whole = (text: string): number => {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('must be a whole number.')
}
const threeNumbers = (text: string): [number, number, number] => {
  const numbers = channels(text)
  if (numbers !== null) return numbers
  throw new InvalidArgumentError('must be three numbers, for instance 0.5,0.5,0.5.')
}
/** One option for all verbs: where the coordinator lives. */
const withDir = (command: Command): Command =>
  command.option('-d, --dir <folder>', "the coordinator's folder", 'coordinator-data')
const example = (command: Command, text: string): Command =>
  command.addHelpText('after', `\nExample:\n  ${text}`)

/** Adds the group `coordinator` to the program. */
export function addCoordinatorCommands(program: Command): void {
  const group = program
    .command('coordinator')
    .description('run a study for many sites: hand out, check, average, publish')
  addInit(group)
  addStudy(group)
  addInvite(group)
  addRevoke(group)
  addSiteVerbs(group)
  addStatus(group)
  addStart(group)
  addBackupVerbs(group)
  addDashboardVerbs(group)
  example(group, '$ tessera coordinator init --url https://fl.example.org && tessera coordinator start')
}

function addInit(group: Command): void {
  const command = withDir(group.command('init'))
    .summary('make a coordinator: folder, settings, key pair')
    .description("make a coordinator's folder, settings and keys; the private key never leaves it")
    .option('--url <url>', 'address the sites use (default: the one it listens on)')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on', whole, DEFAULT_PORT)
    .addOption(
      new Option('--tls <how>', 'self: make a certificate, its pin goes into the kits').choices(['self']),
    )
    .option('--tls-cert <file>', 'a certificate of your own, PEM, with --tls-key')
    .option('--tls-key <file>', 'its private key, PEM')
    .option('--tls-pin', 'with --tls-cert: sites check the pin of its key instead')
    .option('--tls-client-ca <file>', 'let in only sites certified by this authority')
    .option('--behind-proxy', 'a proxy ends TLS: plain http here, https in kits')
    .option('--store <url>', 'PostgreSQL database for its events (default: a file)')
    .option('--if-missing', 'leave a coordinator that is there as it is: for start scripts')
    .action(async (options: InitOptions) => {
      if (options.ifMissing && (await hasCoordinator(options.dir))) {
        print(`Coordinator is there already in ${options.dir}.`)
        return
      }
      const made = await initCoordinator({ ...options, tls: tlsChoice(options) })
      print(`Coordinator made in ${options.dir}, for ${made.config.url}.`)
      if (made.tlsPin) print(`Pin of its TLS key, as the kits carry it: ${made.tlsPin}`)
      if (made.config.store) print(`Its events go to ${maskedUrl(made.config.store)}.`)
      print(`Fingerprint, for sites to compare by phone: ${made.fingerprint}`)
    })
  example(command, '$ tessera coordinator init --dir /srv/tessera --url https://fl.example.org')
}

interface InitOptions {
  readonly dir: string
  readonly url?: string
  readonly host: string
  readonly port: number
  readonly tls?: 'self'
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsPin?: true
  readonly tlsClientCa?: string
  readonly behindProxy?: true
  readonly ifMissing?: true
  readonly store?: string
}

/** @throws {TesseraError} ERR_USAGE if the flags contradict each other. */
function tlsChoice(options: InitOptions): TlsChoice | undefined {
  const { tls, tlsCert: cert, tlsKey: key, tlsClientCa: clientCa, tlsPin: pinned } = options
  const given = cert !== undefined && key !== undefined
  if (tls === 'self' && cert === undefined && key === undefined) return { self: true, clientCa }
  if (tls === undefined && given) return { cert, key, clientCa, pinned }
  if (tls ?? cert ?? key ?? clientCa ?? pinned) {
    throw new TesseraError(
      'ERR_USAGE',
      'TLS must be --tls self, or --tls-cert with --tls-key, got another mixture',
    )
  }
  return undefined
}

interface CreateOptions {
  readonly dir: string
  readonly teacher?: string
  readonly student?: string
  readonly inputSize?: number
  readonly layout?: 'nchw' | 'nhwc'
  readonly mean?: [number, number, number]
  readonly std?: [number, number, number]
  readonly features?: string
  readonly pool?: 'first' | 'mean'
  readonly logits?: string
}

interface ExportOptions {
  readonly dir: string
  readonly out: string
  readonly round?: number
  readonly best?: true
  readonly format: ExportFormat
  readonly naming: Naming
}

function addStudy(group: Command): void {
  const study = group.command('study').description('create, steer, look at, clone and export studies')
  const create = withDir(study.command('create <file>'))
    .summary('create a study from a JSON file')
    .description(
      'create a study from a JSON file (JSON only); every field and its default is in docs/reference/study.md',
    )
    .option('--teacher <file>', 'the teacher: safetensors (docs/models.md) or any vision model as .onnx')
    .option('--student <file>', "the student's weights, safetensors, for student.initial 'file'")
    .option('--input-size <pixels>', 'ONNX: size of its input, when the file leaves it free', whole)
    .addOption(new Option('--layout <layout>', 'ONNX: order of its input').choices(['nchw', 'nhwc']))
    .option('--mean <r,g,b>', 'ONNX: mean it was trained with, for values from 0 to 1', threeNumbers)
    .option('--std <r,g,b>', 'ONNX: deviation it was trained with', threeNumbers)
    .option('--features <tensor>', 'ONNX: the output, or inner tensor, that holds its features')
    .addOption(new Option('--pool <how>', 'ONNX: from tokens to features').choices(['first', 'mean']))
    .option('--logits <output>', 'ONNX: the output that holds its logits')
    .action(async (file: string, options: CreateOptions) => {
      const { inputSize: sizePx, layout, mean, std: deviation, features, pool, logits } = options
      const made = await createStudy({
        dir: options.dir,
        study: await readJson(file),
        teacherFile: options.teacher,
        studentFile: options.student,
        onnx: { sizePx, layout, mean, deviation, features, pool, logits },
      })
      print(
        `Study ${made.study.id} created: ${made.study.training.rounds} rounds, method ${made.study.method.name}.`,
      )
      const { study: created, namings, ownClassifier } = made
      if (namings.teacher && created.teacher && created.teacher.name !== 'onnx') {
        print(fileText('Teacher', namings.teacher, created.teacher))
      }
      if (namings.student) print(fileText('Student', namings.student, created.student))
      if (ownClassifier) print("The student file's classifier is for other classes: it starts from the seed.")
      for (const warning of made.warnings) print(`Warning: ${warning}.`)
      print(`Layout ${made.layoutHash}, initial student ${made.student}.`)
      print(`Plan ${made.plan}, signed: sites that have joined refuse any other.`)
    })
  example(create, '$ tessera coordinator study create colon.json --teacher teacher.safetensors')
  const exported = withDir(study.command('export <study>'))
    .summary("write a study's student and its model card")
    .description("write a study's student, with a model card that says where it comes from")
    .option('--out <folder>', 'where to', '.')
    .option('--round <round>', 'the student of this round (default: the newest)', whole)
    .addOption(
      new Option('--best', 'the student that did best at the sites (docs/judging.md)').conflicts('round'),
    )
    .addOption(new Option('--format <format>', 'of the model').choices(EXPORT_FORMATS).default('safetensors'))
    .addOption(
      new Option('--naming <naming>', "whose names a safetensors file's tensors have")
        .choices(NAMINGS)
        .default('torchvision'),
    )
    .action(async (id: string, options: ExportOptions) => {
      const { files, card } = await exportStudy({ ...options, study: id })
      print(`Student of round ${card.round} of ${card.study.training.rounds}: ${files.join(', ')}`)
      if (card.batchNorms === 'initial')
        print("Warning: its batch norms are the initial ones (fedbn). It is good only with a site's own.")
    })
  example(exported, '$ tessera coordinator study export colon --format onnx --out export/')
  addStudyControl(study)
  example(study, '$ tessera coordinator study create colon.json --teacher teacher.safetensors')
}

function fileText(role: string, naming: Naming, architecture: Architecture): string {
  return `${role} file: ${architectureText(architecture)}, in ${naming} names.`
}

interface InviteOptions {
  readonly dir: string
  readonly out?: string
  readonly url?: string
  readonly days: number
  readonly autoApprove?: true
  readonly insecureHttp?: true
}

function addInvite(group: Command): void {
  const command = withDir(group.command('invite <site>'))
    .summary('write an enrolment kit for one site')
    .description(
      'write an enrolment kit: a file with a one-time secret, for one site; give it on a way you trust',
    )
    .option('--out <file>', 'where the kit goes (default: kits/<site>.json in the folder)')
    .option('--url <url>', 'address this site uses (default: as set by init)')
    .option(
      '--auto-approve',
      'the site needs no approval: for tests, or a way of handing over that is trusted enough',
    )
    .option('--insecure-http', 'the site may speak plain http over a network: anyone between can read along')
    .option('--days <days>', 'how long the kit can be used', whole, KIT_LIFETIME_MS / DAY_MS)
    .action(async (site: string, options: InviteOptions) => {
      const { out: file, days, ...others } = options
      const made = await invite({ ...others, site, file, lifetimeMs: days * DAY_MS })
      print(
        `Kit for ${site}: ${made.file}, to be used before ${new Date(made.kit.expiresAtMs).toISOString()}.`,
      )
    })
  example(command, '$ tessera coordinator invite radboud --out radboud-kit.json')
}

function addRevoke(group: Command): void {
  const command = withDir(group.command('revoke <site>'))
    .summary('shut a site out')
    .description('shut a site out: its sessions end, its open update does not count, its kits are void')
    .action(async (site: string, { dir }: { dir: string }) => {
      await revoke({ dir, site })
      print(`Site ${site} is revoked. A coordinator that runs shuts it out within seconds.`)
    })
  example(command, '$ tessera coordinator revoke radboud')
}

function addStatus(group: Command): void {
  const command = withDir(group.command('status'))
    .summary('show studies and sites')
    .description('show studies and sites, whether or not the coordinator runs')
    .option('--json', 'as JSON')
    .action(async ({ dir, json }: { dir: string; json?: true }) => {
      const status = await readStatus(dir, systemClock.now())
      print(json ? JSON.stringify(status) : formatStatus(status).trimEnd())
    })
  example(command, '$ tessera coordinator status')
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new TesseraError('ERR_USAGE', `study file must be readable, got ${cause.code}`, { cause })
  })
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new TesseraError('ERR_STUDY_INVALID', 'study file must be JSON, got another text', { cause })
  }
}
