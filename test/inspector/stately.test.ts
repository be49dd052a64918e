import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pino } from 'pino'
import { createMachine } from 'xstate'
import { createNode, statelyInspector } from '../../src/index.ts'
import { statelyMessages } from '../../src/inspector/stately.ts'

/** The published types of `@statelyai/inspect` 0.7.2, as far as JSON shows them. */
interface StatelyMessage {
  readonly type: '@xstate.actor' | '@xstate.event' | '@xstate.snapshot'
  readonly rootId: string
  readonly sessionId: string
  readonly createdAt: string
  readonly id: null
  readonly _version: string
  readonly name?: string
  readonly definition?: string
  readonly parentId?: string
  readonly sourceId?: string
  readonly event?: { readonly type: string }
  readonly snapshot?: { readonly status: string; readonly value?: unknown; readonly context?: object }
}

const fieldsOf: Record<StatelyMessage['type'], { readonly needs: string[]; readonly may: string[] }> = {
  '@xstate.actor': { needs: ['name', 'definition', 'snapshot'], may: ['parentId'] },
  '@xstate.event': { needs: ['event'], may: ['sourceId'] },
  '@xstate.snapshot': { needs: ['event', 'snapshot'], may: [] },
}

function read(text: string): StatelyMessage {
  const message = JSON.parse(text) as StatelyMessage
  const { needs, may } = fieldsOf[message.type]
  const base = ['type', 'rootId', 'sessionId', 'createdAt', 'id', '_version']
  const fields = Object.keys(message)
  for (const field of [...base, ...needs]) assert.ok(fields.includes(field), `${message.type} has no ${field}`)
  assert.deepEqual(
    fields.filter((field) => ![...base, ...needs, ...may].includes(field)),
    [],
  )
  for (const field of ['rootId', 'sessionId', 'createdAt', '_version'] as const) {
    assert.equal(typeof message[field], 'string')
  }
  assert.match(message.createdAt, /^\d{13}$/)
  if (message.snapshot) assert.ok(['active', 'done', 'error', 'stopped'].includes(message.snapshot.status))
  if (message.event) assert.equal(typeof message.event.type, 'string')
  return message
}

const folder = mkdtempSync(join(tmpdir(), 'reeve-stately-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const settings = { nodeName: 'a', dataDir: folder, bindAddr: '127.0.0.1:0', rpcPort: 0, httpPort: 0 }
const log = pino({ level: 'silent' })

test("a node's life as Stately's inspector reads it: every actor, its chart, its states, who sent what", async () => {
  const texts: string[] = []
  const node = createNode(settings, { log, inspect: statelyInspector((message) => texts.push(message)) })
  await node.start()
  await node.stop()
  const messages = texts.map(read)
  const actors = messages.filter(({ type }) => type === '@xstate.actor')
  const root = actors[0]!
  assert.equal(root.name, 'supervisor')
  assert.equal(root.parentId, undefined)
  assert.deepEqual(
    ['journal', 'server', 'membership'].map((name) => actors.find((actor) => actor.name === name)?.parentId),
    [root.sessionId, root.sessionId, root.sessionId],
  )
  // Their page draws the chart from this.
  const chart = createMachine(JSON.parse(root.definition!))
  assert.deepEqual(Object.keys(chart.states).includes('up'), true)
  const known = new Set(actors.map(({ sessionId }) => sessionId))
  const strangers = messages.filter(({ sessionId, rootId }) => !known.has(sessionId) || rootId !== root.sessionId)
  assert.deepEqual(strangers, [])
  const states = messages.filter(({ type, sessionId }) => type === '@xstate.snapshot' && sessionId === root.sessionId)
  const values = states.map(({ snapshot }) => JSON.stringify(snapshot?.value))
  assert.ok(values.includes('{"up":{"clustered":{"running":"serving"}}}'), values.join('\n'))
  assert.equal(states.at(-1)?.snapshot?.status, 'done')
  assert.ok(
    messages.some(({ type, sourceId }) => type === '@xstate.event' && sourceId !== undefined && known.has(sourceId)),
  )
})

test('secrets are not told, and what is thrown by whoever listens does not reach the node', () => {
  const texts: string[] = []
  const ref = { id: 'x', sessionId: 'x:0', getSnapshot: () => undefined }
  const event = { type: 'opened', token: 'hunter2', record: new Uint8Array(50) }
  const snapshot = { status: 'active', value: 'open', context: { password: 'hunter2', name: 'a' } }
  const told = { type: '@xstate.snapshot', actorRef: ref, rootId: 'x:0', event, snapshot } as never
  statelyMessages((text) => texts.push(text), { now: () => 1_700_000_000_000 })(told)
  assert.doesNotMatch(texts[0]!, /hunter2/)
  assert.deepEqual(read(texts[0]!).snapshot, {
    ...{ status: 'active', value: 'open' },
    context: { password: { hidden: true }, name: 'a' },
  })
  const failing = statelyMessages(
    () => {
      throw new Error('not connected')
    },
    { now: () => 0 },
  )
  assert.doesNotThrow(() => failing(told))
})
