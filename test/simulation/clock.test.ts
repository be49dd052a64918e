import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { EventHeap, type SimulatedEvent } from '../../src/simulation/event-heap.ts'
import { createWorld } from '../../src/simulation/world.ts'

describe('the event heap', () => {
  const event = (atUs: number, sequence: number, owner: number): SimulatedEvent => ({
    atUs,
    sequence,
    owner: owners[owner],
    kind: 'timer',
    tag: 0,
    run: () => {},
    place: -1,
  })
  const owners = [0, 1, 2].map((index) => ({ index, failed: () => {} }))

  test('gives events by time, then in the order they were asked for, whatever is taken out between', () => {
    const command = fc.oneof(
      { weight: 8, arbitrary: fc.record({ push: fc.nat(50), owner: fc.nat(2) }) },
      { weight: 2, arbitrary: fc.record({ remove: fc.nat(1000) }) },
      { weight: 2, arbitrary: fc.record({ pop: fc.constant(true) }) },
      { weight: 1, arbitrary: fc.record({ dropOwner: fc.nat(2) }) },
    )
    fc.assert(
      fc.property(fc.array(command, { maxLength: 300, size: 'max' }), (commands) => {
        const heap = new EventHeap()
        let model: SimulatedEvent[] = []
        let sequence = 0
        const popBoth = (): void => {
          model.sort((one, other) => one.atUs - other.atUs || one.sequence - other.sequence)
          assert.equal(heap.pop(), model.shift())
        }
        for (const step of commands) {
          if ('push' in step) {
            const pushed = event(step.push, sequence++, step.owner)
            heap.push(pushed)
            model.push(pushed)
          } else if ('remove' in step) {
            const [removed] = model.splice(step.remove % (model.length || 1), 1)
            if (removed !== undefined) heap.remove(removed)
          } else if ('dropOwner' in step) {
            heap.removeOwner(owners[step.dropOwner]!)
            model = model.filter((kept) => kept.owner !== owners[step.dropOwner])
          } else popBoth()
        }
        while (model.length > 0) popBoth()
        assert.equal(heap.size, 0)
      }),
    )
  })

  test('taking out an event twice, or after it ran, does nothing', () => {
    const heap = new EventHeap()
    const [first, second] = [event(1, 0, 0), event(2, 1, 0)]
    heap.push(first)
    heap.push(second)
    assert.equal(heap.pop(), first)
    heap.remove(first)
    heap.remove(second)
    heap.remove(second)
    assert.equal(heap.size, 0)
  })
})

