import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { OPERATION_NAMES, type OperationName } from '../../../../site-agent/data/randaugment/operations.ts'
import { applyOperation } from '../../../support/apply-operation.ts'

interface Cases {
  readonly sizePx: number
  readonly tiles: Readonly<Record<string, string>>
  readonly cases: readonly {
    readonly tile: string
    readonly name: OperationName
    readonly argument: number
    readonly cubic: boolean
    readonly expect: string
  }[]
}

const file = new URL('../../../parity/pillow/operations.json', import.meta.url)
const { sizePx, tiles, cases }: Cases = JSON.parse(readFileSync(file, 'utf8'))
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'))

// Bit for bit: each step of Pillow's arithmetic, single or double, is taken here as well.
describe('operations agree with Pillow byte for byte', () => {
  test.each(cases)('$name $argument, cubic $cubic, on $tile', ({ tile, name, argument, cubic, ...rest }) => {
    const result = applyOperation(bytes(tiles[tile] ?? ''), sizePx, { name, argument, cubic })
    expect(result).toEqual(bytes(rest.expect))
  })

  test('no operation is without a case', () => {
    expect(new Set(cases.map(({ name }) => name))).toEqual(new Set(OPERATION_NAMES))
  })
})
