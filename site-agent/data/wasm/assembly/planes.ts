/** Planes of samples from coefficients that came in several scans. */
import { componentAt } from './component'
import { transform } from './idct'

/** Transforms every block that holds pixels. False when one cannot be of a picture. */
export function reconstruct(): bool {
  for (let i = 0; i < 3; i++) {
    const component = componentAt(i)
    const stride = <usize>component.blocksAcross << 3
    for (let y: i32 = 0; y < component.usedDown; y++) {
      let from = component.coefficients + (<usize>(y * component.blocksAcross) << 7)
      let to = component.plane + (<usize>y << 3) * stride
      for (let x: i32 = 0; x < component.usedAcross; x++, from += 128, to += 8) {
        if (!transform(from, component.quantiser, to, stride)) return false
      }
    }
  }
  return true
}
