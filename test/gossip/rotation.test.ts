import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeKeyRequest, keyQueries } from '../../src/gossip/key-codec.ts'
import {
  type KeyResponses,
  type KeyResult,
  objections,
  readKeyResponse,
  tallyKeys,
} from '../../src/gossip/key-tally.ts'
import { formatKey, type KeyChange } from '../../src/gossip/keys.ts'
import { Cluster, type Node, seededRandom } from './cluster.ts'
import { kinds } from './joined-cluster.ts'
import { keyOf } from './sealed.ts'

const [oldKey, newKey, otherKey] = [keyOf(1), keyOf(2), keyOf(3)]

function start(seed: number, count: number) {
  const cluster = new Cluster(seed)
  const names = Array.from({ length: count }, (_, number) => `node-${number}`)
  const nodes = names.map((name) => cluster.start(name, { keys: [oldKey] }))
  for (const node of nodes.slice(1)) cluster.join(node, nodes[0] as Node)
  cluster.until(() => cluster.agree(names))
  return { cluster, names, nodes }
}

/** What a member's key file has, by the keys' numbers. */
const keysOf = (node: Node) => node.keys.map((key) => key[0])
const running = (cluster: Cluster) => cluster.nodes.filter((node) => node.running)

/** Asks everybody and waits for all answers, or until their time is over. */
function ask(cluster: Cluster, asker: Node, what: KeyChange | 'list', key?: Uint8Array) {
  const query = cluster.query(asker, keyQueries[what], { payload: encodeKeyRequest(key) })
  const responses = () => {
    const answers = (asker.answers.get(query.lTime) ?? []).flatMap((answer) => {
      return answer?.kind === 'response' ? [[answer.from, readKeyResponse(answer.payload)] as const] : []
    })
    return new Map(answers)
  }
  const isOver = () => asker.answers.get(query.lTime)?.at(-1) === undefined && asker.answers.has(query.lTime)
  cluster.until(() => responses().size === query.expected || isOver())
  return { nodes: query.expected, responses: responses() as KeyResponses }
}

/** As `ClusterKeys` does it: not while somebody alive would be left behind. */
function change(cluster: Cluster, asker: Node, what: KeyChange, key: Uint8Array): KeyResult {
  if (what !== 'install') {
    const lists = ask(cluster, asker, 'list')
    const alive = asker.core.members().flatMap(({ name, status }) => (status === 'alive' ? [name] : []))
    const messages = objections(what, formatKey(key), alive, lists.responses)
    if (messages.size > 0) return { ...tallyKeys(lists.nodes, lists.responses), errors: messages.size, messages }
  }
  const { nodes, responses } = ask(cluster, asker, what, key)
  return tallyKeys(nodes, responses)
}

const succeeded = ({ nodes, responses, errors }: KeyResult) => responses === nodes && errors === 0

/** Restarts on the same file. */
function restart(cluster: Cluster, node: Node, ...seeds: Node[]): Node {
  const again = cluster.start(node.name, { keys: node.keys, port: node.at.port })
  cluster.join(again, ...seeds)
  return again
}

describe('a cluster with a key', () => {
  test('finds itself; who has none or another one stays outside, and neither side hears of the other', () => {
    const { cluster, nodes, names } = start(1, 4)
    const bare = cluster.start('bare')
    const wrong = cluster.start('wrong', { keys: [otherKey] })
    const orders = [bare, wrong].map((node) => cluster.join(node, nodes[0] as Node))
    const back = cluster.join(nodes[1] as Node, wrong)
    cluster.until(() => bare.done.has(orders[0]!) && wrong.done.has(orders[1]!) && nodes[1]!.done.has(back))
    assert.match(bare.done.get(orders[0]!)?.problems[0] ?? '', /encryption is not configured/)
    assert.match(wrong.done.get(orders[1]!)?.problems[0] ?? '', /no installed keys could decrypt/)
    cluster.run(60_000)
    assert.equal(cluster.agree(names, nodes), true)
    for (const outsider of [bare, wrong]) assert.equal(cluster.agree([outsider.name], [outsider]), true)
    cluster.inject(nodes[0] as Node, Uint8Array.of(0, 0x80))
    assert.deepEqual(nodes[0]?.core.stats().problems, new Map([['foreign', 1]]))
  })

  test('sends the same bytes for the same seed', () => {
    assert.equal(start(5, 3).cluster.trace, start(5, 3).cluster.trace)
  })

  test('says of members without a keyring that they have none', () => {
    const cluster = new Cluster(3)
    const node = cluster.start('plain')
    const list = ask(cluster, node, 'list')
    assert.deepEqual(
      tallyKeys(list.nodes, list.responses).messages,
      new Map([['plain', 'Keyring is empty (encryption not enabled)']]),
    )
    assert.equal(
      change(cluster, node, 'install', newKey).messages.get('plain'),
      'No keyring to modify (encryption not enabled)',
    )
    const bad = cluster.query(node, keyQueries.install)
    cluster.run(10_000)
    const [answer] = node.answers.get(bad.lTime) ?? []
    assert.equal(answer?.kind === 'response' && readKeyResponse(answer.payload).result, false, 'without a payload')
  })
})

