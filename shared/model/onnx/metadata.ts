/** @file Keys of an ONNX file's metadata under which Tessera's own exports say what a user of the model must know. */
export const METADATA = {
  /** `r,g,b`, for values from 0 to 1. */
  mean: 'tessera.mean',
  deviation: 'tessera.deviation',
  /** JSON list of texts. */
  classes: 'tessera.classes',
  tilePx: 'tessera.tile-px',
  study: 'tessera.study',
  round: 'tessera.round',
  /** SHA-256 of the student's published safetensors file. */
  student: 'tessera.student',
  /** `initial` when no round has changed them (FedBN); else absent. */
  batchNorms: 'tessera.batch-norms',
  /** Names of outputs. */
  features: 'tessera.features',
  logits: 'tessera.logits',
} as const
