/** @file How large a manifest may be. */

/** A million lines of 64 characters, the longest that a tile's line commonly is. It is held in memory as it is read. */
export const MAX_MANIFEST_BYTES = 64 * 1024 * 1024
/** Tables out of laboratory systems have dozens of columns. */
export const MAX_COLUMNS = 256
/** Of a patient, slide, group or scanner: numbers and hashes of them are shorter. */
export const MAX_NAME_CHARACTERS = 256
