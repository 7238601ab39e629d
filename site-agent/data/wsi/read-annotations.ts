/** @file The file of annotations of a slide. */
import { readFile, stat } from 'node:fs/promises'
import { type Annotations, annotationError, MAX_ANNOTATION_BYTES } from './annotation.ts'
import { parseAnnotationTable } from './annotation-table.ts'
import { parseGeoJson } from './geojson.ts'

/** Reads a .geojson or .csv file. @throws {TesseraError} ERR_SLIDE_ANNOTATION */
export async function readAnnotations(file: string): Promise<Annotations> {
  const text = await readText(file)
  return file.endsWith('.csv') ? parseAnnotationTable(text) : parseGeoJson(text)
}

async function readText(file: string): Promise<string> {
  const unreadable = (cause: unknown): never => {
    throw annotationError('the file must be readable', 'an error', cause)
  }
  const { size } = await stat(file).catch(unreadable)
  if (size > MAX_ANNOTATION_BYTES) {
    throw annotationError(`the file must have at most ${MAX_ANNOTATION_BYTES} bytes`, `${size}`)
  }
  return (await readFile(file, 'utf8').catch(unreadable)).replace(/^\uFEFF/, '')
}
