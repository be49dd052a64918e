import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Consumed, ConsumeRequest } from './loads/consume.ts'
import type { Produced, ProduceRequest } from './loads/produce.ts'
import { Process } from './process.ts'
import { Stage } from './stage.ts'

describe('the stage of the benchmark', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'reeve-test-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  it('a foreign client writes to a node and reads it back, and nothing stays behind', async () => {
    const stage = new Stage(folder)
    try {
      const [agent] = await stage.agents(1)
      const target = await stage.target(agent!)
      const [writer, reader] = [await stage.load('produce'), await stage.load('consume')]
      const common = { ...target, topic: 'there', records: 3000, recordBytes: 100 }
      const write: ProduceRequest = { ...common, recordsPerMessage: 10, messagesInFlight: 8, copies: 1 }
      const { groups } = await writer.ask<Produced>(write)
      assert.equal(
        groups.reduce((sum, count) => sum + count, 0),
        300,
      )
      const read: ConsumeRequest = { ...common, how: 'library' }
      assert.equal((await reader.ask<Consumed>(read)).messages, 3000)
      await assert.rejects(reader.ask({ ...read, topic: 'nowhere' }), /nowhere/)
    } finally {
      await stage.end()
    }
    assert.deepEqual(readdirSync(folder), [])
  })

  it('ends in the middle of a figure on Ctrl-C, with nothing left', async () => {
    const words = ['--file', join('test', 'bench', 'bench.ts'), '--quick', '--only', 'tail', '--dir', folder]
    const bench = new Process('bench', [process.execPath, join('.tools', 'run.mjs'), ...words], 'SIGTERM')
    await bench.said('tail')
    while (commandsWith(join(folder, 'reeve-bench-')).length === 0)
      await new Promise((resolve) => setImmediate(resolve))
    await bench.end('SIGINT')
    assert.deepEqual(await bench.exited, [130, null])
    assert.deepEqual(readdirSync(folder), [])
    assert.deepEqual(commandsWith(folder), [])
  })
})

/** Of all processes. */
function commandsWith(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      } catch {
        return '' // it just ended
      }
    })
    .filter((command) => command.includes(text))
}
