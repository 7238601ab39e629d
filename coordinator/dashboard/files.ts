/** @file Files that come in for a study, and the exported ones that go out: streamed, so that memory holds none of them. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import type { Clock } from '@tessera/shared/clock'
import type { Uploaded } from '@tessera/shared/dashboard/coordinator-api'
import { TesseraError } from '@tessera/shared/errors'
import { explained } from '@tessera/shared/files'
import type { Log } from '@tessera/shared/log'
import { MAX_MODEL_BYTES } from '@tessera/shared/protocol'
import { bodyParts, type WebApp, type WebContext } from '@tessera/shared/web'
import { logged } from './acting.ts'
import type { KeptFolders } from './kept-folders.ts'
import type { SigningIn } from './signing-in.ts'

/** Name of an uploaded file in its folder: what its owner calls it is of no matter here. */
export const UPLOADED = 'model.safetensors'
/** Names of exported files, at most one folder deep. */
const EXPORTED = /^(?:[A-Za-z0-9_-]+\/)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+$/

export interface FileOptions {
  readonly signing: SigningIn
  readonly uploads: KeptFolders
  readonly exports: KeptFolders
  readonly clock: Clock
  readonly log: Log
}

/** Mounts both ways below `base`. */
export function addFiles(app: WebApp, base: string, options: FileOptions): void {
  const { signing, exports, log } = options
  app.post(`${base}uploads`, (c) =>
    logged(c, 'uploads', signing, log, async () => c.json(await receive(c, options))),
  )
  app.get(`${base}exports/:export/:file{.+}`, (c) => {
    // What is exported is for operators, as making it is.
    const { role } = signing.reader(c)
    if (role !== 'operator')
      throw new TesseraError('ERR_ROLE', `role must be operator to do this, got ${role}`)
    return send(c, exports)
  })
}

async function receive(c: WebContext, { signing, uploads, clock }: FileOptions): Promise<Uploaded> {
  const { id, made } = await uploads.make(async (folder) => {
    const hash = createHash('sha256')
    let bytes = 0
    const file = await explained(() => open(join(folder, UPLOADED), 'wx', 0o600))
    try {
      for await (const part of bodyParts(c, clock, { maxBytes: MAX_MODEL_BYTES })) {
        // It can take hours, and ends with its session.
        signing.person(c)
        hash.update(part)
        bytes += part.byteLength
        await explained(() => file.appendFile(part))
      }
    } finally {
      await file.close()
    }
    return { bytes, sha256: hash.digest('hex') }
  })
  return { upload: id, ...made }
}

async function send(c: WebContext, exports: KeptFolders): Promise<Response> {
  const folder = exports.find(c.req.param('export') ?? '')
  const name = c.req.param('file') ?? ''
  const unknown = new TesseraError(
    'ERR_PAGE_UNKNOWN',
    'file must have been exported within the hour, got another',
  )
  if (folder === null || !EXPORTED.test(name)) throw unknown
  const file = join(folder, name)
  const { size } = await stat(file).catch(() => {
    throw unknown
  })
  return c.body(Readable.toWeb(createReadStream(file)) as ReadableStream, 200, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': String(size),
    'Content-Disposition': `attachment; filename="${basename(name)}"`,
  })
}
