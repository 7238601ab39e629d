import { mkdirSync, writeFileSync } from 'node:fs'
import { NETWORKS, randomImages, randomModel } from '../tests/shared/model/export/support.ts'
import { toOnnx } from './model/export/index.ts'
