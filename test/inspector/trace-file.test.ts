import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Recorder } from '../../src/inspector/recorder.ts'
import { lineMaxLength, readTrace, TraceReader, traceHeaderLine, traceLine } from '../../src/inspector/trace-file.ts'
import { actingNode } from './acting-node.ts'

const header = traceHeaderLine('node a', 1_000)

async function traceOfNode(): Promise<{ text: string; count: number }> {
  const clock = { now: () => 1_000, setTimeout: () => ({}) as never, clearTimeout: () => {} }
  const recorder = new Recorder({ node: 'a', epoch: 'e0', clock })
  const node = actingNode(recorder.inspect)
  await node.up()
  node.join('b')
  recorder.note('a fault')
  recorder.heard({ what: 'query', name: 'load', from: 'b', lTime: '7', payload: { bytes: 3, hash: '00' } })
  recorder.learn({ server: { calls: 1, watchers: 0 }, logs: { whole: true, entries: [], omitted: 0 } })
  node.root.send({ type: 'stop' })
  const { snapshot, records } = recorder.history(20)
  return { text: header + [snapshot, ...records].map(traceLine).join(''), count: records.length + 1 }
}

describe('a trace file', () => {
  it('gives back what was written, wherever it is cut on the way', async () => {
    const { text, count } = await traceOfNode()
    const whole = readTrace(text)
    assert.ok(whole.ok)
    assert.equal(whole.value.records.length, count)
    assert.equal(whole.value.header.by, 'node a')
    assert.equal(header + whole.value.records.map(traceLine).join(''), text)
    for (const size of [1, 7, 1000]) {
      const reader = new TraceReader()
      const records = []
      for (let at = 0; at < text.length; at += size) {
        const piece = reader.push(text.slice(at, at + size))
        assert.equal(piece.problem, undefined)
        records.push(...piece.records)
      }
      assert.deepEqual(reader.end(), { records: [], problem: undefined })
      assert.deepEqual(records, whole.value.records)
    }
  })

  it('is refused with the line and the reason when it is something else, or damaged', async () => {
    const { text } = await traceOfNode()
    const lines = text.split('\n')
    const refusals: [string, RegExp][] = [
      ['', /^line 1: this is no trace of Reeve/],
      ['hello\n', /^line 1: this is no trace of Reeve/],
      ['{"format":"reeve-trace","version":2,"atMs":1,"by":"x"}\n', /^line 1: traces of version 2 cannot be read/],
      ['{"format":"reeve-trace","version":1}\n', /^line 1: the header is not whole/],
      [`${lines[0]}\n${lines[1]?.slice(0, -3)}\n`, /^line 2: not JSON/],
      [`${header}[]\n`, /^line 2: no record/],
      [`${header}{"kind":"__proto__"}\n`, /^line 2: unknown kind/],
      [`${header}{"kind":"note","node":"a","epoch":"e","sequence":-1,"atMs":0,"text":""}\n`, /"sequence"/],
      [text.replaceAll('"taken":[', '"taken":[7,'), /"transition" record whose "taken"/],
      [text.replaceAll('"calls":1', '"calls":"<b>"'), /"facts" record whose "facts"/],
      [`${header}"${'x'.repeat(lineMaxLength)}`, /^line 2: longer than/],
    ]
    for (const [bad, expected] of refusals) {
      const read = readTrace(bad)
      assert.ok(!read.ok, bad.slice(0, 80))
      assert.match(read.problem, expected)
    }
  })

  it('gives what came before a bad line, however the two were cut, and nothing behind it', async () => {
    const { text, count } = await traceOfNode()
    const whole = readTrace(text)
    assert.ok(whole.ok)
    const damaged = `${text}{"kind":"transition"}\n${text.slice(header.length)}`
    for (const size of [1, 100, damaged.length]) {
      const reader = new TraceReader()
      const records = []
      const problems = new Set<string | undefined>()
      for (let at = 0; at < damaged.length; at += size) {
        const piece = reader.push(damaged.slice(at, at + size))
        records.push(...piece.records)
        problems.add(piece.problem)
      }
      const end = reader.end()
      records.push(...end.records)
      assert.deepEqual(records, whole.value.records)
      assert.match(end.problem ?? '', new RegExp(`^line ${count + 2}: `))
      assert.deepEqual(
        [...problems].filter((problem) => problem !== undefined),
        [end.problem],
      )
    }
  })

  it('takes no more memory than its longest line may have', () => {
    const reader = new TraceReader()
    assert.equal(reader.push(header).problem, undefined)
    const piece = 'x'.repeat(64 * 1024)
    let pieces = 0
    while (reader.push(piece).problem === undefined) pieces++
    assert.ok(pieces <= lineMaxLength / piece.length)
    assert.match(reader.push('\n{"kind":"note"}\n').problem ?? '', /^line 2: longer than/)
  })
})
