/** @file What the classes of annotations mean to a study. */
import { TesseraError } from '@tessera/shared/errors'
import type { SlideSettings } from './slide-settings.ts'
import { BARE, LEFT_OUT } from './tile-labels.ts'

export interface ClassMap {
  /** Label of an annotation class; null: taken as not drawn; undefined: nobody said what it means. */
  readonly labelOf: (name: string) => number | null | undefined
  /** Label of tissue that nothing was drawn on: BARE where it is not used. */
  readonly bareLabel: (slide: string) => number
}

/** Builds the map. @throws {TesseraError} ERR_CONFIG_INVALID when the settings name a class that the study does not have, or a slide that is not there. */
export function mapClasses(
  settings: SlideSettings,
  classes: readonly string[],
  slides: readonly string[],
): ClassMap {
  const studyLabels = new Map(classes.map((name, label) => [name.normalize('NFC'), label]))
  const labelOfClass = (field: string, name: string): number => {
    const label = studyLabels.get(name.normalize('NFC'))
    if (label !== undefined) return label
    throw invalid(`${field} must be one of ${classes.join(', ')}`, name)
  }
  const labels = new Map<string, number | null>(studyLabels)
  for (const name of settings.ignore) labels.set(name.normalize('NFC'), null)
  for (const name of settings.leaveOut) labels.set(name.normalize('NFC'), LEFT_OUT)
  for (const [name, target] of Object.entries(settings.classes)) {
    labels.set(name.normalize('NFC'), labelOfClass('classes', target))
  }
  const unknown = Object.keys(settings.slides).filter((name) => !slides.includes(name))
  if (unknown.length > 0)
    throw invalid('slides must be files of the folder', `${unknown.length} that are not`)

  const bare = settings.unannotated
  const common = bare === undefined ? BARE : labelOfClass('unannotated', bare)
  const own = new Map<string, number>()
  for (const [slide, { unannotated }] of Object.entries(settings.slides)) {
    if (unannotated !== undefined) own.set(slide, labelOfClass('unannotated', unannotated))
  }
  return {
    labelOf: (name) => labels.get(name),
    bareLabel: (slide) => own.get(slide) ?? common,
  }
}

function invalid(rule: string, got: string): TesseraError {
  return new TesseraError('ERR_CONFIG_INVALID', `slides.yaml: ${rule}, got ${got}`)
}
