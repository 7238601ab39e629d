/**
 * @file Loaded before a program of ours (`node --import`): counts every step by which it makes something durable, before and after it, and sends
 * itself SIGKILL at the KILL_AT-th. Nothing in the program knows of it, and no step can be forgotten.
 */
import fs from 'node:fs'
import promises, { open } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import Database from 'libsql'
import { Client } from 'pg'

const killAt = Number(process.env.KILL_AT ?? 0)
const report = process.env.KILL_REPORT ?? ''
let points = 0

function point(name) {
  points++
  if (points !== killAt) return
  fs.appendFileSync(report, `${points} ${name}\n`)
  process.kill(process.pid, 'SIGKILL')
}

/** Puts a point before and one after each call of a method. */
function watch(owner, method) {
  const original = owner[method]
  owner[method] = function (...args) {
    point(`before ${method}`)
    const result = original.apply(this, args)
    if (typeof result?.then !== 'function') {
      point(`after ${method}`)
      return result
    }
    return result.then((value) => {
      point(`after ${method}`)
      return value
    })
  }
}

const handle = await open('/dev/null')
const files = Object.getPrototypeOf(handle)
await handle.close()
for (const method of ['write', 'writeFile', 'appendFile', 'sync', 'datasync', 'truncate'])
  watch(files, method)
for (const method of ['rename', 'rm', 'writeFile']) watch(promises, method)
for (const method of [
  'writeSync',
  'fsyncSync',
  'fdatasyncSync',
  'renameSync',
  'truncateSync',
  'ftruncateSync',
])
  watch(fs, method)
syncBuiltinESMExports()

// SQLite writes by itself: a point around each statement of a transaction and each COMMIT.
const database = new Database(':memory:')
watch(Object.getPrototypeOf(database.prepare('SELECT 1')), 'run')
database.close()
watch(Database.prototype, 'exec')

// Of PostgreSQL what is durable is decided by its server: a point around each statement that it is sent.
watch(Client.prototype, 'query')

if (killAt === 0 && report !== '') process.on('exit', () => fs.appendFileSync(report, `${points} in all\n`))
