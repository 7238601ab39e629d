/** @file `tessera site check`. */
import { readFile } from 'node:fs/promises'
import { TesseraError } from '@tessera/shared/errors'
import { study as studySchema } from '@tessera/shared/protocol'
import type { Command } from 'commander'
import { assessTiles } from '../data/index.ts'
import { dataLines } from '../screen/data-table.ts'
import { studyFile } from '../session/workplace.ts'
import { type DataRules, example, print, whole, withDataRules, withDir } from './command.ts'

interface CheckFlags extends DataRules {
  dir: string
  study?: string
  classes?: string[]
  size?: number
  showBad?: true
  json?: true
}

export function addCheck(group: Command): void {
  const command = withDataRules(withDir(group.command('check <data>')))
    .description('read every tile of DATA/CLASS/*.{png,jpg,jpeg}, as training would, and say what is wrong')
    .option('--study <id>', 'take classes and size from a study this site has joined')
    .option('--classes <names>', "the study's classes, separated by commas", (text) => text.split(','))
    .option('--size <px>', "width of the study's tiles", whole)
    .option('--show-bad', 'list the skipped files, on this screen only')
    .option('--json', 'as JSON')
    .action(async (dataDir: string, options: CheckFlags) => {
      const wanted = await classesAndSize(options)
      const { report, fault } = await assessTiles({
        dir: dataDir,
        ...wanted,
        maxBadShare: options.maxBad,
        allowMissingClasses: options.allowMissingClasses === true,
        onSkipped: (path, reason) => {
          if (options.showBad) process.stderr.write(`${reason} ${path}\n`)
        },
      })
      if (options.json) print(JSON.stringify({ report, code: fault?.code ?? null }))
      else if (report !== null) print(dataLines(report).join('\n'))
      if (fault !== null) throw fault
      if (!options.json) print('\nReady to train.')
    })
  example(command, '$ tessera site check tiles --classes benign,tumour --size 96')
}

/** What the tiles should be, from the flags or from the study that the site has joined. */
async function classesAndSize({
  dir,
  study,
  classes,
  size,
}: CheckFlags): Promise<{ classes: string[]; sizePx: number }> {
  if (study !== undefined) {
    const text = await readFile(studyFile(dir, study), 'utf8').catch((cause: unknown) => {
      throw new TesseraError(
        'ERR_STUDY_UNKNOWN',
        `study must be one that this site has joined, got ${study}: use --classes and --size before that`,
        { cause },
      )
    })
    const known = studySchema.parse(JSON.parse(text))
    return { classes: known.classes, sizePx: known.tile.sizePx }
  }
  if (classes === undefined || size === undefined) {
    throw new TesseraError('ERR_USAGE', 'check must have --study, or --classes and --size, got neither')
  }
  return { classes, sizePx: size }
}
