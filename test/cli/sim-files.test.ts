import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { NoteRecord } from '../../src/inspector/record.ts'
import { NodeReplay } from '../../src/inspector/replay.ts'
import { readTrace } from '../../src/inspector/trace-file.ts'
import { readPlan } from '../../src/simulation/plan.ts'
import type { ScenarioResult } from '../../src/simulation/scenario.ts'
import { corpus } from '../planted/corpus.ts'
import { bundlePlanted } from '../planted/planted-bug.ts'
import { spawnReeve } from './processes.ts'

const folder = mkdtempSync(join(tmpdir(), 'reeve-sim-'))
after(() => rmSync(folder, { recursive: true }))

const file = (name: string): string => join(folder, name)

async function sim(...words: string[]) {
  return spawnReeve(['sim', ...words]).exited
}

/** The same with a program that has a bug. */
async function buggy(name: string, ...words: string[]) {
  const bug = corpus.find((one) => one.name === name)
  assert.ok(bug)
  const child = spawn(process.execPath, [await bundlePlanted('src/main.ts', bug), 'sim', ...words])
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  const [code] = await once(child, 'close')
  return { code, stdout }
}

describe('reeve sim', () => {
  test('writes the trace of a run, which is the same run with and without: the page can step through it', async () => {
    const run = ['--seed', '6', '--nodes', '3', '--minutes', '0.5', '--faults', 'kill,partition,rename,clock', '--json']
    const [alone, watched] = [
      await sim(...run),
      await sim(...run, '--trace', file('t.jsonl'), '--picture', file('p.svg')),
    ]
    assert.deepEqual([alone.code, watched.code, watched.stderr], [0, 0, ''])
    const [one, other] = [alone, watched].map(({ stdout }) => JSON.parse(stdout) as ScenarioResult)
    assert.deepEqual([one!.traceHash, one!.events], [other!.traceHash, other!.events])
    assert.match(readFileSync(file('p.svg'), 'utf8'), /^<svg .*<\/svg>\n$/s)

    const trace = readTrace(readFileSync(file('t.jsonl'), 'utf8'))
    assert.ok(trace.ok)
    const { header, records } = trace.value
    assert.equal(header.by, 'reeve sim, seed 6')
    const nodes = new Map<string, NodeReplay>()
    const served = new Set<string>()
    let atMs = 0
    for (const record of records) {
      assert.ok(record.kind !== 'gap' && record.kind !== 'relay')
      // Also where a machine's clock was made wrong; what a node had still to gather is told an event later.
      assert.ok(record.atMs > atMs - 1000, 'records are in the order of time')
      atMs = record.atMs
      const replay = nodes.get(record.node) ?? new NodeReplay(record.node)
      nodes.set(record.node, replay)
      if (record.kind !== 'snapshot' && record.epoch === replay.epoch) {
        assert.equal(record.sequence, replay.sequence + 1, 'no record is missing')
      }
      replay.apply(record)
      if (replay.facts.node?.phase === 'serving' && (replay.facts.members?.length ?? 0) > 1) served.add(record.node)
    }
    assert.ok(served.size >= 3, `${[...served]}`)
    const notes = records.filter((record): record is NoteRecord => record.kind === 'note').map(({ text }) => text)
    const faults = notes.filter((text) => text.startsWith('fault: '))
    assert.ok(faults.some((text) => text.includes('partition')) && faults.some((text) => text.includes('kill')))
    assert.equal(notes.at(-1), 'the run: every promise kept')
    assert.deepEqual(
      records.flatMap((record) => (record.kind === 'note' && record.about !== 'fault' && record.about) || []),
      ['run', 'run', 'verdict'],
    )
  })

  test('makes a run that breaks a promise small and keeps it: again it breaks it, and a sound program does not', async () => {
    const run = ['--seed', '2', '--nodes', '4', '--minutes', '0.2']
    const found = await buggy('copies-ignored', ...run, '--shrink', '--shrink-seconds', '300', '--save', file('f.json'))
    assert.equal(found.code, 1)
    const size = /made of 4 nodes, (\d+) steps, 12\.0 s: (\d) nodes?, (\d+) steps?, ([\d.]+) s/.exec(found.stdout)
    assert.ok(size, found.stdout)
    const [stepsBefore, nodes, steps, seconds] = size.slice(1).map(Number) as [number, number, number, number]
    assert.ok(nodes <= 3 && steps < stepsBefore && seconds < 12, size[0])
    const plan = readPlan(readFileSync(file('f.json'), 'utf8'))
    assert.ok(plan.ok)
    assert.equal(plan.value.steps.length, steps)
    assert.match(plan.value.was ?? '', /durableCopies: .* was acknowledged with 1 copies/)
    const again = await buggy('copies-ignored', '--replay', file('f.json'))
    assert.equal(again.code, 1)
    assert.match(again.stdout, /broken: .*durableCopies/)
    const sound = await sim('--replay', file('f.json'))
    assert.deepEqual([sound.code, sound.stderr], [0, ''])
    assert.match(sound.stdout, /every promise kept/)
  })

  test('refuses what is no plan, what cannot be written, and files of many runs', async () => {
    writeFileSync(file('no-plan.json'), '{"version":1}')
    for (const [words, message] of [
      [['--replay', file('no-plan.json')], /no-plan\.json: this is no plan: seed: /],
      [['--replay', file('nothing')], /nothing: ENOENT/],
      [['--trace', join(folder, 'nowhere', 't'), '--nodes', '1', '--minutes', '0.01'], /ENOENT/],
      [['--trace', file('many'), '--runs', '2'], /--trace is of one run/],
      [['--replay', file('no-plan.json'), '--runs', '2'], /--replay is of one run/],
    ] as const) {
      const { code, stderr, stdout } = await sim(...words)
      assert.notEqual(code, 0)
      assert.match(stderr + stdout, message)
    }
    assert.ok(!existsSync(file('many')))
  })
})
