/** @file Partitions of data over sites and splits within one, in whole groups and by seed. Pure. */
export {
  type AssignOptions,
  assignToSites,
  countByLabel,
  type Item,
  type PartitionRule,
  type Split,
  setAside,
} from './assign.ts'
export { parsePartition } from './rule.ts'
