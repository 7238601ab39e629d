/** @file What becomes of a program whose output nobody reads any more. */

/**
 * Goes on when a reader of the output has gone away (`tessera … | head`, a log collector that died): a coordinator or a site does not end for it, and a verb ends as it would have.
 * A result that could not be written for another reason, a full disk, ends the program with exit code 74 when it is done.
 */
export function endureClosedOutput({
  stdout,
  stderr,
}: Pick<NodeJS.Process, 'stdout' | 'stderr'> = process): void {
  stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (!GONE.has(code ?? '')) process.exitCode = CANNOT_WRITE
  })
  // Nobody is left to hear it, and what a program logs is not what it is for.
  stderr.on('error', () => undefined)
}

/** The reader has closed its end; and what Node says of every write after that. */
const GONE: ReadonlySet<string> = new Set(['EPIPE', 'ERR_STREAM_DESTROYED'])
/** EX_IOERR of sysexits.h. */
const CANNOT_WRITE = 74
