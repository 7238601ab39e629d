/** @file Tiles of an experiment that draws its own: whose they are, and each painted again where a page shows it. */
import { paintTile } from '../runner/paint-tile.ts'
import type { SourceTile } from '../runner/source-tiles.ts'
import { GRADES } from '../tiles/index.ts'
import type { Experiment } from './schema.ts'

const HOSPITAL = 'hospital-'

/** Patients go round the hospitals, and within one round the classes. */
export function drawnTiles({ procedural, classes }: Experiment['data']): SourceTile[] {
  if (procedural === undefined) return []
  const { hospitals, patients, tilesPerPatient, seed } = procedural
  const labels = classes.length > 0 ? classes : [...GRADES]
  return Array.from({ length: patients * tilesPerPatient }, (_, i) => {
    const patient = Math.floor(i / tilesPerPatient)
    const group = `${seed}/patient-${patient}`
    return {
      site: `${HOSPITAL}${(patient % hospitals) + 1}`,
      label: labels[Math.floor(patient / hospitals) % labels.length] ?? '',
      group,
      picture: { kind: 'drawn', patient: group, index: i % tilesPerPatient },
    }
  })
}

/** From 0: whose scanner its tiles are seen through. */
export const hospitalNumber = (site: string): number => Number(site.slice(HOSPITAL.length)) - 1

/**
 * A drawn tile as PNG, painted from its request: no file is opened, so that no picture of a person can come out. Null for a tile of a file.
 */
export async function repaint(
  { picture, label, site }: SourceTile,
  { procedural, tilePx }: Experiment['data'],
): Promise<Uint8Array | null> {
  if (picture.kind !== 'drawn' || procedural === undefined) return null
  return paintTile({ picture, label, site: hospitalNumber(site) }, procedural.seed, tilePx)
}
