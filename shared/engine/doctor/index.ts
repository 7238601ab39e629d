/** @file Examines the machine for `tessera doctor`. */
export { describeExamination } from './describe.ts'
export { type Examination, examine } from './examine.ts'