describe('a new key', () => {
  test('takes the place of the old one step by step, and nobody is lost on the way', () => {
    const { cluster, nodes, names } = start(2, 7)
    const asker = nodes[3] as Node
    assert.equal(succeeded(change(cluster, asker, 'install', newKey)), true)
    assert.equal(succeeded(change(cluster, asker, 'use', newKey)), true)
    const list = ask(cluster, nodes[1] as Node, 'list')
    const { keys, primaryKeys } = tallyKeys(list.nodes, list.responses)
    assert.deepEqual(
      keys,
      new Map([
        [formatKey(newKey), 7],
        [formatKey(oldKey), 7],
      ]),
    )
    assert.deepEqual(primaryKeys, new Map([[formatKey(newKey), 7]]))
    assert.equal(succeeded(change(cluster, asker, 'remove', oldKey)), true)
    cluster.run(60_000)
    assert.equal(cluster.agree(names), true)
    for (const node of nodes) {
      assert.deepEqual(keysOf(node), [2])
      for (const name of names) assert.equal(kinds(node, name).includes('failed'), false)
    }
  })

  test('is not used while somebody alive lacks it, and the old one not removed while somebody sends with it', () => {
    const { cluster, nodes } = start(4, 3)
    const [asker, , full] = nodes as [Node, Node, Node]
    full.diskFull = true
    const failed = change(cluster, asker, 'install', newKey)
    assert.deepEqual([failed.responses, failed.errors, failed.messages], [3, 1, new Map([['node-2', 'disk full']])])
    assert.deepEqual(keysOf(full), [1], 'who cannot store stays as it was')
    const refused = change(cluster, asker, 'use', newKey)
    assert.match(refused.messages.get('node-2') ?? '', /does not have the key yet/)
    assert.deepEqual(
      nodes.map((node) => keysOf(node)[0]),
      [1, 1, 1],
    )

    full.diskFull = false
    assert.equal(succeeded(change(cluster, asker, 'install', newKey)), true, 'the same again')
    full.diskFull = true
    assert.deepEqual(change(cluster, asker, 'use', newKey).messages, new Map([['node-2', 'disk full']]))
    assert.deepEqual(
      nodes.map((node) => keysOf(node)[0]),
      [2, 2, 1],
    )
    const kept = change(cluster, asker, 'remove', oldKey)
    assert.match(kept.messages.get('node-2') ?? '', /still encrypts with the key/)
    full.diskFull = false
    for (const [what, key] of [
      ['use', newKey],
      ['remove', oldKey],
    ] as const) {
      assert.equal(succeeded(change(cluster, asker, what, key)), true)
    }
    assert.deepEqual(nodes.map(keysOf), [[2], [2], [2]])
    const own = ask(cluster, asker, 'remove', newKey)
    assert.equal(tallyKeys(own.nodes, own.responses).messages.get('node-1'), 'Removing the primary key is not allowed')
  })

  for (const away of ['restarted', 'cut off'] as const) {
    test(`is followed to by a member that was ${away} while it came into use and the old one went`, () => {
      const { cluster, nodes, names } = start(6, 5)
      const [asker, , , , late] = nodes as [Node, Node, Node, Node, Node]
      assert.equal(succeeded(change(cluster, asker, 'install', newKey)), true)
      if (away === 'restarted') cluster.crash(late)
      else cluster.link = (from, to) => (from === late.at) === (to.port === late.at.port)
      cluster.until(() => cluster.status(asker, late.name) === 'failed')
      assert.equal(succeeded(change(cluster, asker, 'use', newKey)), true)
      assert.equal(succeeded(change(cluster, asker, 'remove', oldKey)), true)
      cluster.link = () => true
      const back = away === 'restarted' ? restart(cluster, late, asker) : late
      assert.equal(keysOf(back)[0], 1)
      // The first attempt teaches it the key, the next one is understood.
      cluster.until(() => keysOf(back)[0] === 2)
      cluster.join(back, asker)
      cluster.until(() => cluster.agree(names))
      assert.equal(succeeded(change(cluster, asker, 'remove', oldKey)), true, 'once more, for those who were away')
      assert.deepEqual(running(cluster).map(keysOf), [[2], [2], [2], [2], [2]])
    })
  }

  test('keeps out who was away when it was installed, until its file is mended', () => {
    const { cluster, nodes, names } = start(8, 4)
    const [asker, , , late] = nodes as [Node, Node, Node, Node]
    cluster.crash(late)
    cluster.until(() => cluster.status(asker, late.name) === 'failed')
    for (const [what, key] of [
      ['install', newKey],
      ['use', newKey],
      ['remove', oldKey],
    ] as const) {
      assert.equal(succeeded(change(cluster, asker, what, key)), true)
    }
    const stale = restart(cluster, late, asker)
    cluster.run(60_000)
    assert.equal(cluster.status(asker, late.name), 'failed')
    cluster.crash(stale)
    stale.keys = [newKey]
    restart(cluster, stale, asker)
    cluster.until(() => cluster.agree(names))
  })

  test('comes through joins, crashes, restarts and full disks at any moment', () => {
    for (let seed = 100; seed < 112; seed += 1) churn(seed)
  })
})

