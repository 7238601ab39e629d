/** @file Installs and removes the native engine. Loads nothing of TensorFlow.js. */
export { engineFolder } from '../folder.ts'
export { freeBytes } from './disk.ts'
export { type InstallOutcome, type InstallRequest, type InstallWorld, installEngine } from './install.ts'
export { createRun } from './run.ts'
export { INSTALL_STEPS, type StepReports } from './steps.ts'
export { removeEngine } from './swap.ts'
export { readMachine } from './target.ts'
export { NPM_PACKAGE } from './unpack-package.ts'
