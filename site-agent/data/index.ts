export type { SkipReason } from './decode.ts'
export { type DataReport, type OpenTilesOptions, openTiles } from './open-tiles.ts'
