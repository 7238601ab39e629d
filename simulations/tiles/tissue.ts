/**
 * @file Tissue by class: the four steps from healthy colon mucosa to poorly differentiated adenocarcinoma, in order.
 *
 * `benign`: round or oval crypts, one row of small basal nuclei, goblet mucus, lamina propria between. `grade-1`: crowded, long, bent glands with
 * pseudo-stratified dark nuclei and open lumens. `grade-2`: fused, cribriform masses with several small lumens. `grade-3`: solid sheets, nests, cords and
 * single cells with large uneven nuclei, hardly a lumen. Every class also shows what belongs to none: inflammation, vessels, clefts, mere
 * stroma at an edge, so that a class is its architecture and not its colour. Source of the picture: WHO Classification, Digestive System Tumours, 5th ed., 2019.
 */
import type { Random } from '@tessera/shared/random'
import type { Canvas } from './canvas.ts'
import { drawOutline, type Epithelium, paintGland } from './glands.ts'
import type { NucleusKind } from './nuclei.ts'
import { paintSheet } from './sheets.ts'
import { paintCleft, paintStroma } from './stroma.ts'

/** Class names in order: the distance of two is how far apart they are for a pathologist. */
export const GRADES = ['benign', 'grade-1', 'grade-2', 'grade-3'] as const
export type Grade = (typeof GRADES)[number]

/** What the tiles of one patient share. */
export interface Patient {
  readonly grade: Grade
  /** How far the nuclei have gone, 0 small and even to 1 large, dark and uneven. Overlaps between neighbouring grades. */
  readonly atypia: number
  /** Size of glands and nests relative to the usual. */
  readonly build: number
  /** Share of mucus where there is any. */
  readonly mucus: number
  readonly inflammation: number
  /** Collagen, 0 loose to 1 dense. */
  readonly collagen: number
}

export function drawPatient(grade: Grade, random: Random): Patient {
  const rank = GRADES.indexOf(grade)
  return {
    grade,
    atypia: Math.min(1, Math.max(0, (rank + random.normal(0.35, 0.55)) / 4)),
    build: Math.exp(random.normal(0, 0.16)),
    mucus: random.uniform(0.35, 1),
    inflammation: Math.exp(random.normal(1.35, 0.6)),
    collagen: Math.min(1, Math.max(0, random.normal(0.2 + 0.2 * rank, 0.25))),
  }
}

/** Paints one tile of a patient. */
export function paintTissue(canvas: Canvas, patient: Patient, random: Random): void {
  const angle = random.uniform(0, Math.PI)
  paintStroma(canvas, random, {
    angle,
    density: patient.collagen,
    fibroblasts: 0.5 + 1.3 * patient.collagen,
    inflammation: Math.min(14, patient.inflammation * random.uniform(0.4, 1.8)),
    vessels: 0.25,
  })
  PAINTERS[patient.grade](canvas, patient, random, angle)
  if (random.float() < 0.15) paintCleft(canvas, random)
}

type Painter = (canvas: Canvas, patient: Patient, random: Random, angle: number) => void

const PAINTERS: Record<Grade, Painter> = {
  benign(canvas, patient, random, angle) {
    // Cut across, crypts are round; cut along, they are long and parallel.
    const along = random.float() < 0.25
    const radius = random.uniform(22, 31) * patient.build
    const mucus = patient.mucus * random.uniform(0.6, 1.1)
    for (const spot of lattice(canvas, random, radius * random.uniform(2.15, 2.6), 0.1)) {
      paintGland(
        canvas,
        random,
        drawOutline(random, {
          ...spot,
          radius: radius * random.uniform(0.9, 1.1),
          stretch: along ? random.uniform(1.8, 2.6) : random.uniform(1, 1.3),
          angle,
          bumps: 0.05,
        }),
        {
          ...wallOf(patient, { lumen: random.uniform(0.14, 0.34), rows: 1, spacing: 5.2, scatter: 0.05 }),
          goblet: mucus,
        },
      )
    }
  },
  'grade-1'(canvas, patient, random, angle) {
    const radius = random.uniform(19, 32) * patient.build
    const rows = random.float() < 0.35 ? 3 : 2
    const debris = random.float() < 0.35 ? random.uniform(0.3, 1) : 0
    for (const spot of lattice(canvas, random, radius * random.uniform(1.85, 2.25), 0.2)) {
      if (random.float() < 0.08) continue
      paintGland(
        canvas,
        random,
        drawOutline(random, {
          ...spot,
          radius: radius * random.uniform(0.75, 1.25),
          stretch: random.uniform(1.1, 2.2),
          angle: angle + random.normal(0, 0.5),
          bumps: 0.13,
        }),
        {
          ...wallOf(patient, { lumen: random.uniform(0.26, 0.5), rows, spacing: 5.4, scatter: 0.1 }),
          goblet: random.float() < 0.3 ? 0.3 * patient.mucus : 0,
          debris,
        },
      )
    }
  },
  'grade-2'(canvas, patient, random) {
    const nuclei = nucleiOf(patient)
    paintSheet(canvas, random, {
      coverage: random.uniform(0.7, 1),
      nest: random.uniform(55, 90) * patient.build,
      lumens: 5 + random.integer(8),
      lumenRadius: random.uniform(5.5, 10.5) * patient.build,
      debris: random.float() < 0.4 ? random.uniform(0.2, 1) : 0,
      cytoplasm: cytoplasmOf(patient, random),
      nuclei,
      spacing: 1.05 * (nuclei.long + nuclei.wide) * random.uniform(0.92, 1.12),
      mitoses: 0.008,
    })
  },
  'grade-3'(canvas, patient, random, angle) {
    const nuclei = nucleiOf(patient)
    const scattered = random.float()
    paintSheet(canvas, random, {
      // Cords and single cells at one end, solid sheets at the other.
      coverage: scattered < 0.4 ? random.uniform(0.35, 0.6) : random.uniform(0.6, 1),
      nest: (scattered < 0.4 ? random.uniform(14, 30) : random.uniform(40, 90)) * patient.build,
      lumens: random.float() < 0.15 ? 1 : 0,
      lumenRadius: random.uniform(3, 6),
      debris: random.uniform(0, 1),
      cytoplasm: cytoplasmOf(patient, random),
      nuclei,
      spacing: 1.12 * (nuclei.long + nuclei.wide) * random.uniform(0.92, 1.2),
      mitoses: 0.02,
    })
    if (random.float() < 0.15) strayGland(canvas, patient, random, angle)
  },
}

