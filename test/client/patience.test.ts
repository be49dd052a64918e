import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPatience } from '../../src/client/patience.ts'
import { ReeveError } from '../../src/errors.ts'

const error = new ReeveError('UNAVAILABLE', 'nobody')

/** A clock that jumps to whatever is waited for; `waits` are the pauses. */
function jumping() {
  let nowMs = 0
  const waits: number[] = []
  const clock = {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    setTimeout: (work: () => void, delayMs: number) => {
      nowMs += delayMs
      waits.push(delayMs)
      queueMicrotask(work)
      return 0
    },
    clearTimeout: () => {},
  }
  return { clock, waits }
}

test('attempts follow at once, then at growing pauses of at most a second, the last at the very end', async () => {
  const { clock, waits } = jumping()
  const patience = createPatience(clock, 5_000)
  await assert.rejects(async () => {
    for (;;) await patience.wait(error)
  }, error)
  assert.deepEqual(waits, [100, 200, 400, 800, 1000, 1000, 1000, 500])
})

test('what works in between makes it begin anew', async () => {
  const { clock, waits } = jumping()
  const patience = createPatience(clock, 1_000)
  for (let n = 0; n < 20; n++) {
    for (let attempt = 0; attempt < 3; attempt++) await patience.wait(error)
    patience.restore()
  }
  assert.deepEqual(waits.slice(0, 4), [100, 200, 100, 200])
})

test('without time there is no second attempt', async () => {
  const { clock, waits } = jumping()
  await assert.rejects(createPatience(clock, 0).wait(error), error)
  assert.deepEqual(waits, [])
})
