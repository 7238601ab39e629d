import {
  type Architecture,
  conventionsOf,
  describeNetwork,
  featureWidth,
  IMAGES,
  type Node,
  sameArchitecture,
} from '@tessera/shared/model'
import { describe, expect, test } from 'vitest'
import { b0, tiny } from './support.ts'

describe('featureWidth()', () => {
  test('is four times the last block', () => {
    expect([b0, { ...b0, widthMultiplier: 0.25 }, tiny].map(featureWidth)).toEqual([1280, 320, 128])
  })
})

/** Channels a layer reads and gives. */
function widths(node: Node): [number, number] {
  if (node.kind === 'convolution') return [node.inputs, node.outputs]
  if (node.kind === 'classifier') return [node.features, node.classes]
  return [node.channels, node.channels]
}

describe('describeNetwork()', () => {
  const all = [
    ...(['efficientnet-b0', 'efficientnet-b3', 'efficientnet-lite0'] as const).flatMap((name) => [
      { ...tiny, name },
      { ...tiny, name, flavour: 'timm-tf' as const },
    ]),
    ...(['resnet-18', 'resnet-50'] as const).map((name) => ({ ...tiny, name })),
    { ...tiny, projector: { hidden: 5, features: 9 } },
  ]

  test.each(all)(
    'computes each value of $name $flavour before it is read, once, in shapes that fit',
    (architecture) => {
      const channels = new Map([[IMAGES, 3]])
      const { nodes, features, classes, classifier } = describeNetwork(architecture, 7)
      for (const node of nodes) {
        const into = channels.get(node.input)
        expect(channels.has(node.name)).toBe(false)
        const [wanted, given] = widths(node)
        expect(into, node.name).toBe(wanted)
        if (node.kind === 'add') expect(channels.get(node.shortcut)).toBe(wanted)
        if (node.kind === 'convolution' && node.depthwise) expect(wanted).toBe(given)
        channels.set(node.name, given)
      }
      expect(nodes.slice(-2).map(({ kind }) => kind)).toEqual(['global-average-pool', 'classifier'])
      expect(channels.get('avgpool')).toBe(features)
      expect(channels.get(classifier)).toBe(classes)
    },
  )

  test('halves the image five times in every network', () => {
    for (const architecture of all) {
      const strides = describeNetwork(architecture, 2).nodes.map((node) => {
        // A shortcut that is widened has the stride of the branch beside it.
        const counts =
          (node.kind === 'convolution' || node.kind === 'max-pool') && !/downsample/.test(node.name)
        return counts ? node.stride : 1
      })
      expect(strides.reduce((product, stride) => product * stride)).toBe(32)
    }
  })

  test('names the last map of each resolution from a 4th on, and its channels', () => {
    const stagesOf = (architecture: Architecture): (readonly [string, number])[] =>
      describeNetwork(architecture, 2).stages.map(({ value, channels }) => [value, channels] as const)
    expect(stagesOf(b0)).toEqual([
      ['features.2.1.add', 24],
      ['features.3.1.add', 40],
      ['features.5.2.add', 112],
      ['features.7.0.block.3.1', 320],
    ])
    expect(stagesOf({ ...b0, name: 'resnet-18' })).toEqual([
      ['layer1.1.add', 64],
      ['layer2.1.add', 128],
      ['layer3.1.add', 256],
      ['layer4.1.add', 512],
    ])
    for (const architecture of all) expect(stagesOf(architecture)).toHaveLength(4)
  })

  test('pads a fixed size as each layer meets it, where the padding is worked out once', () => {
    // 15 pixels: 15, 8, 4, 2, 1, 1 with 3, 3, 5, 3, 5 wide kernels at the strides of 2.
    const conventions = { ...conventionsOf('timm-tf'), imageSize: 15 }
    const paddings = describeNetwork(tiny, 2, conventions).nodes.flatMap((node) =>
      node.kind === 'convolution' && node.stride === 2 ? [node.padding] : [],
    )
    expect(paddings).toEqual([
      [1, 1],
      [0, 1],
      [1, 2],
      [0, 1],
      [2, 2],
    ])
  })

  test('does not scale stem, head and outer stages of Lite0', () => {
    const { nodes, features } = describeNetwork(
      { ...b0, name: 'efficientnet-lite0', widthMultiplier: 0.5, depthMultiplier: 2 },
      2,
    )
    const stem = nodes[0]
    expect(stem?.kind === 'convolution' && stem.outputs).toBe(32)
    expect(features).toBe(1280)
    const names = nodes.map(({ name }) => name)
    expect(names).not.toContain('features.1.1.block.0.0')
    expect(names).not.toContain('features.7.1.block.0.0')
    expect(names).toContain('features.6.7.block.0.0')
    expect(nodes.some(({ kind }) => kind === 'squeeze-excite')).toBe(false)
  })
})

describe('sameArchitecture()', () => {
  test('is true only when name and both multipliers are equal', () => {
    expect(sameArchitecture(b0, { ...b0 })).toBe(true)
    expect(sameArchitecture(b0, { ...b0, widthMultiplier: 0.5 })).toBe(false)
    expect(sameArchitecture(b0, { ...b0, depthMultiplier: 0.5 })).toBe(false)
    expect(sameArchitecture(b0, { ...b0, name: 'efficientnet-lite0' })).toBe(false)
  })

  test('takes no flavour for torchvision', () => {
    expect(sameArchitecture(b0, { ...b0, flavour: 'torchvision' })).toBe(true)
    expect(sameArchitecture(b0, { ...b0, flavour: 'timm-tf' })).toBe(false)
  })
})
