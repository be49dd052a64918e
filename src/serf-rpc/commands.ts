/** What each command of the port does, and how it is answered, errors included: the table of the protocol. */

import type { KeyResult, QueryOptions } from '../actors/serf-member.ts'
import { ReeveError } from '../errors.ts'
import type { Type } from '../gossip/msgpack-struct.ts'
import type { RpcAgent } from './agent.ts'
import { parseEventFilter } from './event-filter.ts'
import { toIpcMember } from './events.ts'
import { keyProblem } from './key-problem.ts'
import { memberFilter } from './member-filter.ts'
import { parseLevel } from './recent-lines.ts'
import type { Subscriptions } from './subscriptions.ts'
import {
  coordinateReply,
  coordinateRequest,
  encode,
  eventRequest,
  forceLeaveRequest,
  joinReply,
  joinRequest,
  keyReply,
  keyRequest,
  membersFilteredRequest,
  membersReply,
  monitorRequest,
  queryRequest,
  respondRequest,
  statsReply,
  stopRequest,
  streamRequest,
  tagsRequest,
} from './wire.ts'

export interface Reply {
  /** Empty when left out. */
  readonly error?: string
  readonly body?: Uint8Array
  /** Right behind the reply: what is to be sent from then on. */
  readonly after?: () => void
}

export interface Call {
  readonly agent: RpcAgent
  readonly seq: bigint
  readonly subscriptions: Subscriptions
}

export interface Command {
  readonly body?: Type<unknown>
  /** What it throws becomes the reply's error. */
  perform(body: unknown, call: Call): Reply | Promise<Reply>
  /** The body that a client reads behind an error. */
  readonly failed?: () => Uint8Array
}

function command<T>(
  body: Type<T>,
  perform: (body: T, call: Call) => Reply | Promise<Reply>,
  failed?: () => Uint8Array,
): Command {
  return { body, perform: perform as Command['perform'], ...(failed && { failed }) }
}

/** Longer than anybody waits, and short enough for every timer. */
const maxTimeoutMs = 3_600_000
/** The one query with a name like this that clients may send; it is about its acks. */
const ping = '_serf_ping'

const noKeys: KeyResult = {
  nodes: 0,
  responses: 0,
  errors: 0,
  messages: new Map(),
  keys: new Map(),
  primaryKeys: new Map(),
}

export const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  [
    'members',
    {
      perform: (_, { agent }) => ({ body: encode(membersReply, { members: agent.member.members().map(toIpcMember) }) }),
    },
  ],
  [
    'members-filtered',
    command(
      membersFilteredRequest,
      (filter, { agent }) => {
        const members = agent.member.members().filter(memberFilter(filter))
        return { body: encode(membersReply, { members: members.map(toIpcMember) }) }
      },
      () => encode(membersReply, { members: [] }),
    ),
  ],
  [
    'join',
    command(
      joinRequest,
      async ({ existing, replay }, { agent }) => ({
        body: encode(joinReply, { num: await agent.member.join(existing, { replay }) }),
      }),
      () => encode(joinReply, { num: 0 }),
    ),
  ],
  [
    'leave',
    {
      perform: async (_, { agent }) => {
        await agent.member.leave()
        return { after: () => agent.stop() }
      },
    },
  ],
  [
    'force-leave',
    command(forceLeaveRequest, async ({ node, prune }, { agent }) => {
      await agent.member.forceLeave(node, { prune })
      return {}
    }),
  ],
  ['tags', command(tagsRequest, changeTags)],
  [
    'event',
    command(eventRequest, async ({ name, payload, coalesce }, { agent }) => {
      await agent.member.sendEvent(name, payload, { coalesce })
      return {}
    }),
  ],
  ['query', command(queryRequest, ask)],
  [
    'respond',
    command(respondRequest, ({ id, payload }, { subscriptions }) => {
      const query = subscriptions.pendingQuery(id)
      if (!query) return { error: 'No pending queries matching ID' }
      try {
        query.respond(payload)
      } catch (error) {
        return { error: `failed to respond to key query: ${(error as Error).message}` }
      }
      return {}
    }),
  ],
  [
    'stream',
    command(streamRequest, ({ type }, { seq, subscriptions }) => {
      const wants = parseEventFilter(type)
      const error = subscriptions.streamProblem(seq) || (wants ? '' : 'Invalid event filter')
      return error === '' && wants ? { after: () => subscriptions.stream(seq, wants) } : { error }
    }),
  ],
  [
    'monitor',
    command(monitorRequest, ({ logLevel }, { seq, subscriptions }) => {
      const name = logLevel.toUpperCase()
      const level = parseLevel(name)
      if (!level) return { error: `Unknown log level: ${name}` }
      if (subscriptions.hasMonitor) return { error: 'Monitor already exists' }
      return { after: () => subscriptions.monitor(seq, level) }
    }),
  ],
  [
    'stop',
    command(stopRequest, ({ stop }, { subscriptions }) => {
      subscriptions.stop(stop)
      return {}
    }),
  ],
  ['install-key', keyCommand((key, agent) => agent.member.keys.install(key))],
  ['use-key', keyCommand((key, agent) => agent.member.keys.use(key))],
  ['remove-key', keyCommand((key, agent) => agent.member.keys.remove(key))],
  [
    'list-keys',
    {
      perform: async (_, { agent }) => {
        const result = await agent.member.keys.list()
        const { keys, primaryKeys } = result
        return { error: keyProblem(result), body: keyBody(result, { keys, primaryKeys }) }
      },
      failed: () => keyBody(noKeys),
    },
  ],
  ['stats', { perform: (_, { agent }) => ({ body: encode(statsReply, agent.stats()) }) }],
  [
    'get-coordinate',
    command(coordinateRequest, async ({ node }, { agent }) => {
      const coord = await agent.member.coordinate(node)
      return { body: encode(coordinateReply, { coord: coord ?? nowhere, ok: coord !== undefined }) }
    }),
  ],
])

