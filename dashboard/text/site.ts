/** @file The English text of the site's page. Another language is another module of this shape. */
import { common } from './en/common.ts'
import { site } from './en/site.ts'

export const text = { ...common, ...site } as const
