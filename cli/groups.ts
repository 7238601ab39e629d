/** @file The verb groups of `tessera`. */
import type { Command } from 'commander'

/** What `tessera --help` says of a verb group, and the module that defines it: loaded only when typed, so that `--help` stays instant. */
export interface VerbGroup {
  readonly name: string
  readonly summary: string
  readonly load: (program: Command) => Promise<void>
}

export const GROUPS: readonly VerbGroup[] = [
  {
    name: 'demo',
    summary: 'train a whole federation on this machine and print what it is worth',
    load: async (program) => (await import('@tessera/simulations/main')).addDemoCommand(program),
  },
  {
    name: 'draw',
    summary: 'draw tiles to practise on',
    load: async (program) => (await import('@tessera/simulations/draw')).addDrawCommand(program),
  },
  {
    name: 'simulate',
    summary: 'run an experiment: methods, seeds and scenarios over simulated sites',
    load: async (program) => (await import('@tessera/simulations/simulate')).addSimulateCommand(program),
  },
  {
    name: 'coordinator',
    summary: 'run a consortium: init, study create, invite, start, export',
    load: async (program) => (await import('@tessera/coordinator/main')).addCoordinatorCommands(program),
  },
  {
    name: 'site',
    summary: 'run a hospital’s agent: enroll, check, policy, start, audit, pause',
    load: async (program) => (await import('@tessera/site-agent/main')).addSiteCommands(program),
  },
  {
    name: 'teacher',
    summary: 'train a teacher on a folder of tiles',
    load: async (program) => (await import('@tessera/site-agent/main-teacher')).addTeacherCommands(program),
  },
  {
    name: 'ledger',
    summary: 'check that published students follow from what sites signed',
    load: async (program) => (await import('./ledger.ts')).addLedgerCommands(program),
  },
  {
    name: 'verify',
    summary: 'check that this machine computes the reference numbers',
    load: async (program) => (await import('./verify.ts')).addVerifyCommand(program),
  },
  {
    name: 'engine',
    summary: 'install or remove the native engine',
    load: async (program) => (await import('./engine.ts')).addEngineCommands(program),
  },
  {
    name: 'bundle',
    summary: 'write an archive that installs a site without a network',
    load: async (program) => (await import('./bundle.ts')).addBundleCommand(program),
  },
  {
    name: 'doctor',
    summary: 'which engine runs here, how fast, and what is missing',
    load: async (program) => (await import('./doctor.ts')).addDoctorCommand(program),
  },
]