const nowhere = { vec: [], error: 0, adjustment: 0, height: 0 }

async function changeTags(
  { tags, deleteTags }: { tags: ReadonlyMap<string, string>; deleteTags: readonly string[] },
  { agent }: Call,
): Promise<Reply> {
  const { member, ownTags } = agent
  const own = [...deleteTags, ...tags.keys()].find((tag) => ownTags.includes(tag))
  if (own !== undefined) throw new ReeveError('REQUEST_MALFORMED', `the tag ${own} is the node's own`)
  const before = member.members().find(({ name }) => name === member.name)?.tags ?? []
  const after = new Map(before)
  for (const tag of deleteTags) after.delete(tag)
  for (const [tag, value] of tags) after.set(tag, value)
  await member.setTags(after)
  return {}
}

function ask(request: typeof queryRequest.zero, { agent, seq, subscriptions }: Call): Reply {
  const { name, payload, filterNodes, filterTags, requestAck, relayFactor, timeout } = request
  if (name.startsWith('_serf_') && !(name === ping && payload.length === 0)) {
    return { error: "Queries cannot contain the '_serf_' prefix" }
  }
  if (!subscriptions.mayQuery) return { error: 'too many queries at once on one connection' }
  const timeoutMs = Number(timeout / 1_000_000n)
  if (timeoutMs > maxTimeoutMs) return { error: `query timeout exceeds limit of ${maxTimeoutMs / 1000} s` }
  const options: QueryOptions = {
    ...{ filterNodes, filterTags, requestAck, relayFactor },
    ...(timeoutMs > 0 && { timeoutMs }),
  }
  const query = agent.member.query(name, payload, options)
  return { after: () => void subscriptions.query(seq, query).catch(() => undefined) }
}

function keyCommand(perform: (key: string, agent: RpcAgent) => Promise<KeyResult>): Command {
  return command(
    keyRequest,
    async ({ key }, { agent }) => {
      const result = await perform(key, agent)
      return { error: keyProblem(result), body: keyBody(result) }
    },
    () => keyBody(noKeys),
  )
}

function keyBody(
  { messages, nodes, errors, responses }: KeyResult,
  listed: Pick<KeyResult, 'keys' | 'primaryKeys'> | { keys: null; primaryKeys: null } = {
    keys: null,
    primaryKeys: null,
  },
): Uint8Array {
  return encode(keyReply, { messages, numNodes: nodes, numErr: errors, numResp: responses, ...listed })
}
