/** @file The steps of an installation, as a progress display is told of them. */

/** Work in seconds on two cores and a fast network; only their ratio counts. */
export const INSTALL_STEPS = [
  { name: 'package', title: 'npm package', work: 1 },
  { name: 'wheel', title: 'TensorFlow wheel', work: 8 },
  { name: 'unpack', title: 'unpack the wheel', work: 12 },
  { name: 'compile', title: 'compile', work: 45 },
  { name: 'check', title: 'check', work: 2 },
] as const

export type StepName = (typeof INSTALL_STEPS)[number]['name']

/** What is told as the installation goes on. */
export interface StepReports {
  start(step: StepName): void
  report(step: StepName, state: { readonly done: number; readonly text: string }): void
  /** @param kept True when nothing was to do: the engine that is there had it. */
  finish(step: StepName, seconds: number, kept: boolean): void
}
