import { describe, expect, test } from 'vitest'
import { parseSlideSettings } from '../../site-agent/data/wsi/slide-settings.ts'
import { page, tableRows } from '../support/markdown.ts'

const text = page('docs/slides.md')
const rows = tableRows(text, '## slides.yaml')
const example = parseSlideSettings(/^```yaml\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? '!')

describe('docs/slides.md', () => {
  test('explains each setting of its example, in its order, and the example has all', () => {
    expect(rows.map(([name]) => name)).toEqual(Object.keys(example).map((name) => `\`${name}\``))
  })
  test.each(Object.entries(parseSlideSettings('')))('has the default of %s as it is', (name, value) => {
    const row = rows.find(([setting]) => setting === `\`${name}\``)
    expect(row?.[1]).toBe(typeof value === 'object' ? JSON.stringify(value) : String(value))
  })
})
