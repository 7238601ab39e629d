/** @file All English text of both pages. Another language is another module of this shape. */
import { acts } from './en/acts.ts'
import { common } from './en/common.ts'
import { createViews } from './en/create.ts'
import { status } from './en/status.ts'
import { studyViews } from './en/study.ts'
import { resultViews } from './en/study-results.ts'
import { views } from './en/views.ts'

export const text = {
  ...common,
  ...status,
  ...views,
  ...studyViews,
  ...resultViews,
  ...createViews,
  acts,
} as const
