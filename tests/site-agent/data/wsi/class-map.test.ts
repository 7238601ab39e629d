import { describe, expect, test } from 'vitest'
import { mapClasses } from '../../../../site-agent/data/wsi/class-map.ts'
import { parseSlideSettings } from '../../../../site-agent/data/wsi/slide-settings.ts'
import { BARE, LEFT_OUT } from '../../../../site-agent/data/wsi/tile-labels.ts'

const map = (yaml: string) => mapClasses(parseSlideSettings(yaml), ['normal', 'tumour'], ['a.svs', 'b.svs'])

describe('mapClasses()', () => {
  test('takes the study’s own names as they are, and knows no others', () => {
    expect(map('').labelOf('tumour')).toBe(1)
    expect(map('').labelOf('Tumor')).toBeUndefined()
    expect(map('').bareLabel('a.svs')).toBe(BARE)
  })
  test('maps, leaves out and ignores by name', () => {
    const { labelOf } = map('{classes: {Tumor: tumour, DCIS: tumour}, leaveOut: [Fold], ignore: [Tissue]}')
    expect(['Tumor', 'DCIS', 'Fold', 'Tissue', 'fold'].map(labelOf)).toEqual([
      1,
      1,
      LEFT_OUT,
      null,
      undefined,
    ])
  })
  test('compares composed and decomposed letters as equal', () => {
    expect(map('{classes: {"\u0065\u0301": tumour}}').labelOf('\u00e9')).toBe(1)
  })
  test('gives bare tissue the class of the slide, else of all slides', () => {
    const { bareLabel } = map('{unannotated: normal, slides: {b.svs: {unannotated: tumour}}}')
    expect(['a.svs', 'b.svs'].map(bareLabel)).toEqual([0, 1])
  })
  test.each([
    ['classes: {Tumor: cancer}', 'slides.yaml: classes must be one of normal, tumour, got cancer'],
    ['unannotated: healthy', 'slides.yaml: unannotated must be one of normal, tumour, got healthy'],
    [
      'slides: {smith.svs: {}, b.svs: {}}',
      'slides.yaml: slides must be files of the folder, got 1 that are not',
    ],
  ])('refuses %s', (yaml, message) => {
    expect(() => map(yaml)).toThrowError(expect.objectContaining({ code: 'ERR_CONFIG_INVALID', message }))
  })
})
