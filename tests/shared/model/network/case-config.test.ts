import { describe, expect, test } from 'vitest'
import { readCaseConfig } from '../../../../shared/model/network/case-config.ts'

const read = (changes: object): ReturnType<typeof readCaseConfig> =>
  readCaseConfig({ architecture: 'efficientnet-b0', mode: 'eval', ...changes })

describe('readCaseConfig()', () => {
  test.each([
    ['efficientnet-b0', 'efficientnet-b0'],
    ['efficientnet_b3', 'efficientnet-b3'],
    ['EfficientNet-B4', 'efficientnet-b4'],
    ['tf_efficientnet_b1', 'efficientnet-b1'],
    ['efficientnet_lite0', 'efficientnet-lite0'],
    ['tf_efficientnet_lite0', 'efficientnet-lite0'],
    ['efficientnet-lite-0', 'efficientnet-lite0'],
    ['resnet18', 'resnet-18'],
    ['resnet_18', 'resnet-18'],
    ['resnet-50', 'resnet-50'],
  ])('reads %s as %s', (text, name) => {
    expect(read({ architecture: text }).architecture.name).toBe(name)
  })

  test.each([
    [{}, { padding: 'symmetric', epsilon: 1e-5, momentum: 0.1 }],
    [{ naming: 'timm' }, { padding: 'symmetric', epsilon: 1e-5, momentum: 0.1 }],
    [
      { naming: 'timm', architecture: 'tf_efficientnet_b0' },
      { padding: 'same', epsilon: 1e-3, momentum: 0.1 },
    ],
    [{ naming: 'efficientnet_pytorch' }, { padding: 'same', epsilon: 1e-3, momentum: 0.01, imageSize: 224 }],
    [
      { naming: 'efficientnet-pytorch', architecture: 'efficientnet-b3' },
      { padding: 'same', imageSize: 300 },
    ],
    [{ naming: 'efficientnet_pytorch', imageSize: 64 }, { imageSize: 64 }],
    [{ naming: 'efficientnet_pytorch', imageSize: null }, { imageSize: undefined }],
    [
      { naming: 'timm', padding: 'same', batchNorm: { epsilon: 2e-3 }, momentum: 0.2 },
      { padding: 'same', epsilon: 2e-3, momentum: 0.2 },
    ],
  ])('gives %o the conventions %o', (changes, conventions) => {
    expect(read(changes).conventions).toMatchObject(conventions)
  })

  test.each([{ naming: 'keras' }, { mode: 'both' }, { architecture: 'vit' }, { epsilon: 0 }])(
    'says ERR_CASE_FILE for %o',
    (changes) => {
      expect(() => read(changes)).toThrow(expect.objectContaining({ code: 'ERR_CASE_FILE' }))
    },
  )
})
