export { type Assessment, assessTiles } from './assess.ts'
export type { SkipReason } from './decode.ts'
export { type DataReport, type OpenTilesOptions, openTiles } from './open-tiles.ts'
export type { SlideReport } from './wsi/list-slide-tiles.ts'
