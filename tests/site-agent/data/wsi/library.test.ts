import { describe, expect, test } from 'vitest'
import { bindOpenslide } from '../../../../site-agent/data/wsi/library.ts'

describe('bindOpenslide()', () => {
  test('says what to install where the library is missing', async () => {
    await expect(bindOpenslide(['libno-such-slide.so.0', 'libno-such-slide.so.1'])).rejects.toMatchObject({
      code: 'ERR_SLIDE_LIBRARY',
      message:
        'libopenslide must be installed to read slides, got none: apt-get install libopenslide0, dnf install openslide, or brew install openslide',
    })
  })
})
