import { join } from 'node:path'
import { openTiles } from '@tessera/site-agent/data'
import { expect, test } from 'vitest'
import { tilesInOrder } from '../../../simulations/experiment/deal.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { noisePixels, writePng } from '../../support/tile-files.ts'

test('groups go with answers: tiles of all classes by turns, read class by class', async () => {
  const classes = ['normal', 'tumor']
  const tiles = ['tumor', 'normal', 'normal', 'tumor', 'normal'].map((label, index) => ({
    label,
    index,
    group: `${label} ${index}`,
  }))
  const dir = await temporaryFolder()
  for (const { label, index } of tiles)
    await writePng(join(dir, label, `00000${index}.png`), noisePixels(`${index}`, 8), 8)
  const { labels } = await openTiles({ dir, classes, sizePx: 8 })
  const groups = tilesInOrder(tiles.toReversed(), classes).map(({ group }) => group)
  expect(groups.map((group) => classes.indexOf(group.split(' ')[0] ?? ''))).toEqual([...labels])
  expect(groups).toEqual(['normal 1', 'normal 2', 'normal 4', 'tumor 0', 'tumor 3'])
})
