/** @file Example tiles with every arm's answer. The tiles are painted ones; see examples.ts. Pure. */
import type { Examples } from '../examples.ts'
import { escaped, table } from './html.ts'

/** @param classes In the study's order. */
export function exampleTiles({ tiles, arms, seed }: Examples, classes: readonly string[]): string {
  const name = (place: number): string => escaped(classes[place] ?? '')
  const header = tiles.map(({ png, truth, site }) => {
    const picture = `data:image/png;base64,${Buffer.from(png).toString('base64')}`
    return `<img src="${picture}" alt="painted tile" width="64" height="64"><br>${name(truth)}<br><span class="low">${escaped(site)}</span>`
  })
  const rows = arms.map(({ title, answers }) => [
    escaped(title),
    ...answers.map((answer, i) => {
      if (answer === null) return '–'
      const isRight = answer === tiles[i]?.truth
      return `<span class="${isRight ? 'right' : 'wrong'}">${isRight ? '✓' : '✗'} ${name(answer)}</span>`
    }),
  ])
  return `<p>Painted test tiles of seed ${escaped(seed)}, with their class and site, and what each arm answers: those first on which arms differ.</p>
<div class="tiles">${table('Example tiles', ['', ...header], rows)}</div>`
}
