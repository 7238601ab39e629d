/** @file Lists a site's tiles, whatever form they are in: class folders, slides, a manifest, an .npz file. The form is told by what is there, not by its name. */
import { open, stat } from 'node:fs/promises'
import { TesseraError } from '@tessera/shared/errors'
import { listFolder } from './folder.ts'
import { listSlideFolder } from './list-slides.ts'
import { listManifest, type ManifestOptions } from './manifest/read.ts'
import { listNpz } from './npz/read.ts'
import type { TileListing } from './splits/part.ts'
import { dividedListing, type SplitRule } from './splits/rule.ts'
import type { SlideTilesOptions } from './wsi/list-slide-tiles.ts'
import { isSlideFolder } from './wsi/slide-folder.ts'

export interface ListTilesOptions extends ManifestOptions, SlideTilesOptions {
  /** A folder, or a file. */
  readonly dir: string
  /** Divides data that do not say their parts themselves. Absent: all of them are trained on. */
  readonly split?: SplitRule | undefined
}

/** @throws {TesseraError} ERR_DATA_FOLDER, ERR_DATA_CLASSES, ERR_DATA_CLASS_EMPTY, ERR_DATA_MANIFEST, ERR_DATA_NPZ, ERR_DATA_SPLIT; what listSlideFolder throws. */
export async function listTiles(options: ListTilesOptions): Promise<TileListing> {
  const { dir, split } = options
  const listing = await listAs(await formOf(dir), dir, options)
  return split === undefined ? listing : dividedListing(listing, split)
}

type Form = 'folder' | 'slides' | 'manifest' | 'npz'

function listAs(form: Form, dir: string, options: ListTilesOptions): Promise<TileListing> {
  if (form === 'folder') return listFolder(dir, options)
  if (form === 'slides') return listSlideFolder(options)
  return form === 'npz' ? listNpz(dir, options) : listManifest(dir, options)
}

/** First bytes of a zip archive: of a file in it, or of its end when it is empty. */
const ZIP = ['504b0304', '504b0506']

async function formOf(path: string): Promise<Form> {
  const unreadable = (cause: unknown): never => {
    throw new TesseraError(
      'ERR_DATA_FOLDER',
      'data must be a folder or file that can be read, got none there',
      {
        cause,
      },
    )
  }
  const found = await stat(path).catch(unreadable)
  if (found.isDirectory()) return (await isSlideFolder(path)) ? 'slides' : 'folder'
  // A pipe or a device could keep its reader waiting for ever.
  if (!found.isFile()) return unreadable('neither a folder nor a file')
  const handle = await open(path).catch(unreadable)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0)
    return ZIP.includes(buffer.toString('hex', 0, bytesRead)) ? 'npz' : 'manifest'
  } catch (cause) {
    return unreadable(cause)
  } finally {
    await handle.close()
  }
}
