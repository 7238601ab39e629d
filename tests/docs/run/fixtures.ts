/** @file What pages take as given: a hospital's tiles, an operator's study, a federation that has held three rounds. */
import { existsSync } from 'node:fs'
import { cp, mkdir, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createStudy, initCoordinator, invite, startCoordinator } from '@tessera/coordinator'
import { systemClock } from '@tessera/shared/clock'
import { createLog } from '@tessera/shared/log'
import { encodeSafetensors, initialStudent, studentLayout } from '@tessera/shared/model'
import { study as studySchema } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { GRADES, siteScanner, tilePng } from '@tessera/simulations'
import { enroll, runAgent } from '@tessera/site-agent'
import { additiveTrainer } from '../../support/enrolled-site.ts'
import { npzFile } from '../../support/npz-file.ts'
import { classifierBytes } from '../../support/onnx-models.ts'
import { eosin, GLASS, writeSlide } from '../../support/slide-files.ts'
import { noiseFolder, noisePixels } from '../../support/tile-files.ts'
import { freePort } from './free-port.ts'

/** Fills a checkout. */
export type Fixture = (folder: string) => Promise<void>

const PACKAGES = ['shared', 'coordinator', 'site-agent', 'simulations'] as const
const SOURCES = [...PACKAGES, 'tests', 'vitest.config.ts'] as const

/** Of each class: patients, with two tiles each, so that a division by patients leaves some in each part. */
const PATIENTS = 16
const CLASSES = { benign: GRADES[0], tumour: GRADES[3] } as const
/** Smallest networks: a step takes a tenth of a second. */
const SMALL = { widthMultiplier: 0.1, depthMultiplier: 0.1 }

/** `tiles/CLASS/*.png`, and `tiles.csv` that says the patients. */
async function tiles(folder: string): Promise<void> {
  const rows = ['path,label,patient']
  for (const [label, grade] of Object.entries(CLASSES)) {
    await mkdir(join(folder, 'tiles', label), { recursive: true })
    for (let i = 0; i < PATIENTS * 2; i++) {
      const patient = `${label}-${Math.floor(i / 2)}`
      const path = `tiles/${label}/${i}.png`
      const scanner = siteScanner(0, createRandom('docs'))
      await writeFile(
        join(folder, path),
        await tilePng({ patient, index: i % 2, grade, scanner, sizePx: 32 }),
      )
      rows.push(`${path},${label},${patient}`)
    }
  }
  await writeFile(join(folder, 'tiles.csv'), `${rows.join('\n')}\n`)
}

const LYMPH_NODE = {
  id: 'lymph-node',
  seed: 'docs',
  classes: Object.keys(CLASSES),
  tile: { sizePx: 32 },
  student: SMALL,
  teacher: { task: 'same', classes: 2, ...SMALL },
  method: { name: 'moma', featureDim: 16, queueSize: 64 },
  training: { rounds: 1, batchSize: 16 },
  federation: { minSites: 1 },
}

/** `study.json`: one site, one round, the smallest student. */
async function study(folder: string): Promise<void> {
  await writeFile(join(folder, 'study.json'), JSON.stringify(LYMPH_NODE))
}

/** The smallest network, as the seed makes it. */
async function writeNetwork(file: string): Promise<void> {
  const small = studySchema.parse({ ...LYMPH_NODE, teacher: undefined, method: { name: 'ce' } })
  await writeFile(file, encodeSafetensors(studentLayout(small), initialStudent(small, null, null)))
}

/** `imagenet.safetensors`, to begin a teacher with. */
const weights: Fixture = (folder) => writeNetwork(join(folder, 'imagenet.safetensors'))

/** `coordinator-data` with the study `lymph-node`, not running, and `hospital-a.json`, a kit of it. */
async function lymphNode(folder: string): Promise<void> {
  const dir = join(folder, 'coordinator-data')
  await initCoordinator({ dir, port: await freePort() })
  const teacherFile = join(folder, 'lymph-teacher.safetensors')
  await writeNetwork(teacherFile)
  await createStudy({ dir, study: LYMPH_NODE, teacherFile })
  const { file } = await invite({ dir, site: 'hospital-a' })
  await rename(file, join(folder, 'hospital-a.json'))
}

