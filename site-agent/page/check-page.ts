/** @file `site check` as one page that needs nothing else: no script, no picture, no name of a file or patient; counts, shares and plots only. */
import {
  BLUR_FACTOR,
  type DataReport,
  EMPTY_SHARE,
  LEAK_KINDS,
  PARTS,
  type Quality,
  type StainGroup,
} from '../data/index.ts'
import type { Finding } from '../preflight/finding.ts'
import { percent, vectorText } from '../screen/data-table.ts'
import { escaped, htmlTable } from './html.ts'
import { barPlot, boxPlot, histogramPlot } from './plots.ts'
import { STYLE } from './style.ts'

export interface CheckPage {
  /** Study, or what stands for it. */
  readonly study: string
  readonly sizePx: number
  /** ISO 8601. */
  readonly time: string
  /** Null when not even a list of tiles could be had. */
  readonly report: DataReport | null
  readonly quality: Quality | null
  readonly findings: readonly Finding[]
  /** Why training would refuse; null when it would not. */
  readonly fault: string | null
}

/** Builds the page. */
export function checkPage(page: CheckPage): string {
  const { study, sizePx, time, report, quality, findings, fault } = page
  const failed = findings.filter(({ status }) => status === 'fail').map(({ name }) => name)
  const reason = fault ?? `failed: ${failed.join(', ')}`
  const verdict =
    fault === null && failed.length === 0
      ? '<p class="ok">Ready to train.</p>'
      : `<p class="fail">Not ready: ${escaped(reason)}</p>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Tessera site check: ${escaped(study)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Site check: ${escaped(study)}</h1>
<p class="soft">Tiles of ${sizePx} px, looked at ${escaped(time)}. This page holds counts and shares only: no picture, no name of a file, a patient or a scanner.</p>
${verdict}
${findings.length === 0 ? '' : findingsSection(findings)}
${report === null ? '' : reportSections(report)}
${quality === null ? '' : qualitySections(quality)}
</main>
</body>
</html>
`
}

function findingsSection(findings: readonly Finding[]): string {
  const rows = findings.map(
    ({ name, status, text, advice }) =>
      `<tr><td>${escaped(name)}</td><td class="${status}">${status}</td><td>${escaped(text)}${advice === '' ? '' : `<br>${escaped(advice)}`}</td></tr>`,
  )
  return `<h2>Machine and study</h2>
<div class="wide"><table><thead><tr><th>check</th><th>result</th><th>what was found</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

function reportSections(report: DataReport): string {
  const { classCounts, parts, labels, skipped, leaks, nearDuplicates } = report
  const shown = parts === null ? (['train'] as const) : PARTS
  const bars = classCounts.map(({ name, parts }) => ({ name, parts: shown.map((part) => parts[part]) }))
  const key =
    parts === null
      ? ''
      : PARTS.map(
          (part, i) =>
            `<svg class="key" viewBox="0 0 1 1" aria-hidden="true"><rect class="part${i}" width="1" height="1"/></svg>${part}`,
        ).join('')
  const counts = classCounts.map(({ name, parts }) => [name, ...shown.map((part) => parts[part])])
  const pairs = LEAK_KINDS.map((kind) => [`in two parts by ${kind}`, leaks[kind]])
  return `<h2>Tiles by class</h2>
<figure>${barPlot('Tiles by class', bars)}<figcaption>${key}</figcaption></figure>
${htmlTable([['class', ...(parts === null ? ['tiles'] : PARTS)], ...counts])}
<h2>Labels</h2>
${htmlTable([['label in the data', 'class of the study', 'tiles'], ...labels.map(({ label, className, tiles }) => [label, className ?? '(left out)', tiles])])}
<h2>What is wrong with tiles</h2>
${htmlTable([
  ['what', 'number'],
  ['unreadable', skipped.ERR_DATA_TILE_UNREADABLE],
  ['not 8-bit RGB', skipped.ERR_DATA_TILE_NOT_RGB],
  ['too large', skipped.ERR_DATA_TILE_TOO_LARGE],
  ['the same pixels as another', report.duplicates],
  ['of these under another class', report.contradictions],
  ...(nearDuplicates === null ? [] : [['pairs that are nearly the same', nearDuplicates]]),
  ...(parts === null ? [] : pairs),
  ['of another size', report.resized],
  ['other files', report.otherFiles],
])}`
}

function qualitySections({ sharpness, background, classes, empty, blurred, stains }: Quality): string {
  const boxes = (of: 'sharpness' | 'background' | 'haematoxylin' | 'eosin') =>
    classes.filter(({ tiles }) => tiles > 0).map(({ name, ...spreads }) => ({ name, spread: spreads[of] }))
  const whole = (value: number): string => String(Math.round(value))
  const level = (value: number): string => whole(10 ** value - 1)
  const hundredths = (value: number): string => value.toFixed(2)
  return `<h2>Sharpness</h2>
<p>Variance of the Laplacian; ${blurred} tiles are more than ${BLUR_FACTOR} times less sharp than the middle one of their class.</p>
<figure>${histogramPlot('Tiles by sharpness', sharpness, level)}<figcaption>tiles by sharpness, on a logarithmic scale</figcaption></figure>
<figure>${boxPlot('Sharpness by class', boxes('sharpness'), whole)}<figcaption>by class: 5th, 25th, 50th, 75th and 95th percentile</figcaption></figure>
<h2>Background</h2>
<p>${empty} tiles have more than ${percent(EMPTY_SHARE)} of it.</p>
<figure>${histogramPlot('Tiles by background', background, percent)}<figcaption>tiles by share of background</figcaption></figure>
<figure>${boxPlot('Background by class', boxes('background'), percent)}<figcaption>by class</figcaption></figure>
<h2>Stain</h2>
<p class="soft">By Macenko et al., 2009: unit optical density of each stain in red, green and blue, and the 99th percentile of its amount.</p>
<div class="wide"><table><thead><tr><th>tiles of</th><th class="number">tiles</th><th colspan="2">haematoxylin</th><th colspan="2">eosin</th></tr></thead>
<tbody>${stains.map(stainRow).join('')}</tbody></table></div>
<figure>${boxPlot('Haematoxylin by class', boxes('haematoxylin'), hundredths)}<figcaption>mean amount of haematoxylin in a tile, by class</figcaption></figure>
<figure>${boxPlot('Eosin by class', boxes('eosin'), hundredths)}<figcaption>mean amount of eosin in a tile, by class</figcaption></figure>`
}

function stainRow({ scanner, tiles, stain }: StainGroup): string {
  const whose = scanner === null ? 'all' : `scanner ${scanner + 1}`
  const cells =
    stain === null
      ? '<td colspan="4">not told: too little tissue, or one colour</td>'
      : [stain.haematoxylin, stain.eosin]
          .map(
            (vector, i) =>
              `<td><span class="swatch" style="background:${colourOf(vector)}"></span></td><td>${vectorText(vector)} to ${stain.strength[i]?.toFixed(2)}</td>`,
          )
          .join('')
  return `<tr><td>${whose}</td><td class="number">${tiles}</td>${cells}</tr>`
}

/** Light through one unit of the stain. */
function colourOf(vector: readonly number[]): string {
  return `rgb(${vector.map((density) => Math.round(255 * Math.exp(-density))).join(' ')})`
}
