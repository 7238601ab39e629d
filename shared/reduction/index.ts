export {
  type BlockReducer,
  blockElements,
  type Combination,
  createBlockReducer,
  type Reduction,
} from './block-reducer.ts'
export { createInspection, type Inspection } from './inspection.ts'
