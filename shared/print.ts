/** @file Results of a verb, on standard output: the one way there for text that a study, a peer or a file may have a part in. */
import { printableLines } from './printable.ts'

/** Writes lines; what may hold a line break of somebody else's has to be `printable` before. */
export function print(lines: string): void {
  process.stdout.write(`${printableLines(lines)}\n`)
}
