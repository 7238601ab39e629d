import { expect, test } from 'vitest'
import { heatClass } from '../../../dashboard/components/heat.ts'

test.each([
  [0, 'heat-0'],
  [Number.NaN, 'heat-0'],
  [0.001, 'heat-1'],
  [0.5, 'heat-5'],
  [0.999, 'heat-9'],
  [1, 'heat-10'],
])('a share of %s has the ground %s', (share, ground) => expect(heatClass(share)).toBe(ground))
