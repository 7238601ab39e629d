export { addScaled, allFinite, divide, sumOfSquares, takeLargest } from './arithmetic.ts'
export * from './delta.ts'
export * from './encoding.ts'