describe('virtual time', () => {
  test('timers fire in order of time, then of asking, at their very instant', async () => {
    const world = createWorld({ seed: 1 })
    const { clock } = world.addHost('a').env
    const start = clock.monotonicMs()
    const fired: string[] = []
    const note = (name: string) => () => fired.push(`${name}@${Math.round(clock.monotonicMs() - start)}`)
    clock.setTimeout(note('late'), 30)
    clock.setTimeout(note('first'), 10)
    clock.setTimeout(note('second'), 10)
    clock.setTimeout(note('soonest'), 0)
    await world.run({ untilMs: 100 })
    assert.deepEqual(fired, ['soonest@1', 'first@10', 'second@10', 'late@30'])
    assert.equal(world.now, 100)
  })

  test('delays are cut to what Node can do', async () => {
    const world = createWorld({ seed: 1 })
    const { clock } = world.addHost('a').env
    const fired: number[] = []
    for (const delayMs of [2 ** 31, Number.NaN, -5, 2.9]) clock.setTimeout(() => fired.push(world.now), delayMs)
    await world.run({ untilMs: 10 })
    assert.deepEqual(fired, [1, 1, 1, 2])
  })

  test('a cancelled timer never fires, also when cancelled by one of the same instant', async () => {
    const world = createWorld({ seed: 1 })
    const host = world.addHost('a')
    const { clock } = host.env
    const fired: string[] = []
    const cancelled = clock.setTimeout(() => fired.push('never'), 5)
    clock.clearTimeout(cancelled)
    clock.clearTimeout(undefined)
    clock.setTimeout(() => clock.clearTimeout(sameInstant), 7)
    const sameInstant = clock.setTimeout(() => fired.push('never either'), 7)
    await world.run({ untilMs: 50 })
    assert.deepEqual(fired, [])
    assert.deepEqual(host.open()?.timers, [])
  })

  test('long chains of promises rest before the next event, even one of the same instant', async () => {
    const world = createWorld({ seed: 1 })
    const { clock } = world.addHost('a').env
    const order: string[] = []
    clock.setTimeout(async () => {
      order.push('first event')
      for (let depth = 0; depth < 50; depth++) await undefined
      order.push('promises of the first')
    }, 5)
    clock.setTimeout(() => order.push('second event'), 5)
    await world.run({ untilMs: 10 })
    assert.deepEqual(order, ['first event', 'promises of the first', 'second event'])
  })

  test('a crash drops all timers of the run; the next run has its own', async () => {
    const world = createWorld({ seed: 1 })
    const host = world.addHost('a')
    const fired: string[] = []
    const { clock } = host.env
    clock.setTimeout(() => fired.push('dead'), 10)
    world.after(5, () => {
      host.crash()
      clock.setTimeout(() => fired.push('set by the dead'), 1)
      host.start().clock.setTimeout(() => fired.push('alive'), 10)
    })
    await world.run({ untilMs: 50 })
    assert.deepEqual(fired, ['alive'])
  })

  test('the wall clock may be wrong and jump; durations are right all the same', async () => {
    const world = createWorld({ seed: 1 })
    const right = world.addHost('right').env.clock
    const host = world.addHost('wrong', { clockError: { offsetMs: -5000, driftPpm: 1000 } })
    const wrong = host.env.clock
    const [wallBefore, before] = [wrong.now(), wrong.monotonicMs()]
    assert.equal(right.now() - wallBefore, 5000)
    await world.run({ untilMs: 10_000 })
    assert.equal(wrong.now() - wallBefore, 10_010)
    assert.equal(Math.round(wrong.monotonicMs() - before), 10_000)
    host.clockError.offsetMs = 60_000
    assert.equal(wrong.now() - right.now(), 60_010)
    assert.notEqual(right.monotonicMs(), wrong.monotonicMs())
  })

  test('run stops at a fact, says when it never came, and hands on what nobody caught', async () => {
    const world = createWorld({ seed: 1 })
    const { clock } = world.addHost('a').env
    let count = 0
    const tick = (): void => {
      count++
      clock.setTimeout(tick, 10)
    }
    tick()
    assert.equal(await world.run({ until: () => count === 5 }), true)
    assert.equal(world.now, 40)
    assert.equal(await world.run({ until: () => count === 1_000_000, limitMs: 100 }), false)
    clock.setTimeout(() => {
      throw new Error('nobody caught this')
    }, 1)
    world.after(1, () => {
      count = -1
    })
    await assert.rejects(world.run({ untilMs: 1000 }), /nobody caught this/)
    await new Promise(setImmediate)
    assert.notEqual(count, -1, 'nothing goes on after that')
    assert.equal(world.host('a').alive, false, 'as a real process would, it died of it')
  })

  test('only one run goes at a time', async () => {
    const world = createWorld({ seed: 1 })
    world.after(50, () => {})
    assert.equal(await world.run({ untilMs: 10 }), true)
    const running = world.run({ untilMs: 100 })
    await new Promise(setImmediate)
    world.after(5, () => assert.throws(() => world.run({ untilMs: 200 }), /running already/))
    await running
    assert.throws(() => world.host('nobody'), /no host nobody/)
  })

  test('code that spins without letting time pass is found out', async () => {
    const world = createWorld({ seed: 1 })
    const spin = (): void => world.after(0, spin)
    spin()
    await assert.rejects(world.run({ untilMs: 1 }), /time stands still/)
  })
})
