/** @file The verb `draw`: tiles to practise on, for whoever has none yet or may not use the real ones. */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { print } from '@tessera/shared/print'
import { type Command, InvalidArgumentError } from 'commander'
import { paintTile } from './runner/paint-tile.ts'
import { GRADES, type Grade } from './tiles/index.ts'

const EXAMPLE = `
Each folder DIR/hospital-1, … has a scanner and patients of its own, and a manifest tiles.csv; DIR/labels.csv names the patients of all.

Example:
  $ tessera draw practice --hospitals 2 && tessera site check practice/hospital-1/tiles.csv --classes benign,grade-3 --data-only`

export interface DrawOptions {
  readonly hospitals: number
  readonly patients: number
  readonly tiles: number
  readonly size: number
  readonly classes: readonly Grade[]
  /** Another text draws other tiles. */
  readonly seed: string
}

/** Adds the verb `draw` to the program. */
export function addDrawCommand(program: Command): void {
  program
    .command('draw')
    .description('Draw tiles to practise on: tissue of no person, in the looks of several scanners.')
    .argument('<dir>', 'a new folder')
    .option('--hospitals <n>', 'how many', whole(1, 100), 3)
    .option('--patients <n>', 'of each hospital and class', whole(1, 1000), 10)
    .option('--tiles <n>', 'of each patient', whole(1, 100), 4)
    .option('--size <px>', 'side of a tile', whole(24, 512), 64)
    .option('--classes <names>', `of ${GRADES.join(', ')}`, grades, ['benign', 'grade-3'])
    .option('--seed <text>', 'another text draws other tiles', 'practice')
    .addHelpText('after', EXAMPLE)
    .action(async (dir: string, options: DrawOptions) => {
      const count = await drawTiles(dir, options)
      print(`${count} tiles of ${options.hospitals} hospitals are in ${dir}.`)
    })
}

/** Returns how many tiles were drawn; equal options give equal files. @throws {TesseraError} ERR_USAGE if the folder has something in it. */
export async function drawTiles(dir: string, options: DrawOptions): Promise<number> {
  const { hospitals, patients, tiles, size, classes, seed } = options
  await mkdir(dir, { recursive: true })
  if ((await readdir(dir)).length > 0)
    throw new TesseraError('ERR_USAGE', 'folder to draw into must be new or empty, got one with files')
  const all = ['path,group']
  for (let h = 0; h < hospitals; h++) {
    const hospital = `hospital-${h + 1}`
    const own = ['path,label,patient']
    for (const [c, label] of classes.entries()) {
      await mkdir(join(dir, hospital, label), { recursive: true })
      for (let i = 0; i < patients * tiles; i++) {
        // Numbers that say nothing of the class.
        const patient = `${hospital}-P${String(Math.floor(i / tiles) * classes.length + c + 1).padStart(3, '0')}`
        const path = `${label}/${i}.png`
        const picture = { kind: 'drawn', patient: `${seed}/${patient}`, index: i % tiles } as const
        await writeFile(join(dir, hospital, path), await paintTile({ label, picture, site: h }, seed, size))
        own.push(`${path},${label},${patient}`)
        all.push(`${hospital}/${path},${patient}`)
      }
    }
    await writeFile(join(dir, hospital, 'tiles.csv'), `${own.join('\n')}\n`)
  }
  await writeFile(join(dir, 'labels.csv'), `${all.join('\n')}\n`)
  return all.length - 1
}

const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}.`)
    return value
  }

function grades(text: string): Grade[] {
  const names = text.split(',')
  const known = GRADES.filter((grade) => names.includes(grade))
  if (known.length !== names.length || known.length < 2)
    throw new InvalidArgumentError(`must be two or more of ${GRADES.join(', ')}.`)
  return names as Grade[]
}
