import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createActor, setup } from 'xstate'
import type { Reason } from '../../machines/messages.ts'
import { orderly, type Scope } from '../../src/actors/orderly.ts'
import { ReeveError } from '../../src/errors.ts'

type Order = { type: 'order' }
type Fact = { type: 'child.failed'; reason: Reason } | { type: 'child.spoke' }

/** Runs one orderly child under a parent that writes down what it hears. */
function run(body: (scope: Scope<Order, Fact, unknown>) => void | Promise<void>) {
  const heard: Fact[] = []
  let wake = () => {}
  const machine = setup({
    types: { events: {} as Fact },
    actors: { child: orderly<Order, Fact, unknown>((reason) => ({ type: 'child.failed', reason }), body) },
  }).createMachine({
    invoke: { id: 'child', src: 'child' },
    on: {
      'child.*': {
        actions: ({ event }) => {
          heard.push(event)
          wake()
        },
      },
    },
  })
  const parent = createActor(machine)
  parent.start()
  return {
    parent,
    heard,
    send: () => parent.getSnapshot().children.child!.send({ type: 'order' }),
    next: () => (heard.length > 0 ? Promise.resolve() : new Promise<void>((resolve) => (wake = resolve))),
  }
}

describe('an orderly actor', () => {
  it('releases what it owns in reverse order when it is stopped, once', () => {
    const released: string[] = []
    const { parent } = run((scope) => {
      scope.own(() => released.push('socket'))
      scope.own(() => released.push('timer'))
    })
    parent.stop()
    parent.stop()
    assert.deepEqual(released, ['timer', 'socket'])
  })

  for (const [when, body] of [
    ['while it starts', (fail) => fail()],
    [
      'in a promise',
      async (fail) => {
        await null
        fail()
      },
    ],
    ['in a callback of something else', (fail, scope) => queueMicrotask(scope.guard(fail))],
    ['in work it started', (fail, scope) => scope.run(async () => fail())],
  ] as [string, (fail: () => never, scope: Scope<Order, Fact, unknown>) => void | Promise<void>][]) {
    it(`turns a throw ${when} into one fact and releases what it owns`, async () => {
      const released: string[] = []
      const fail = () => {
        throw new ReeveError('DISK_FULL', 'no space left')
      }
      const child = run((scope) => {
        scope.own(() => released.push('file'))
        return body(fail, scope)
      })
      await child.next()
      assert.deepEqual(child.heard, [{ type: 'child.failed', reason: { code: 'DISK_FULL', message: 'no space left' } }])
      assert.deepEqual(released, ['file'])
      assert.equal(child.parent.getSnapshot().status, 'active')
      child.parent.stop()
    })
  }

  it('turns a throw while an order is handled into one fact', () => {
    const released: string[] = []
    const child = run((scope) => {
      scope.own(() => released.push('file'))
      scope.receive(() => {
        throw new Error('odd')
      })
    })
    child.send()
    child.send()
    assert.deepEqual(child.heard, [{ type: 'child.failed', reason: { code: 'INTERNAL', message: 'odd' } }])
    assert.deepEqual(released, ['file'])
    child.parent.stop()
  })

  it('releases at once what arrives after the end, and says nothing any more', async () => {
    const released: string[] = []
    let go = () => {}
    let finish = () => {}
    const started = new Promise<void>((resolve) => (go = resolve))
    const finished = new Promise<void>((resolve) => (finish = resolve))
    const child = run(async (scope) => {
      await started
      scope.own(() => released.push('late socket'))
      scope.tell({ type: 'child.spoke' })
      finish()
    })
    child.parent.stop()
    go()
    await finished
    assert.deepEqual(released, ['late socket'])
    assert.deepEqual(child.heard, [])
  })
})
