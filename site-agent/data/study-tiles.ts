/** @file How a study wants its tiles. */
import type { Study } from '@tessera/shared/protocol'
import type { OpenTilesOptions } from './open-tiles.ts'

/** What openTiles takes from a study; the rest is its owner's to say. */
export function tileOptions({
  classes,
  tile,
  training,
}: Study): Pick<OpenTilesOptions, 'classes' | 'sizePx' | 'stain' | 'isStainFitted'> {
  return {
    classes,
    sizePx: tile.sizePx,
    stain: tile.stain,
    isStainFitted: training.augment === 'flips-and-site-stain',
  }
}
