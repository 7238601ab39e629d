/** @file The fields of a study in words, by their paths. A field that has no words of its own is called by its name. */
import type { FormTexts } from '../components/form/schema-form.tsx'
import { HINTS, LABELS, VARIANTS } from './en/study-fields.ts'

/** `training.learningRate` is `Learning rate`. */
export function labelOf(path: string): string {
  const own = LABELS[path]
  if (own !== undefined) return own
  const key = path.split('.').at(-1) ?? path
  const words = key
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('-', ' ')
    .toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

export const formTexts: FormTexts = {
  label: labelOf,
  hint: (path) => HINTS[path],
  variant: (path, label) => VARIANTS[`${path}: ${label}`] ?? label,
  include: (label) => `This study has this part: ${label.toLowerCase()}`,
  notSet: 'not set',
  onePerLine: 'One a line.',
}