/** An operator who repeats each step until it worked everywhere, while everything goes wrong. */
function churn(seed: number): void {
  const { cluster, nodes } = start(seed, 5)
  const random = seededRandom(seed)
  const asker = nodes[0] as Node
  const pick = () => running(cluster).filter((node) => node !== asker)[Math.floor(4 * random())]
  const disturb = () => {
    const victim = pick()
    const luck = random()
    if (luck < 0.2 && running(cluster).length < 8) {
      // Whoever is added gets the file of somebody who is there.
      const fresh = cluster.start(`fresh-${cluster.nodes.length}`, { keys: asker.keys })
      cluster.join(fresh, asker)
    } else if (victim && luck < 0.5) {
      cluster.crash(victim)
      if (luck < 0.35) cluster.until(() => cluster.status(asker, victim.name) !== 'alive')
      restart(cluster, victim, asker)
    } else if (victim && luck < 0.7) victim.diskFull = !victim.diskFull
  }
  cluster.loss = 0.05
  for (const [what, key] of [
    ['install', newKey],
    ['use', newKey],
    ['remove', oldKey],
  ] as const) {
    for (let attempt = 0; ; attempt += 1) {
      assert.ok(attempt < 40, `seed ${seed}: ${what} never worked`)
      if (attempt < 5) disturb()
      else for (const node of running(cluster)) node.diskFull = false
      const done = change(cluster, asker, what, key)
      if (attempt < 5) disturb()
      // Nodes keep trying to join until they are in.
      for (const node of running(cluster)) {
        const [ours, theirs] = [asker.core.members(), node.core.members()]
        if (node !== asker && (theirs.length < ours.length || cluster.status(asker, node.name) !== 'alive')) {
          cluster.join(node, asker)
        }
      }
      cluster.run(3000)
      const all = running(cluster).every(({ name }) => cluster.status(asker, name) === 'alive')
      if (succeeded(done) && all && done.nodes === running(cluster).length) break
    }
  }
  cluster.loss = 0
  cluster.until(() => cluster.agree(running(cluster).map(({ name }) => name)), 300_000)
  assert.deepEqual(new Set(running(cluster).map((node) => keysOf(node).join())), new Set(['2']), `seed ${seed}`)
}
