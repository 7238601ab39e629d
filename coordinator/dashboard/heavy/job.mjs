// Entry of a process that does one heavy job. As cli/tessera.mjs: the sources run as they are, tsx strips their types at load.
import { register } from 'tsx/esm/api'

register()
await import('./job.ts')
