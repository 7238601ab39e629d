import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { backboneLayout, encodeSafetensors, initialWeights } from '@tessera/shared/model'
import { sha256Hex } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { readStart } from '../../../simulations/runner/start.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

describe('readStart()', () => {
  test('tells the network of a file, and its hash', async () => {
    const file = join(await temporaryFolder(), 'start.safetensors')
    const architecture = { name: 'resnet-18', widthMultiplier: 1, depthMultiplier: 1 } as const
    const layout = backboneLayout(architecture, 2)
    const bytes = encodeSafetensors(layout, initialWeights(layout, 'a seed'))
    await writeFile(file, bytes)
    expect(await readStart(file)).toEqual({ file, sha256: sha256Hex(bytes), architecture })
  })

  test('says ERR_MODEL_FILE when there is none, without its path', async () => {
    const nowhere = join(await temporaryFolder(), 'nowhere.safetensors')
    await expect(readStart(nowhere)).rejects.toMatchObject({
      code: 'ERR_MODEL_FILE',
      message: '--start must be a readable file, got ENOENT',
    })
  })
})
