import {
  type Architecture,
  backboneLayout,
  checkpointOrigin,
  decodeCheckpoint,
  describeNetwork,
  encodeSafetensors,
  initialWeights,
  type Layout,
  type Naming,
  namesIn,
  recogniseCheckpoint,
  renamedLayout,
  type Weights,
} from '@tessera/shared/model'
import { describe, expect, test } from 'vitest'
import { b0, tiny } from './support.ts'

const CLASSES = 3
const layout = backboneLayout(tiny, CLASSES)
const weights = initialWeights(layout, 'a seed')

interface Change {
  readonly naming?: Naming
  readonly classes?: number
  readonly metadata?: Readonly<Record<string, string>>
  readonly tensors?: (all: Layout['tensors']) => Layout['tensors']
}

/** The file of a network, its tensors changed. */
function fileOf(
  architecture: Architecture,
  { naming = 'torchvision', classes = CLASSES, metadata, tensors = (all) => all }: Change = {},
): Uint8Array {
  const own = backboneLayout(architecture, classes)
  const given = initialWeights(own, 'a seed')
  const names = namesIn(naming, describeNetwork(architecture, classes), own)
  const ours = new Map([...names].map(([name, theirs]) => [theirs, name]))
  const changed = tensors(renamedLayout(naming, describeNetwork(architecture, classes), own).tensors)
  const values: Weights = new Map(
    changed.map(({ name, shape }) => {
      const old = given.get(ours.get(name) ?? '')
      const size = shape.reduce((product, length) => product * length, 1)
      return [name, old?.length === size ? old : new Float32Array(size)]
    }),
  )
  return encodeSafetensors({ ...own, tensors: changed }, values, metadata)
}

const refusal = (message: string): object =>
  expect.objectContaining({ code: 'ERR_LAYOUT_MISMATCH', message: expect.stringContaining(message) })

