#!/usr/bin/env node
// The sources run as they are: tsx strips their types at load, so there is no build step and no stale output.
import { register } from 'tsx/esm/api'

register()
await import('./main.ts')
