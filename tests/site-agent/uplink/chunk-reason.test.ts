import { describe, expect, test } from 'vitest'
import { chunkReason, readChunkReason } from '../../../site-agent/uplink/chunk-reason.ts'

describe('a chunk’s reason', () => {
  test('is read back', () => {
    expect(readChunkReason(chunkReason(512, 1024, 3))).toEqual({ start: 512, end: 1024 })
  })

  test.each([
    'bytes 1 to 2',
    'answers the coordinator: accepted',
    ' bytes 1 to 2 of the delta of round 1',
    '',
  ])('%j is none', (why) => {
    expect(readChunkReason(why)).toBeNull()
  })
})
