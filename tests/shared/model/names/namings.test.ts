import {
  backboneLayout,
  describeNetwork,
  detectNaming,
  NAMINGS,
  namesIn,
  renamedLayout,
} from '@tessera/shared/model'
import { describe, expect, test } from 'vitest'
import { b0 } from '../support.ts'

const networks = [
  'efficientnet-b0',
  'efficientnet-b4',
  'efficientnet-lite0',
  'resnet-18',
  'resnet-50',
] as const
const of = (name: (typeof networks)[number]): Parameters<typeof namesIn> => {
  const architecture = { ...b0, name }
  return ['timm', describeNetwork(architecture, 10), backboneLayout(architecture, 10)]
}

describe('namesIn()', () => {
  test.each(NAMINGS.flatMap((naming) => networks.map((name) => ({ naming, name }))))(
    'gives each tensor of $name a name of its own in $naming, by which the naming is told',
    ({ naming, name }) => {
      if (naming === 'efficientnet_pytorch' && name.startsWith('resnet')) return
      const [, graph, layout] = of(name)
      const names = namesIn(naming, graph, layout)
      expect([...names.keys()]).toEqual(layout.tensors.map((spec) => spec.name))
      expect(new Set(names.values()).size).toBe(names.size)
      // timm names a ResNet's tensors as torchvision does.
      const told = naming === 'timm' && name.startsWith('resnet') ? 'torchvision' : naming
      expect(detectNaming(names.values())).toBe(told)
      // Every part but the prefix stays, so that a weight never becomes a variance.
      for (const [ours, theirs] of names) expect(theirs.split('.').at(-1)).toBe(ours.split('.').at(-1))
    },
  )

  // Of timm 1.0 and efficientnet_pytorch 0.7, as they print their state dicts.
  test.each([
    ['features.0.1.running_var', 'bn1.running_var', '_bn0.running_var'],
    ['features.1.0.block.0.0.weight', 'blocks.0.0.conv_dw.weight', '_blocks.0._depthwise_conv.weight'],
    ['features.1.0.block.0.1.bias', 'blocks.0.0.bn1.bias', '_blocks.0._bn1.bias'],
    ['features.1.0.block.1.fc1.weight', 'blocks.0.0.se.conv_reduce.weight', '_blocks.0._se_reduce.weight'],
    ['features.1.0.block.2.0.weight', 'blocks.0.0.conv_pw.weight', '_blocks.0._project_conv.weight'],
    ['features.1.0.block.2.1.weight', 'blocks.0.0.bn2.weight', '_blocks.0._bn2.weight'],
    ['features.2.1.block.0.0.weight', 'blocks.1.1.conv_pw.weight', '_blocks.2._expand_conv.weight'],
    ['features.2.1.block.0.1.weight', 'blocks.1.1.bn1.weight', '_blocks.2._bn0.weight'],
    ['features.2.1.block.2.fc2.bias', 'blocks.1.1.se.conv_expand.bias', '_blocks.2._se_expand.bias'],
    ['features.2.1.block.3.0.weight', 'blocks.1.1.conv_pwl.weight', '_blocks.2._project_conv.weight'],
    ['features.2.1.block.3.1.weight', 'blocks.1.1.bn3.weight', '_blocks.2._bn2.weight'],
    ['features.8.0.weight', 'conv_head.weight', '_conv_head.weight'],
    ['features.8.1.weight', 'bn2.weight', '_bn1.weight'],
    ['classifier.1.bias', 'classifier.bias', '_fc.bias'],
  ])('names %s of B0 %s and %s', (ours, timm, pytorch) => {
    const [, graph, layout] = of('efficientnet-b0')
    expect(namesIn('timm', graph, layout).get(ours)).toBe(timm)
    expect(namesIn('efficientnet_pytorch', graph, layout).get(ours)).toBe(pytorch)
  })

  test('says ERR_LAYOUT_MISMATCH for a ResNet in the names of efficientnet_pytorch', () => {
    const [, graph, layout] = of('resnet-18')
    expect(() => namesIn('efficientnet_pytorch', graph, layout)).toThrow(
      expect.objectContaining({
        code: 'ERR_LAYOUT_MISMATCH',
        message: 'efficientnet_pytorch names must be of an EfficientNet, got a network that it does not have',
      }),
    )
  })
})

describe('renamedLayout()', () => {
  test('changes names alone', () => {
    const [, graph, layout] = of('efficientnet-lite0')
    const renamed = renamedLayout('timm', graph, layout)
    expect(renamed.tensors.map(({ shape, kind }) => ({ shape, kind }))).toEqual(
      layout.tensors.map(({ shape, kind }) => ({ shape, kind })),
    )
    expect(renamed.tensors[0]?.name).toBe('conv_stem.weight')
    expect(renamedLayout('torchvision', graph, layout)).toEqual(layout)
  })
})

describe('detectNaming()', () => {
  test('tells none without a stem of a known name, nor with two', () => {
    expect(detectNaming([])).toBeNull()
    expect(detectNaming(['patch_embed.proj.weight'])).toBeNull()
    expect(detectNaming(['toString', '__proto__'])).toBeNull()
    expect(detectNaming(['conv_stem.weight', '_conv_stem.weight'])).toBeNull()
  })
})
