export * from './compute-student.ts'
