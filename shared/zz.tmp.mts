import { writeFileSync, mkdirSync } from 'node:fs'
import { NETWORKS, randomModel, randomImages } from '../tests/shared/model/export/support.ts'
import { toOnnx } from './model/export/index.ts'
