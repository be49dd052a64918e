/** Records that a peer or a trace file tells. */

import { NodeReplay } from '../../src/inspector/replay.ts'
import { readTrace, traceHeaderLine, traceLine } from '../../src/inspector/trace-file.ts'
import { type FuzzCodec, stable } from './codec.ts'

const stamp = { node: 'a', epoch: 'e', sequence: 1, atMs: 1 }
const actor = { actor: 'supervisor', parent: null, id: 'supervisor', chart: 'supervisor', logic: 'supervisor' }
const log = { topic: 't', origin: 'a', epoch: 'e', own: true, start: 0, end: 2, bytes: 100, peers: { b: 1 } }
const sent = [{ to: 'supervisor/server', type: 'drain' }]
const corpus = [
  {
    kind: 'snapshot',
    ...stamp,
    sequence: 0,
    actors: [{ ...actor, states: ['supervisor.opening'], context: {}, startedAt: 1, startedMs: 1, handled: 0 }],
    facts: { logs: { whole: true, entries: [log], omitted: 0 }, alarms: [] },
  },
  { kind: 'started', ...stamp, ...actor, after: ['supervisor.opening'], context: { node: 'a' }, sent },
  {
    kind: 'transition',
    ...stamp,
    actor: 'supervisor',
    event: { type: 'stop', fields: { name: 'b' }, rest: { bytes: 3, hash: 'ff' } },
    from: null,
    before: ['supervisor.opening'],
    after: ['supervisor.closing'],
    taken: ['supervisor:stop:0'],
    sent,
    context: { reason: null },
  },
  { kind: 'stopped', ...stamp, actor: 'supervisor', status: 'error', reason: { code: 'INTERNAL', message: 'x' } },
  { kind: 'heard', ...stamp, what: 'query', name: 'load', from: 'b', lTime: '7', payload: { bytes: 0, hash: '' } },
  { kind: 'facts', ...stamp, facts: { logs: { whole: false, entries: [log], omitted: 1 } } },
  { kind: 'gap', node: 'a', epoch: 'e', first: 1, last: 9, why: 'slow' },
  { kind: 'relay', by: 'a', node: 'b', atMs: 1, state: 'away', reason: { code: 'UNAVAILABLE', message: 'x' } },
]

const header = traceHeaderLine('node a', 1)
const bytesOf = (text: string) => new TextEncoder().encode(text)

const same = stable(
  (input) => readTrace(new TextDecoder().decode(input)),
  ({ header, records }) => bytesOf([`${JSON.stringify(header)}\n`, ...records.map(traceLine)].join('')),
)

export const inspectorCodecs: Readonly<Record<string, FuzzCodec>> = {
  trace: {
    corpus: [...corpus.map((record) => bytesOf(`${header}${JSON.stringify(record)}\n`)), bytesOf(header)],
    accepts: (input) => {
      const accepted = same(input)
      const trace = readTrace(new TextDecoder().decode(input))
      // Whatever is accepted can be shown.
      const replay = new NodeReplay('a')
      if (trace.ok) for (const record of trace.value.records) replay.apply(record)
      JSON.stringify(replay.snapshot())
      return accepted
    },
  },
}
