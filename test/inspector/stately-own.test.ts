/** Stately's own package (`@statelyai/inspect`) beside ours: it says the same of the same node, and takes what ours says. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, type TestContext, test } from 'node:test'
import { createInspector, createWebSocketInspector, type StatelyInspectionEvent } from '@statelyai/inspect'
import { pino } from 'pino'
import type { InspectionEvent } from 'xstate'
import { freePorts } from '../../src/cli/demo/ports.ts'
import { createNode, statelyInspector } from '../../src/index.ts'
import { until } from '../agent/agent.ts'

const folder = mkdtempSync(join(tmpdir(), 'reeve-stately-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const log = pino({ level: 'silent' })

async function live(name: string, inspect: (event: InspectionEvent) => void): Promise<void> {
  const local = { bindAddr: '127.0.0.1:0', rpcPort: 0, httpPort: 0 }
  const node = createNode({ nodeName: name, dataDir: join(folder, name), ...local }, { log, inspect })
  await node.start()
  await node.stop()
}

/** What both have to say alike. What is in an event or a context is redacted by ours alone. */
function likeness(message: StatelyInspectionEvent) {
  const { type, rootId, sessionId, id, _version } = message
  const about = { type, rootId, sessionId, id, _version, fields: Object.keys(message).sort() }
  if (type === '@xstate.actor') return { ...about, name: message.name, parentId: message.parentId }
  if (type === '@xstate.event') return { ...about, event: message.event.type, sourceId: message.sourceId }
  const { status, value } = message.snapshot as { status: string; value?: unknown }
  return { ...about, event: message.event.type, status, value }
}

test("of a node's life ours says, message by message, what Stately's own package says of it", async () => {
  const ours: StatelyInspectionEvent[] = []
  const theirs: StatelyInspectionEvent[] = []
  const own = createInspector({ send: (message) => theirs.push(JSON.parse(JSON.stringify(message))) })
  const inspect = statelyInspector((message) => ours.push(JSON.parse(message)))
  await live('a', (event) => {
    inspect(event)
    own.inspect.next?.(event)
  })
  // Theirs come a moment later.
  await until(
    'as many of theirs as of ours',
    async () => theirs.length,
    (count) => count >= ours.length,
  )
  assert.ok(ours.length > 50, `${ours.length} messages`)
  assert.deepEqual(ours.map(likeness), theirs.map(likeness))
  const charts = (messages: readonly StatelyInspectionEvent[]) =>
    messages.flatMap((message) => {
      if (message.type !== '@xstate.actor') return []
      const { id, states = {} } = JSON.parse(message.definition ?? '{}') as { id: string; states?: object }
      return [[id, Object.keys(states).sort()]]
    })
  assert.deepEqual(charts(ours), charts(theirs))
})

test("through Stately's own server their receiver has actors, events and snapshots of ours, in their order", async (context) => {
  const received: StatelyInspectionEvent[] = []
  const url = await startTheirs(context, (message) => received.push(message))
  const { adapter } = createWebSocketInspector({ url, maxDeferredEvents: Number.POSITIVE_INFINITY })
  context.after(() => adapter.stop())
  const probe = { type: '@xstate.event', sessionId: 'probe', event: { type: 'probe' } } as StatelyInspectionEvent
  // Neither says when it is connected.
  await until(
    'what is sent is received',
    async () => {
      adapter.send(probe)
      return received.length
    },
    (count) => count > 0,
  )
  const sent: StatelyInspectionEvent[] = []
  await live(
    'b',
    statelyInspector((message) => {
      sent.push(JSON.parse(message))
      adapter.send(JSON.parse(message))
    }),
  )
  const ofNode = () => received.filter(({ sessionId }) => sessionId !== 'probe')
  await until(
    'all of it is there',
    async () => ofNode().length,
    (count) => count >= sent.length,
  )
  assert.deepEqual(ofNode(), sent)
  assert.deepEqual([...new Set(sent.map(({ type }) => type))].sort(), [
    '@xstate.actor',
    '@xstate.event',
    '@xstate.snapshot',
  ])
})

/** Their server and, connected to it, their receiver, in a process of their own: neither can be closed. Gives the address. */
async function startTheirs(context: TestContext, next: (message: StatelyInspectionEvent) => void): Promise<string> {
  const [port] = await freePorts(1)
  const url = `ws://127.0.0.1:${port}`
  const program = `
    import { createWebSocketReceiver } from '@statelyai/inspect'
    import { createInspectorServer } from '@statelyai/inspect/server'
    createInspectorServer({ port: ${port}, autoOpen: false })
    while (!(await fetch('http://127.0.0.1:${port}').catch(() => undefined)));
    createWebSocketReceiver({ server: '${url}' }).subscribe((message) => console.log(JSON.stringify(message)))
    console.log('null')
  `
  const theirs = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exit = once(theirs, 'exit')
  context.after(async () => {
    theirs.kill('SIGKILL')
    await exit
  })
  const lines = createInterface(theirs.stdout)
  const listening = once(lines, 'line')
  lines.on('line', (line) => {
    const message = JSON.parse(line) as StatelyInspectionEvent | null
    if (message) next(message)
  })
  await listening
  return url
}
