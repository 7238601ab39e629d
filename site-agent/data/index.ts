export {
  type Assessment,
  type AssessOptions,
  assessTiles,
  type NamedPair,
  type NamedTiles,
} from './assess.ts'
export type { SkipReason } from './decode.ts'
export { type LabelMap, parseLabelMap } from './label-map.ts'
export { parseLines } from './lines.ts'
export { type ColumnNames, parseColumns } from './manifest/columns.ts'
export { type DataRules, type OpenTilesOptions, openTiles } from './open-tiles.ts'
export type { Histogram, Quality, Spread, StainGroup } from './quality.ts'
export { BLUR_FACTOR, EMPTY_SHARE } from './quality.ts'
export type { DataReport } from './report.ts'
export type { Shares } from './splits/divide.ts'
export { LEAK_KINDS } from './splits/leakage.ts'
export { PARTS, type Part } from './splits/part.ts'
export type { SplitRule } from './splits/rule.ts'
export { parseShares, SPLIT_BY, type SplitBy } from './splits/rule.ts'
export { MAX_NEAR_BITS, NEAR_BITS } from './splits/similar.ts'
export { tileOptions } from './study-tiles.ts'
export { openTrainingParts, type TrainingPartsOptions } from './training-parts.ts'
export type { SlideReport } from './wsi/list-slide-tiles.ts'
