import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { AnyStateMachine, AnyStateNode } from 'xstate'
import { stateId, transitionsOf } from '../../machines/drawings/chart.ts'
import { charts } from '../../machines/index.ts'
import { sampleMachine } from './sample.ts'
import { nodes } from './walk.ts'

const folder = new URL('../../machines/', import.meta.url)
const sources = readdirSync(folder).filter((name) => name.endsWith('.ts'))
/** Whatever `machines/*.ts` declares as a message. */
const messages = new Set(
  sources.flatMap((name) =>
    [...readFileSync(new URL(name, folder), 'utf8').matchAll(/readonly type: '([^']+)'/g)].map((match) => match[1]!),
  ),
)

for (const [name, machine] of Object.entries<AnyStateMachine>({ ...charts, sample: sampleMachine })) {
  test(`${name}: every state can be reached`, () => {
    const reachable = reachableFrom(machine.root)
    const unreachable = nodes(machine).filter((node) => !reachable.has(node))
    assert.deepEqual(unreachable.map(stateId), [])
  })

  test(`${name}: every state but the last ones can be left`, () => {
    for (const node of nodes(machine)) {
      if (node.type !== 'atomic') continue
      const ways = [node, ...ancestors(node)]
        .flatMap(transitionsOf)
        .filter((each) => each.target?.some((to) => to !== node))
      assert.ok(ways.length > 0, `${stateId(node)} is a dead end`)
    }
  })

  test(`${name}: every actor has an id and a named logic`, () => {
    for (const node of nodes(machine)) {
      for (const each of list<{ id?: string; src?: unknown }>(node.config.invoke)) {
        assert.ok(each.id, `an actor of ${stateId(node)} has no id`)
        assert.ok(String(each.src) in machine.implementations.actors, `${each.id} has no named logic`)
      }
    }
  })

  test(`${name}: every delay is named`, () => {
    for (const node of nodes(machine)) {
      for (const delay of Object.keys(node.config.after ?? {})) {
        assert.ok(delay in machine.implementations.delays, `after ${delay} in ${stateId(node)}`)
      }
    }
    for (const [action, { type, id, delay }] of Object.entries(machine.implementations.actions as Delayed)) {
      if (type !== 'xstate.raise' || delay === undefined) continue
      assert.ok(typeof delay === 'string' && delay in machine.implementations.delays, `${action} has no named delay`)
      assert.ok(id, `${action} raises an event later that has no id`)
    }
  })

  test(`${name}: every action and guard is named`, () => {
    const { actions, guards } = machine.implementations
    for (const node of nodes(machine)) {
      const used = [node.config.entry, node.config.exit, ...transitionsOf(node).map((each) => each.actions)]
      for (const action of used.flatMap(list))
        assert.ok(typeOf(action) in actions, `${typeOf(action)} in ${stateId(node)}`)
      for (const { guard } of transitionsOf(node)) {
        if (guard !== undefined) assert.ok(typeOf(guard) in guards, `${typeOf(guard)} in ${stateId(node)}`)
      }
    }
  })

  test(`${name}: no handler catches everything`, () => {
    for (const node of nodes(machine)) assert.ok(!node.transitions.has('*'), stateId(node))
  })

  test(`${name}: says in a sentence what it is`, () => {
    assert.equal(machine.id, name)
    assert.match(machine.root.description ?? '', /^[A-Z].+\.$/)
  })
}

for (const [name, machine] of Object.entries<AnyStateMachine>(charts)) {
  test(`${name}: every event it waits for is declared`, () => {
    for (const node of nodes(machine)) {
      for (const type of node.transitions.keys()) {
        if (type.startsWith('xstate.')) continue
        const matches = type.endsWith('.*')
          ? [...messages].filter((message) => message.startsWith(type.slice(0, -1)))
          : [...messages].filter((message) => message === type)
        assert.ok(matches.length > 0, `${type} in ${stateId(node)}`)
      }
    }
  })
}

test('facts are named noun.verbed, orders are bare imperatives', () => {
  const text = readFileSync(new URL('messages.ts', folder), 'utf8')
  const unions = [...text.matchAll(/export type (\w+)(Fact|Order) =([\s\S]*?)\n\n/g)]
  assert.ok(unions.length >= 10)
  for (const [, name, kind, body] of unions) {
    for (const [, type] of body!.matchAll(/readonly type: '([^']+)'/g)) {
      assert.match(type!, kind === 'Fact' ? /^[a-z]+\.[a-zA-Z]+$/ : /^[a-z]+$/, `${name}${kind}: ${type}`)
    }
  }
})

type Delayed = Record<string, { type?: string; id?: string; delay?: unknown }>

/** By arrows alone, whatever their guards say; entering a state enters its first inside, or all regions. */
function reachableFrom(root: AnyStateNode): Set<AnyStateNode> {
  const reached = new Set<AnyStateNode>()
  const enter = (node: AnyStateNode): void => {
    if (reached.has(node)) return
    reached.add(node)
    if (node.parent) enter(node.parent)
    const inside = node.type === 'compound' ? node.initial.target : Object.values(node.states)
    for (const each of inside) enter(each)
    for (const { target } of transitionsOf(node)) for (const each of target ?? []) enter(each)
  }
  enter(root)
  return reached
}

function ancestors(node: AnyStateNode): AnyStateNode[] {
  return node.parent ? [node.parent, ...ancestors(node.parent)] : []
}

function list<T>(value: unknown): T[] {
  return [value ?? []].flat() as T[]
}

function typeOf(named: unknown): string {
  return typeof named === 'string' ? named : ((named as { type?: string }).type ?? '(inline)')
}
