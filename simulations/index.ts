/** @file Simulated sites: procedural tiles and partitions. */
export {
  type AssignOptions,
  assignToSites,
  countByLabel,
  type Item,
  type PartitionRule,
  parsePartition,
  type Split,
  setAside,
} from './partition/index.ts'
export {
  drawScanner,
  FIELD_MICRONS,
  GRADES,
  type Grade,
  renderTile,
  type Scanner,
  siteScanner,
  type TileRequest,
  tilePng,
} from './tiles/index.ts'
