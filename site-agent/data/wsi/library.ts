/**
 * @file libopenslide, as far as Tessera uses it. Not bound: reading an associated image (a photograph of the label bears the patient's name) and listing
 * the properties (scanners write names there too): what is not bound cannot be shown by mistake.
 *
 * Source: openslide.h of OpenSlide 3.4 and 4.0, https://openslide.org/api/openslide_8h.html
 */
import { TesseraError } from '@tessera/shared/errors'
import type { LibraryHandle } from 'koffi'

/** Address of an open slide inside the library. */
export type SlideAddress = bigint

/** The library's functions by their names without `openslide_`. */
export interface Openslide {
  /** On another thread, which waits for the disk. Null: no slide. */
  open(file: string): Promise<SlideAddress | null>
  close(slide: SlideAddress): void
  /** Null while all is well. Once set it stays: the slide can only be closed. The text may hold a path. */
  error(slide: SlideAddress): string | null
  levelCount(slide: SlideAddress): number
  levelSize(slide: SlideAddress, level: number): { width: number; height: number }
  levelDownsample(slide: SlideAddress, level: number): number
  property(slide: SlideAddress, name: string): string | null
  /** On another thread. Writes `width · height` pixels, 0xAARRGGBB, colours multiplied by alpha; `x` and `y` count in pixels of level 0. */
  readRegion(
    slide: SlideAddress,
    to: Uint32Array,
    region: {
      readonly x: number
      readonly y: number
      readonly level: number
      readonly width: number
      readonly height: number
    },
  ): Promise<void>
}

/** Of both versions that are in use: OpenSlide 3.4 is `.0`, 4.0 is `.1`. */
const LIBRARY_NAMES: readonly string[] = {
  darwin: [
    'libopenslide.1.dylib',
    '/opt/homebrew/lib/libopenslide.1.dylib',
    '/usr/local/lib/libopenslide.1.dylib',
    'libopenslide.0.dylib',
  ],
  win32: ['libopenslide-1.dll', 'libopenslide-0.dll'],
}[process.platform as string] ?? ['libopenslide.so.1', 'libopenslide.so.0']

/** Gives this thread's library, loaded when it is first asked for. @throws {TesseraError} ERR_SLIDE_LIBRARY */
export function openslide(): Promise<Openslide> {
  ofThread ??= bindOpenslide()
  return ofThread
}

let ofThread: Promise<Openslide> | null = null

/** Loads the first library that is there. @throws {TesseraError} ERR_SLIDE_LIBRARY */
export async function bindOpenslide(names = LIBRARY_NAMES): Promise<Openslide> {
  const library = await loadFirst(names)
  silenceTiff(library)
  const bind = (name: string, result: string, parameters: string[]) =>
    library.func(`openslide_${name}`, result, parameters)
  const open = bind('open', 'void *', ['str'])
  const close = bind('close', 'void', ['void *'])
  const error = bind('get_error', 'str', ['void *'])
  const levelCount = bind('get_level_count', 'int32', ['void *'])
  const levelDimensions = bind('get_level_dimensions', 'void', ['void *', 'int32', 'void *', 'void *'])
  const levelDownsample = bind('get_level_downsample', 'double', ['void *', 'int32'])
  const property = bind('get_property_value', 'str', ['void *', 'str'])
  const readRegion = bind('read_region', 'void', [
    'void *',
    'void *',
    'int64',
    'int64',
    'int32',
    'int64',
    'int64',
  ])
  return {
    open: (file) => onAnotherThread(open, file),
    close: (slide) => void close(slide),
    error: (slide) => error(slide) as string | null,
    levelCount: (slide) => levelCount(slide) as number,
    levelSize(slide, level) {
      const [width, height] = [new BigInt64Array(1), new BigInt64Array(1)]
      levelDimensions(slide, level, width, height)
      return { width: Number(width[0]), height: Number(height[0]) }
    },
    levelDownsample: (slide, level) => levelDownsample(slide, level) as number,
    property: (slide, name) => property(slide, name) as string | null,
    readRegion: (slide, to, { x, y, level, width, height }) =>
      onAnotherThread(readRegion, slide, to, x, y, level, width, height),
  }
}

async function loadFirst(names: readonly string[]): Promise<LibraryHandle> {
  let cause: unknown
  for (const name of names) {
    try {
      // Only sites that have slides need it.
      const { load } = await import('koffi')
      return load(name)
    } catch (thrown) {
      cause = thrown
    }
  }
  throw new TesseraError(
    'ERR_SLIDE_LIBRARY',
    'libopenslide must be installed to read slides, got none: apt-get install libopenslide0, dnf install openslide, or brew install openslide',
    { cause },
  )
}

/** libtiff, which the library brings, writes to standard error what it finds in a damaged file, with the file's path. Errors come to us by another way. */
function silenceTiff(library: LibraryHandle): void {
  for (const setter of ['TIFFSetErrorHandler', 'TIFFSetWarningHandler']) {
    try {
      library.func(setter, 'void *', ['void *'])(null)
    } catch {
      // Where libtiff is inside the library its functions cannot be reached.
    }
  }
}

type Native = ReturnType<LibraryHandle['func']>

function onAnotherThread<T>(call: Native, ...values: unknown[]): Promise<T> {
  return new Promise((resolve, reject) => {
    call.async(...values, (failure: unknown, result: T) => {
      if (failure) reject(failure instanceof Error ? failure : new Error('internal: native call failed'))
      else resolve(result)
    })
  })
}
