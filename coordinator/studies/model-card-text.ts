/** @file The model card as a page for people: what the model is, what it was trained on, how it wants its input, and what it is not for. */
import {
  architectureText,
  conventionsOf,
  IMAGENET_DEVIATION,
  IMAGENET_MEAN,
  studentArchitecture,
} from '@tessera/shared/model'
import type { Published } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import type { ModelCard } from './export.ts'

/** Gives the page. @param files Names of the files beside it. */
export function modelCardText(card: ModelCard, files: readonly string[]): string {
  const { study, round, rounds, records, student, coordinator } = card
  const { padding, epsilon } = conventionsOf(study.student.flavour)
  const shares = sharesOf(rounds)
  const facts: readonly (readonly [string, string])[] = [
    ['study', inline(study.id)],
    ['rounds', `${round} of ${study.training.rounds}${card.finished ? ', finished' : ''}`],
    ['method', study.method.name],
    [
      'network',
      `${architectureText(studentArchitecture(study))}; padding ${padding}, batch norms with epsilon ${epsilon.toFixed(5)}`,
    ],
    ['classes, in the order of the logits', study.classes.map(inline).join(', ')],
    ['input', `RGB tiles of ${study.tile.sizePx} × ${study.tile.sizePx} px`],
    [
      'normalisation, not part of the network',
      `(x / 255 − mean) / deviation, mean ${IMAGENET_MEAN.join(', ')}, deviation ${IMAGENET_DEVIATION.join(', ')} (red, green, blue)`,
    ],
    ['SHA-256 of the published student', inline(student)],
    ['SHA-256 of the last record', inline(sha256Hex(records.at(-1) ?? ''))],
    ['coordinator', `fingerprint ${inline(coordinator.fingerprint)}`],
  ]
  return [
    `# Model card: ${study.id}, round ${round}`,
    '',
    'A classifier of histopathology tiles, trained by several sites together with Tessera. No image has left its site.',
    '',
    '**Not a medical device.** For research: it must not be used to diagnose or to treat. Nothing is known of how well it does on tiles of',
    'scanners, stains, organs and patients other than those of the sites below; measure it on your own before you rely on it for anything.',
    '',
    ...(card.batchNorms === 'initial' ? NORMS_WARNING : []),
    '| what | value |',
    '| --- | --- |',
    ...facts.map(([what, value]) => `| ${what} | ${value} |`),
    '',
    '## Sites',
    '',
    'Tiles that each site trained on, over all rounds that made this student, and its share.',
    '',
    '| site | rounds | tiles | share |',
    '| --- | --- | --- | --- |',
    ...shares.map(
      ({ site, rounds, samples, share }) =>
        `| ${site} | ${rounds} | ${samples} | ${(100 * share).toFixed(1)} % |`,
    ),
    '',
    '## Files',
    '',
    ...files.map((file) => `- ${inline(file)}`),
    '',
    '`model-card.json` holds the same for programs, and the signed records that prove it: each names the students before and after its round, every',
    'contribution by hash, and the hash of the record before.',
    '',
  ].join('\n')
}

const NORMS_WARNING: readonly string[] = [
  '**Not ready to use.** In this study (FedBN) each site keeps its own batch norms. Those in this file are the ones the study began with: put',
  "a site's in their place, weights, biases and running statistics, or estimate them on tiles of your own. As it is, its answers mean nothing.",
  '',
]

/** Each site's part in the rounds, the largest first. */
function sharesOf(
  rounds: readonly Published[],
): { site: string; rounds: number; samples: number; share: number }[] {
  const sites = new Map<string, { rounds: number; samples: number }>()
  let total = 0
  for (const { site, samples } of rounds.flatMap(({ contributors }) => contributors)) {
    const before = sites.get(site) ?? { rounds: 0, samples: 0 }
    sites.set(site, { rounds: before.rounds + 1, samples: before.samples + samples })
    total += samples
  }
  return [...sites]
    .map(([site, part]) => ({ site, ...part, share: part.samples / total }))
    .toSorted((a, b) => b.samples - a.samples || (a.site < b.site ? -1 : 1))
}

/** A text of the study as code in a table: what could end the code or the cell is replaced. */
function inline(text: string): string {
  return `\`${text.replaceAll(/[`|\r\n]/g, ' ')}\``
}