describe('decodeCheckpoint()', () => {
  test.each(['torchvision', 'timm', 'efficientnet_pytorch'] as const)(
    'gives the same weights in the order of the layout from %s names',
    (naming) => {
      const backwards = fileOf(tiny, { naming, tensors: (all) => all.toReversed() })
      const found = decodeCheckpoint(backwards, tiny, CLASSES)
      expect({ naming: found.naming, classifier: found.classifier }).toEqual({ naming, classifier: true })
      expect([...found.weights]).toEqual([...weights])
    },
  )

  test('passes over num_batches_tracked in every naming', () => {
    for (const naming of ['torchvision', 'timm', 'efficientnet_pytorch'] as const) {
      const bytes = fileOf(tiny, {
        naming,
        tensors: (all) => [...all, { name: `bn.num_batches_tracked`, shape: [], kind: 'counter' }],
      })
      expect(decodeCheckpoint(bytes, tiny, CLASSES).weights.size).toBe(layout.tensors.length)
    }
  })

  test('names what is missing, too many and of another shape', () => {
    const bytes = fileOf(tiny, {
      naming: 'timm',
      tensors: ([first, second, ...rest]) => [
        { name: 'conv_stem.weight', shape: [8, 3, 5, 5], kind: 'trainable' },
        { name: second?.name ?? '', shape: [9], kind: 'trainable' },
        ...rest.filter(({ name }) => name !== 'bn2.bias'),
        { name: 'aux.weight', shape: first?.shape ?? [], kind: 'trainable' },
      ],
    })
    expect(() => decodeCheckpoint(bytes, tiny, CLASSES)).toThrow(
      refusal(
        'model file must be of efficientnet-b0 width=0.1 depth=0.1 classes=3, got another network in timm names: ' +
          'missing bn2.bias; not of it "aux.weight"; of another shape conv_stem.weight [8, 3, 5, 5] for [8, 3, 3, 3], bn1.weight [9] for [8]',
      ),
    )
  })

  test('refuses another architecture by its name, and names no more than a few tensors', () => {
    const bytes = fileOf({ ...b0, name: 'efficientnet-lite0' }, { naming: 'efficientnet_pytorch' })
    const refused = (): unknown => decodeCheckpoint(bytes, b0, CLASSES)
    expect(refused).toThrow(
      refusal(
        'got efficientnet-lite0 width=1 depth=1 in efficientnet_pytorch names: missing _blocks.0._se_reduce.weight, ',
      ),
    )
    expect(refused).toThrow(refusal(' and 60 more'))
    const resnet = fileOf({ ...tiny, name: 'resnet-18' })
    expect(() => decodeCheckpoint(resnet, tiny, CLASSES)).toThrow(refusal('not of it "conv1.weight", '))
  })

  test('refuses names of no library known here', () => {
    const bytes = fileOf(tiny, {
      tensors: (all) => all.map((spec) => ({ ...spec, name: `encoder.${spec.name}` })),
    })
    expect(() => decodeCheckpoint(bytes, tiny, CLASSES)).toThrow(
      refusal(
        'model file must have the names of torchvision, timm or efficientnet_pytorch, got "encoder.features.0.0.weight" first',
      ),
    )
  })

  test('refuses a classifier of other classes, unless it is optional: then all else is given', () => {
    const bytes = fileOf(tiny, { classes: 7, naming: 'timm' })
    expect(() => decodeCheckpoint(bytes, tiny, CLASSES)).toThrow(
      refusal('of another shape classifier.weight [7, 128] for [3, 128], classifier.bias [7] for [3]'),
    )
    const none = fileOf(tiny, { tensors: (all) => all.filter(({ name }) => !name.startsWith('classifier')) })
    for (const file of [bytes, none]) {
      const found = decodeCheckpoint(file, tiny, CLASSES, { classifier: 'optional' })
      expect(found.classifier).toBe(false)
      expect([...found.weights]).toEqual([...weights].filter(([name]) => !name.startsWith('classifier')))
    }
    const fitting = decodeCheckpoint(fileOf(tiny), tiny, CLASSES, { classifier: 'optional' })
    expect(fitting.classifier).toBe(true)
  })

  test('refuses a backbone that does not fit, also when the classifier is optional', () => {
    const bytes = fileOf(tiny, { tensors: (all) => all.filter(({ name }) => name !== 'features.0.1.bias') })
    expect(() => decodeCheckpoint(bytes, tiny, CLASSES, { classifier: 'optional' })).toThrow(
      refusal('missing features.0.1.bias'),
    )
  })

  test('says ERR_MODEL_FILE for values that are not finite', () => {
    const values = new Map(weights).set('classifier.1.bias', Float32Array.of(0, Number.NaN, 0))
    expect(() => decodeCheckpoint(encodeSafetensors(layout, values), tiny, CLASSES)).toThrow(
      expect.objectContaining({
        code: 'ERR_MODEL_FILE',
        message: 'tensor classifier.1.bias must have finite values only, got NaN or infinity',
      }),
    )
  })

  test("says what to do with PyTorch's own archive", () => {
    const archive = Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0, 0, 0, 0)
    expect(() => decodeCheckpoint(archive, tiny, CLASSES)).toThrow(
      expect.objectContaining({
        code: 'ERR_MODEL_FILE',
        message:
          'model file must be safetensors, got a zip archive: a checkpoint of PyTorch is converted as docs/models.md says',
      }),
    )
  })
})

describe('recogniseCheckpoint()', () => {
  test.each([
    ['efficientnet-b0', 'torchvision', {}],
    ['efficientnet-b1', 'timm', {}],
    ['efficientnet-lite0', 'efficientnet_pytorch', { flavour: 'efficientnet-pytorch' }],
    ['resnet-18', 'torchvision', {}],
  ] as const)('tells %s in %s names, whatever its classes', (name, naming, flavour) => {
    const architecture = { name, widthMultiplier: 1, depthMultiplier: 1 }
    expect(recogniseCheckpoint(fileOf(architecture, { naming, classes: 5 }))).toEqual({
      naming,
      architecture: { ...architecture, ...flavour },
    })
  })

  test('takes the flavour that the metadata say', () => {
    const lite0 = { ...b0, name: 'efficientnet-lite0' } as const
    const bytes = fileOf(lite0, { naming: 'timm', metadata: { flavour: 'timm-tf' } })
    expect(recogniseCheckpoint(bytes).architecture.flavour).toBe('timm-tf')
    expect(checkpointOrigin(bytes)).toEqual({ naming: 'timm', flavour: 'timm-tf' })
    const ours = fileOf(tiny, { naming: 'efficientnet_pytorch', metadata: { flavour: 'torchvision' } })
    expect(checkpointOrigin(ours)).toEqual({ naming: 'efficientnet_pytorch', flavour: 'torchvision' })
  })

  test('says ERR_LAYOUT_MISMATCH for a network of other sizes', () => {
    expect(() => recogniseCheckpoint(fileOf(tiny))).toThrow(
      refusal('model file must be of one of efficientnet-b0, efficientnet-b1, '),
    )
  })
})
