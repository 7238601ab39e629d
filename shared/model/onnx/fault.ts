/** @file The errors of an ONNX file. */
import { TesseraError } from '../../errors.ts'

/** The file is broken, or holds what is never accepted. */
export function onnxBroken(message: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_ONNX_FILE', message, { cause })
}

/** The file is sound, but what is needed of it cannot be told: somebody must say it. */
export function onnxUnclear(message: string): TesseraError {
  return new TesseraError('ERR_ONNX_UNCLEAR', message)
}