/** `vit.onnx`, a teacher of another tool, and `colon.json` for it. */
async function onnxTeacher(folder: string): Promise<void> {
  const dir = join(folder, 'coordinator-data')
  if (!existsSync(dir)) await initCoordinator({ dir, port: 0 })
  await writeFile(join(folder, 'vit.onnx'), classifierBytes({}, 6, 2))
  const { teacher: _, ...own } = LYMPH_NODE
  await writeFile(
    join(folder, 'colon.json'),
    JSON.stringify({ ...own, id: 'onnx', teacher: { task: 'same' } }),
  )
}

/** `slides/S1.tif` with glass and tissue. */
async function slides(folder: string): Promise<void> {
  const side = 1024
  const paint = (x: number, y: number) => (x < 512 ? GLASS : eosin(x, y))
  await mkdir(join(folder, 'slides'))
  await writeSlide(join(folder, 'slides', 'S1.tif'), { width: side, height: side, paint })
  await writeFile(
    join(folder, 'slides', 'S1.csv'),
    'class,polygon,x,y\ntumour,1,512,0\ntumour,1,1024,0\ntumour,1,1024,512\ntumour,1,512,512\n',
  )
  await writeFile(join(folder, 'slides', 'slides.yaml'), 'unannotated: normal\n')
}

/** `pathmnist.npz` as MedMNIST ships it, of three classes. */
async function npz(folder: string): Promise<void> {
  const [count, size] = [30, 28]
  const images = Buffer.concat(Array.from({ length: count }, (_, i) => noisePixels(`npz-${i}`, size)))
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 3)
  await writeFile(
    join(folder, 'pathmnist.npz'),
    npzFile({
      train_images: { shape: [count, size, size, 3], bytes: images },
      train_labels: { shape: [count, 1], bytes: labels },
    }),
  )
}

/** `coordinator-data` with the study `colon`, finished after three rounds of two sites and judged; `site-data` is radboud's. */
async function colon(folder: string): Promise<void> {
  const dir = join(folder, 'coordinator-data')
  await initCoordinator({ dir, port: 0 })
  const sites = ['radboud', 'umcu']
  await createStudy({
    dir,
    study: {
      id: 'colon',
      seed: 'docs',
      classes: ['normal', 'tumour'],
      tile: { sizePx: 16 },
      student: SMALL,
      method: { name: 'ce' },
      training: { rounds: 3, batchSize: 4 },
      judging: {},
      federation: { minSites: sites.length, quorum: sites.length, deadlineMs: 60_000 },
    },
  })
  const coordinator = await startCoordinator({ dir, port: 0 })
  const log = createLog(() => undefined, systemClock)
  const stop = new AbortController()
  const dataDir = join(folder, 'divided')
  for (const part of ['train', 'val']) {
    await cp(await noiseFolder({ normal: 12, tumour: 12 }, 16, part), join(dataDir, part), {
      recursive: true,
    })
  }
  try {
    await Promise.all(
      sites.map(async (site) => {
        const { file } = await invite({ dir, site, url: coordinator.url, autoApprove: true })
        const at = join(folder, site === 'radboud' ? 'site-data' : `${site}-data`)
        const around = { dir: at, log, clock: systemClock, signal: stop.signal }
        await enroll({ ...around, kitFile: file, acceptPolicy: true })
        await runAgent({ ...around, dataDir, study: 'colon', createTrainer: additiveTrainer({ rounds: [] }) })
      }),
    )
  } finally {
    stop.abort()
    await coordinator.close()
  }
}

/** Sources of its own in place of links, for a page that changes them. */
async function copy(folder: string): Promise<void> {
  for (const name of SOURCES) {
    const linked = await realpath(join(folder, name))
    await rm(join(folder, name))
    await cp(linked, join(folder, name), { recursive: true })
  }
  // The packages by their names are these, too.
  const scope = join(folder, 'node_modules', '@tessera')
  await rm(scope)
  await mkdir(scope)
  for (const name of PACKAGES) await symlink(join(folder, name), join(scope, name))
}

export const FIXTURES: Readonly<Record<string, Fixture>> = {
  tiles,
  study,
  weights,
  'lymph-node': lymphNode,
  colon,
  'onnx-teacher': onnxTeacher,
  slides,
  npz,
  copy,
}
