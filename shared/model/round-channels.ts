/**
 * Gives the multiple of 8 nearest to `channels`, at least 8, never more than 10 % below it.
 *
 * Source: torchvision, models/_utils.py, `_make_divisible`; the same in timm and efficientnet_pytorch.
 */
export function makeDivisible(channels: number): number {
  const nearest = Math.max(8, Math.floor((channels + 4) / 8) * 8)
  return nearest < 0.9 * channels ? nearest + 8 : nearest
}
