/** @file Which wheels hold the CUDA libraries that a TensorFlow wheel was built for. */
import { openPromise } from 'yauzl'
import { archiveRefused, checkEntrySize } from './archive-entry.ts'

const MAX_METADATA_BYTES = 1e6

/** Requirements of the extra `and-cuda` in a wheel's METADATA, as pip takes them: `nvidia-cublas-cu12<13,>=12.5.3.2`. */
export function cudaRequirements(metadata: string): string[] {
  const pattern = /^Requires-Dist: (nvidia-[\w-]+) ?\(?([^;)]*)\)? ?;.*extra == ["']and-cuda["']/gm
  return [...metadata.matchAll(pattern)].map(
    ([, name = '', range = '']) => `${name}${range.replaceAll(' ', '')}`,
  )
}

/**
 * The CUDA wheels that a TensorFlow wheel names.
 * @throws {TesseraError} ERR_ENGINE_ARCHIVE if it names none.
 */
export async function cudaRequirementsOf(wheel: string): Promise<string[]> {
  const zip = await openPromise(wheel, { lazyEntries: true, autoClose: false })
  try {
    for await (const entry of zip.eachEntry()) {
      if (!/^[^/]+\.dist-info\/METADATA$/.test(entry.fileName)) continue
      checkEntrySize('wheel', entry.uncompressedSize, MAX_METADATA_BYTES)
      const chunks: Buffer[] = []
      for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer)
      const requirements = cudaRequirements(Buffer.concat(chunks).toString('utf8'))
      if (requirements.length > 0) return requirements
    }
  } finally {
    zip.close()
  }
  throw archiveRefused('wheel', 'name its CUDA libraries for --gpu', 'none')
}
