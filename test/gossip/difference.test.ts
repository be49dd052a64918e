import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { differences, withoutKnown } from '../../src/gossip/difference.ts'
import type { PushPullNode } from '../../src/gossip/messages.ts'
import { ourVsn } from '../../src/gossip/versions.ts'
import { Cluster, messageIn, type Node } from './cluster.ts'

const node = (name: string, changes: Partial<PushPullNode> = {}): PushPullNode => ({
  ...{ name, addr: Uint8Array.of(10, 0, 0, 1), port: 7946, meta: new Uint8Array(), incarnation: 1, state: 0 },
  ...{ vsn: ourVsn, ...changes },
})
const bytes = (text: string) => new TextEncoder().encode(text)

describe('the difference between two states', () => {
  test('is whoever only one side knows, and whom they know otherwise', () => {
    const ours = [node('same'), node('ours'), node('older'), node('suspect'), node('moved'), node('retagged')]
    const theirs = [
      ...[node('same'), node('theirs'), node('older', { incarnation: 2 }), node('suspect', { state: 1 })],
      ...[node('moved', { port: 1 }), node('retagged', { meta: bytes('x') })],
    ]
    const expected = ['moved', 'older', 'ours', 'retagged', 'suspect', 'theirs']
    assert.deepEqual([...differences(ours, theirs)].sort(), expected)
    assert.deepEqual([...differences(theirs, ours)].sort(), expected)
    assert.deepEqual([...differences(ours, ours)], [])
  })

  test('of members, intents and events leaves out what was said, and nothing else', () => {
    const base = { lTime: 9n, eventLTime: 4n, queryLTime: 2n }
    const [deploy, restart] = ['deploy', 'restart'].map((name) => ({ name, payload: bytes(name) }))
    const ours = {
      ...base,
      statusLTimes: new Map([
        ['same', 1n],
        ['newer', 5n],
        ['gone', 3n],
        ['named', 1n],
      ]),
      leftMembers: ['gone', 'left'],
      events: [
        { lTime: 1n, events: [deploy!] },
        { lTime: 2n, events: [deploy!, restart!] },
      ],
    }
    const theirs = {
      ...{ ...base, lTime: 1n },
      statusLTimes: new Map([
        ['same', 1n],
        ['newer', 4n],
        ['gone', 3n],
        ['named', 1n],
      ]),
      leftMembers: ['left'],
      events: [
        { lTime: 1n, events: [deploy!] },
        { lTime: 2n, events: [restart!] },
      ],
    }
    assert.deepEqual(withoutKnown(ours, theirs, new Set(['named'])), {
      ...base,
      statusLTimes: new Map([
        ['newer', 5n],
        ['gone', 3n],
        ['named', 1n],
      ]),
      leftMembers: ['gone'],
      events: [{ lTime: 2n, events: [deploy] }],
    })
  })

  test('is all that an answer has between two who agree: whoever answers, and nobody else', () => {
    const cluster = new Cluster(1)
    const names = Array.from({ length: 8 }, (_, i) => `n${i}`)
    const nodes = names.map((name) => cluster.start(name))
    for (const other of nodes.slice(1)) cluster.join(other, nodes[0] as Node)
    cluster.until(() => cluster.agree(names))
    const answers: string[][] = []
    for (const { core } of nodes) {
      const receive = core.receiveStream.bind(core)
      core.receiveStream = (message, from, nowMs, reply) =>
        receive(message, from, nowMs, (answer) => {
          const state = answer && messageIn(answer)
          if (state?.kind === 'pushPull') answers.push(state.nodes.map(({ name }) => name))
          reply(answer)
        })
    }
    cluster.run(120_000)
    assert.equal(answers.length >= 8, true)
    for (const answer of answers.slice(-8)) assert.equal(answer.length, 1, answer.join())
  })
})
