import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { crashLimit, type Replica, reconcile } from '../../machines/reconcile.ts'

const peer = (name: string, epoch = 'e1', address = `${name}:1`) => ({ name, epoch, address })
const wanted = (name: string, up = true, epoch = 'e1') => ({ ...peer(name, epoch), up })
const replica = (name: string, order: Replica['order'] = 'run', crashes = 0, epoch = 'e1'): Replica => ({
  peer: peer(name, epoch),
  order,
  crashes,
  streaming: false,
  caughtUp: false,
})
const steps = (...args: Parameters<typeof reconcile>) =>
  reconcile(...args).steps.map(({ order, peer: { name } }) => `${order} ${name}`)

describe('reconciling replicators', () => {
  it('spawns what is missing and stops what nobody wants', () => {
    assert.deepEqual(steps([wanted('a')], [replica('b')]), ['stop b', 'spawn a'])
  })

  it('parks a peer that went down, and resumes it when it is back', () => {
    assert.deepEqual(steps([wanted('a', false)], [replica('a')]), ['park a'])
    assert.deepEqual(steps([wanted('a')], [replica('a', 'park')]), ['resume a'])
  })

  it('does not begin with a peer that is down', () => {
    assert.deepEqual(steps([wanted('a', false)], []), [])
  })

  it('dials anew when the peer runs anew', () => {
    assert.deepEqual(steps([wanted('a', true, 'e2')], [replica('a')]), ['resume a'])
  })

  it('spawns a crashed one over no remains, and leaves it alone at the limit until its peer runs anew', () => {
    assert.deepEqual(steps([wanted('a')], [replica('a', 'crashed', 1)]), ['stop a', 'spawn a'])
    assert.deepEqual(steps([wanted('a')], [replica('a', 'crashed', crashLimit)]), [])
    assert.deepEqual(steps([wanted('a', true, 'e2')], [replica('a', 'crashed', crashLimit)]), ['stop a', 'spawn a'])
  })

  it('clears away the remains of a crashed one whose peer is gone: the peer may come back under the same name', () => {
    assert.deepEqual(steps([], [replica('a', 'crashed', 1)]), ['stop a'])
  })

  it('does nothing the second time, whatever the two states are', () => {
    const names = fc.constantFrom<string[]>('a', 'b', 'c', 'd')
    const unique = { selector: ({ name }: { name: string }) => name }
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ name: names, up: fc.boolean(), epoch: fc.constantFrom('e1', 'e2') }), unique),
        fc.uniqueArray(
          fc.record({
            name: names,
            order: fc.constantFrom<Replica['order'][]>('run', 'park', 'crashed'),
            crashes: fc.nat(crashLimit),
          }),
          unique,
        ),
        (peers, running) => {
          const target = peers.map(({ name, up, epoch }) => wanted(name, up, epoch))
          const first = reconcile(
            target,
            running.map(({ name, order, crashes }) => replica(name, order, crashes)),
          )
          assert.deepEqual(reconcile(target, first.replicas).steps, [])
          const up = target.filter((one) => one.up).map(({ name }) => name)
          const given = new Set<string>(running.filter((r) => r.crashes === crashLimit).map(({ name }) => name))
          const runs = first.replicas.filter(({ order }) => order === 'run').map((r) => r.peer.name)
          assert.deepEqual(runs.filter((name) => !given.has(name)).sort(), up.filter((name) => !given.has(name)).sort())
        },
      ),
    )
  })
})
