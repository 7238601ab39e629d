import type { KeyChange } from '@tessera/shared/protocol'
import {
  generateKeyPair,
  type KeyPair,
  type KeyRing,
  openKeyRing,
  readUnverified,
  type SignedKeyChange,
  sha256Hex,
  signKeyChange,
  signPayload,
} from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'

const hash = (digit: string) => digit.repeat(64)
const HEADS = [{ study: 'colon', plan: hash('a'), round: 3 }]

/** Keys 0 … n, each change signed. `heads[i]` goes into change i. */
async function chain(heads: KeyChange['heads'][]): Promise<{ pairs: KeyPair[]; ring: KeyRing }> {
  const pairs = [await generateKeyPair()]
  let ring = await openKeyRing(pairs[0]?.publicKey ?? '', [])
  for (const each of heads) {
    const [from, to] = [pairs.at(-1) as KeyPair, await generateKeyPair()]
    pairs.push(to)
    const change = await signKeyChange(ring, from, to, each, 1)
    ring = await openKeyRing(ring.keys[0] ?? '', [...ring.changes, change])
  }
  return { pairs, ring }
}

/** Signs a change with some fields changed. */
async function forged(
  { change }: SignedKeyChange,
  changes: Partial<KeyChange>,
  from: KeyPair,
  to: KeyPair,
): Promise<SignedKeyChange> {
  const payload = { ...readUnverified('keyChange', change), ...changes }
  return {
    change: await signPayload('keyChange', payload, from.privateKey),
    acceptance: await signPayload('keyChange', payload, to.privateKey),
  }
}

const refused = expect.objectContaining({ code: 'ERR_COORDINATOR_KEY' })

describe('openKeyRing()', () => {
  test('without a change is the pinned key alone', async () => {
    const { publicKey } = await generateKeyPair()
    const ring = await openKeyRing(publicKey, [])
    expect(ring).toMatchObject({ keys: [publicKey], current: publicKey })
    expect(ring.keyOf('colon', 1)).toBe(publicKey)
  })

  test('leads from any of the keys to all, forwards and backwards', async () => {
    const { pairs, ring } = await chain([HEADS, HEADS, HEADS])
    for (const { publicKey } of pairs) {
      const { keys, current } = await openKeyRing(publicKey, ring.changes)
      expect(keys).toEqual(pairs.map((pair) => pair.publicKey))
      expect(current).toBe(pairs[3]?.publicKey)
    }
  })

  test('gives each round and each plan the key that had to sign it', async () => {
    const { pairs, ring } = await chain([
      [{ study: 'colon', plan: hash('a'), round: 3 }],
      [
        { study: 'colon', plan: hash('a'), round: 5 },
        { study: 'lung', plan: hash('b'), round: 0 },
      ],
    ])
    const [first, second, third] = pairs.map(({ publicKey }) => publicKey)
    expect([1, 3, 4, 5, 6].map((round) => ring.keyOf('colon', round))).toEqual([
      first,
      first,
      second,
      second,
      third,
    ])
    expect(ring.keyOf('lung', 1)).toBe(third)
    expect([hash('a'), hash('b'), hash('c')].map((plan) => ring.keyOfPlan(plan))).toEqual([
      first,
      second,
      third,
    ])
  })

  test('refuses a pin that its keys do not hold', async () => {
    const { ring } = await chain([HEADS])
    const { publicKey } = await generateKeyPair()
    await expect(openKeyRing(publicKey, ring.changes)).rejects.toEqual(refused)
  })

  test('refuses a change that the old key, or the new one, has not signed', async () => {
    const { pairs, ring } = await chain([HEADS])
    const [from, to] = pairs as [KeyPair, KeyPair]
    const [change] = ring.changes as [SignedKeyChange]
    const stranger = await generateKeyPair()
    for (const bad of [
      await forged(change, {}, stranger, to),
      await forged(change, {}, from, stranger),
      { change: change.change, acceptance: change.change },
      { change: change.change, acceptance: (await forged(change, { heads: [] }, from, to)).acceptance },
    ]) {
      await expect(openKeyRing(from.publicKey, [bad])).rejects.toEqual(refused)
    }
  })

  test('refuses a gap, another order, another number and another link', async () => {
    const { pairs, ring } = await chain([HEADS, HEADS])
    const [first, second] = ring.changes as [SignedKeyChange, SignedKeyChange]
    const [a, b, c] = pairs as [KeyPair, KeyPair, KeyPair]
    for (const bad of [
      [second],
      [second, first],
      [first, await forged(second, { number: 3 }, b, c)],
      [first, await forged(second, { previous: sha256Hex('another') }, b, c)],
      [first, await forged(second, { from: a.publicKey }, a, c)],
    ]) {
      for (const { publicKey } of pairs) await expect(openKeyRing(publicKey, bad)).rejects.toEqual(refused)
    }
  })

  test('refuses a way back to a key that was replaced', async () => {
    const { pairs, ring } = await chain([HEADS])
    const [a, b] = pairs as [KeyPair, KeyPair]
    const back = await signKeyChange(ring, b, a, HEADS, 2)
    await expect(openKeyRing(a.publicKey, [...ring.changes, back])).rejects.toEqual(refused)
  })
})
