/** @file How tiles are normalised: (x / 255 − mean) / deviation with ImageNet's constants, as torchvision's weights expect. */

/** Of red, green and blue, for values from 0 to 1. */
export const IMAGENET_MEAN: readonly [number, number, number] = [0.485, 0.456, 0.406]
export const IMAGENET_DEVIATION: readonly [number, number, number] = [0.229, 0.224, 0.225]
