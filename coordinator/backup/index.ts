export { type BackupReport, backupCoordinator } from './backup.ts'
export { type RestoreOptions, type RestoreReport, restoreCoordinator } from './restore.ts'
