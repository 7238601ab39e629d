/** @file What training sees of a teacher that is not one of our networks: rows of numbers a tile. */

/** Outputs of a batch. */
export interface FrozenOutputs {
  readonly features: Float32Array // [B, D]
  /** [B, N]; null for a teacher of another task. */
  readonly logits: Float32Array | null
}

/** A teacher that never changes: the same tile gives the same bits, whatever batch it comes in. */
export interface FrozenTeacher {
  /** D */
  readonly featureWidth: number
  /** N; null for a teacher of another task. */
  readonly classes: number | null
  /**
   * @param images [count, sizePx, sizePx, 3], normalised as {@link TileBatch} says.
   * @throws {TesseraError} ERR_ONNX_RUN
   */
  outputs(images: Float32Array, count: number, sizePx: number): Promise<FrozenOutputs>
  dispose(): Promise<void>
}