/** A poorly formed gland at the rim of a tile: solid tumour rarely is solid everywhere. */
function strayGland(canvas: Canvas, patient: Patient, random: Random, angle: number): void {
  const field = canvas.fieldMicrons
  const x = random.float() < 0.5 ? random.uniform(-0.05, 0.12) * field : random.uniform(0.88, 1.05) * field
  const outline = drawOutline(random, {
    x,
    y: random.uniform(0, field),
    radius: random.uniform(12, 18),
    stretch: 1.5,
    angle,
    bumps: 0.16,
  })
  paintGland(canvas, random, outline, wallOf(patient, { lumen: 0.25, rows: 2, spacing: 5.5, scatter: 0.2 }))
}

function wallOf(
  patient: Patient,
  shape: Pick<Epithelium, 'lumen' | 'rows' | 'spacing' | 'scatter'>,
): Epithelium {
  const nuclei = nucleiOf(patient)
  return {
    ...shape,
    debris: 0,
    goblet: 0,
    mitoses: 0.004 + 0.01 * patient.atypia,
    cytoplasm: { haematoxylin: 0.14 + 0.12 * patient.atypia, eosin: 0.36 },
    nuclei,
    spacing: shape.spacing * (0.75 + 0.13 * nuclei.wide),
  }
}

function nucleiOf({ atypia, grade }: Patient): NucleusKind {
  const stretched = grade === 'grade-1' ? 1.35 : 1
  return {
    long: (2.8 + 2.0 * atypia) * stretched,
    wide: (1.9 + 1.8 * atypia) / Math.sqrt(stretched),
    pleomorphism: 0.08 + 0.26 * atypia,
    darkness: 0.8 + 0.3 * atypia,
    vesicular: 0.1 + 0.5 * atypia,
    irregular: 0.1 + 0.45 * atypia,
  }
}

function cytoplasmOf({ atypia }: Patient, random: Random): { haematoxylin: number; eosin: number } {
  return { haematoxylin: 0.13 + 0.14 * atypia + random.normal(0, 0.03), eosin: 0.38 + random.normal(0, 0.06) }
}

/** Places on a hexagonal lattice with a random origin and turn, over the field and a margin; `jitter` is a share of the pitch. */
function lattice(canvas: Canvas, random: Random, pitch: number, jitter: number): { x: number; y: number }[] {
  const spots: { x: number; y: number }[] = []
  const turn = random.uniform(0, Math.PI / 3)
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)]
  const [ox, oy] = [random.float(), random.float()]
  const middle = canvas.fieldMicrons / 2
  const reach = Math.ceil((canvas.fieldMicrons * 0.75) / pitch) + 1
  for (let j = -reach; j <= reach; j++) {
    for (let i = -reach; i <= reach; i++) {
      const u = (i + ox + (j & 1) * 0.5 + random.normal(0, jitter)) * pitch
      const v = (j + oy + random.normal(0, jitter)) * pitch * 0.87
      const [x, y] = [middle + u * cos - v * sin, middle + u * sin + v * cos]
      if (Math.max(Math.abs(x - middle), Math.abs(y - middle)) < middle + pitch * 0.7) spots.push({ x, y })
    }
  }
  return random.shuffled(spots)
}
