import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  checkOurs,
  clearLeftovers,
  createWorkplace,
  putInPlace,
  removeEngine,
} from '../../../../../shared/engine/tensorflow/install/swap.ts'
import { temporaryFolder } from '../../../../support/temporary-folder.ts'

/** A folder with what every engine has. */
async function engineAt(folder: string, content: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const name of ['manifest.json', 'tessera.node']) await writeFile(join(folder, name), content)
}

describe('putInPlace()', () => {
  test('replaces the engine by the finished one and leaves nothing else', async () => {
    const parent = await temporaryFolder()
    const engine = join(parent, 'engine')
    await engineAt(engine, 'old')
    const place = await createWorkplace(engine)
    await engineAt(place, 'new')
    await putInPlace(place, engine)
    expect(await readdir(parent)).toEqual(['engine'])
    expect(await readFile(join(engine, 'tessera.node'), 'utf8')).toBe('new')
  })
})

describe('clearLeftovers()', () => {
  const nobody = (): boolean => false

  test('removes what dead installations left, and nothing of one that runs', async () => {
    const parent = await temporaryFolder()
    for (const name of [
      'engine',
      'engine.new-1',
      'engine.old-2',
      'engine.new-3',
      'engine.new-x',
      'other.new-1',
    ])
      await engineAt(join(parent, name), name)
    clearLeftovers(join(parent, 'engine'), (pid) => pid === 3)
    expect((await readdir(parent)).toSorted()).toEqual([
      'engine',
      'engine.new-3',
      'engine.new-x',
      'other.new-1',
    ])
  })

  test('puts back an engine that was moved away and not replaced', async () => {
    const parent = await temporaryFolder()
    await engineAt(join(parent, 'engine.old-1'), 'old')
    clearLeftovers(join(parent, 'engine'), nobody)
    expect(await readFile(join(parent, 'engine/tessera.node'), 'utf8')).toBe('old')
  })

  test('does nothing where there is nothing', async () => {
    expect(() => clearLeftovers(join('/nowhere', 'engine'), nobody)).not.toThrow()
  })
})

describe('checkOurs(), removeEngine()', () => {
  test('a folder with other files is neither installed over nor removed', async () => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'thesis.tex'), 'x')
    const refusal = { code: 'ERR_ENGINE_MANIFEST', message: /must be empty or hold an engine/ }
    expect(() => checkOurs(folder)).toThrowError(expect.objectContaining({ code: refusal.code }))
    await expect(removeEngine(folder)).rejects.toThrow(refusal.message)
    expect(await readdir(folder)).toEqual(['thesis.tex'])
  })
  test('an empty folder will do for an engine', async () => {
    expect(checkOurs(await temporaryFolder())).toBeUndefined()
  })
  test('removes an engine, and says when there was none', async () => {
    const parent = await temporaryFolder()
    await engineAt(join(parent, 'engine'), 'x')
    expect(await removeEngine(join(parent, 'engine'))).toBe(true)
    expect(await removeEngine(join(parent, 'engine'))).toBe(false)
    expect(await readdir(parent)).toEqual([])
  })
})
