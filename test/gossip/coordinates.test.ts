import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Coordinate, initialCoordinate } from '../../src/gossip/coordinate.ts'
import { Coordinates, decodeCoordinate, encodeCoordinate } from '../../src/gossip/coordinates.ts'
import { mutated } from './arbitraries.ts'
import { type Cluster, type Node, seededRandom } from './cluster.ts'
import { fromHex, type Json, leaves, plainVectors, toHex } from './golden.ts'
import { kinds, startCluster } from './joined-cluster.ts'

const there: Coordinate = { ...initialCoordinate, vec: [0.01, 0.02, 0, 0, 0, 0, 0, 0], error: 0.5 }

function fresh(): { coordinates: Coordinates; problems: string[] } {
  const problems: string[] = []
  const report = (reason: string) => problems.push(reason)
  return { coordinates: new Coordinates({ name: 'us', random: seededRandom(1), report }), problems }
}

describe('what an ack carries', () => {
  test('are the recorded bytes, both ways', () => {
    const pings = plainVectors('udp')
      .flatMap(({ decoded }) => leaves(decoded.message))
      .flatMap((leaf: Json) => (leaf.body?.Payload?.ping ? [leaf.body.Payload] : []))
    assert.ok(pings.length >= 4, `${pings.length} recorded`)
    for (const { $hex, ping } of pings) {
      const decoded = decodeCoordinate(fromHex($hex))
      assert.ok(decoded.ok)
      const { vec, error, adjustment, height } = decoded.value
      assert.deepEqual({ Vec: vec, Error: error, Adjustment: adjustment, Height: height }, ping.coordinate)
      assert.equal(toHex(encodeCoordinate(decoded.value)), $hex)
    }
  })

  test('numbers that are none, other dimensions, other versions and too many bytes are refused', () => {
    const { coordinates, problems } = fresh()
    const bad = [
      encodeCoordinate({ ...there, vec: [1, 2, 3] }),
      encodeCoordinate({ ...there, vec: new Array<number>(20).fill(0) }),
      encodeCoordinate({ ...there, vec: there.vec.with(0, Number.NaN) }),
      encodeCoordinate({ ...there, error: Number.POSITIVE_INFINITY }),
      Uint8Array.of(2, ...encodeCoordinate(there).subarray(1)),
      Uint8Array.of(...encodeCoordinate(there), ...new Uint8Array(2000)),
      encodeCoordinate(there).subarray(0, 60),
      Uint8Array.of(1),
    ]
    for (const payload of bad) coordinates.acked('a', payload, 10)
    assert.deepEqual(problems, new Array(bad.length).fill('malformed'))
    assert.equal(coordinates.of('a'), undefined)
    assert.deepEqual(coordinates.of('us'), initialCoordinate)
  })

  test('places that no honest member can be at do not move us', () => {
    const { coordinates, problems } = fresh()
    coordinates.acked('a', encodeCoordinate({ ...there, vec: there.vec.with(0, 1e300) }), 10)
    coordinates.acked('a', encodeCoordinate({ ...there, error: -0.5 }), 10)
    coordinates.acked('a', encodeCoordinate({ ...there, height: -1 }), 10)
    assert.deepEqual(problems, ['incredible', 'incredible', 'incredible'])
    assert.deepEqual(coordinates.of('us'), initialCoordinate)
  })

  test('nothing at all is no problem, and no news', () => {
    const { coordinates, problems } = fresh()
    coordinates.acked('a', new Uint8Array(), 10)
    assert.deepEqual([problems, coordinates.of('a')], [[], undefined])
  })

  test('any bytes are read or refused, never more', () => {
    const { coordinates } = fresh()
    fc.assert(
      fc.property(
        fc.oneof(mutated(fc.constant(encodeCoordinate(there))), fc.uint8Array({ maxLength: 200 })),
        (payload) => {
          coordinates.acked('a', payload, 10)
          const us = coordinates.of('us') as Coordinate
          assert.ok([...us.vec, us.error, us.height, us.adjustment].every(Number.isFinite))
        },
      ),
    )
  })

  test('a member is known until it is forgotten', () => {
    const { coordinates } = fresh()
    assert.equal(coordinates.rttMs('us', 'a'), undefined)
    coordinates.acked('a', encodeCoordinate(there), 25)
    assert.deepEqual(coordinates.of('a'), there)
    assert.ok((coordinates.rttMs('us', 'a') as number) > 0)
    assert.equal(coordinates.rttMs('us', 'a'), coordinates.rttMs('a', 'us'))
    coordinates.forget('a')
    assert.equal(coordinates.of('a'), undefined)
  })
})

describe('members of a cluster', () => {
  const known = (node: Node, nodes: readonly Node[]) => nodes.every(({ name }) => node.core.coordinate(name))
  const settled = (cluster: Cluster, nodes: readonly Node[]) => {
    cluster.until(() => nodes.every((node) => known(node, nodes)))
    cluster.run(60_000)
  }

  test('estimate their round trips by what acks take', () => {
    const { cluster, nodes } = startCluster(31, 5)
    settled(cluster, nodes)
    const [a, b] = nodes as [Node, Node]
    // Each way takes 0.2 to 3.2 ms.
    const estimatedMs = a.core.rttMs(a.name, b.name) as number
    assert.ok(estimatedMs > 1 && estimatedMs < 7, `${estimatedMs} ms`)
    assert.ok(a.core.rttMs(b.name, 'node-3') !== undefined, 'also between two others')
    assert.equal(a.core.rttMs(a.name, 'nobody'), undefined)
    for (const { core } of nodes) assert.equal(core.stats().problems.get('malformed'), undefined)
  })

  test('learn nothing from members that do not answer directly', () => {
    const { cluster, nodes } = startCluster(32, 2)
    const [a, b] = nodes as [Node, Node]
    const before = a.core.coordinate(a.name)
    cluster.link = (from, to, medium) => medium === 'stream' || !(from === a.at && to.port === b.at.port)
    cluster.run(5_000)
    assert.deepEqual(a.core.coordinate(a.name), before)
    cluster.link = () => true
    cluster.run(5_000)
    assert.notDeepEqual(a.core.coordinate(a.name), before)
  })

  test('neither tell nor learn where anybody is when coordinates are off', () => {
    const { cluster, nodes } = startCluster(33, 2)
    const [a, b] = nodes as [Node, Node]
    const c = cluster.start('silent', { coordinates: false })
    cluster.join(c, a)
    cluster.until(() => cluster.agree([a.name, b.name, c.name]))
    cluster.run(20_000)
    assert.equal(c.core.coordinate(a.name), undefined)
    assert.equal(c.core.coordinate(c.name), undefined)
    assert.equal(a.core.coordinate(c.name), undefined)
    assert.notEqual(a.core.coordinate(b.name), undefined)
  })

  test('forget whoever is reaped', () => {
    const { cluster, nodes } = startCluster(34, 3)
    settled(cluster, nodes)
    const [a, b] = nodes as [Node, Node]
    cluster.crash(b)
    cluster.until(() => cluster.status(a, b.name) === 'failed')
    assert.notEqual(a.core.coordinate(b.name), undefined, 'it may come back')
    cluster.crash(nodes[2] as Node)
    cluster.nowMs += cluster.profile.reconnectTimeoutMs
    cluster.until(() => kinds(a, b.name).includes('reaped'))
    assert.equal(a.core.coordinate(b.name), undefined)
  })
})
