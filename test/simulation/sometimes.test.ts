import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Logger, pino } from 'pino'
import { hearing } from '../../src/simulation/hearing.ts'
import { History, type Operation, type ProduceAsked, type ReadAsked } from '../../src/simulation/history.ts'
import { Lookout } from '../../src/simulation/lookout.ts'
import type { NodeSlot } from '../../src/simulation/node-slot.ts'
import { addCounts, neverReached, reachedByLine, type Sometimes } from '../../src/simulation/sometimes.ts'
import { logA, stored } from './hand-made.ts'

test('a state that enough runs could have reached and none did is found; others may be chance', () => {
  const runs = (count: number, had: string[], sometimes = {}) =>
    Array.from({ length: count }, () => ({ had: new Set(had), sometimes }))
  assert.ok(neverReached(runs(50, ['rot'])).includes('damaged'))
  assert.ok(!neverReached(runs(49, ['rot'])).includes('damaged'))
  assert.ok(!neverReached(runs(50, ['kill'])).includes('damaged'), 'nothing rots there')
  assert.ok(!neverReached([...runs(50, ['rot']), ...runs(1, ['rot'], { damaged: 1 })]).includes('damaged'))
  assert.ok(neverReached(runs(50, [])).includes('copiesImpossible'), 'needs nothing')
  assert.ok(!neverReached(runs(549, ['kill'])).includes('everybodyDown'), 'is seldom')
  assert.ok(neverReached(runs(550, ['kill'])).includes('everybodyDown'))
  assert.deepEqual(addCounts({ damaged: 1, mended: 2 }, { damaged: 3 }), { damaged: 4, mended: 2 })
})

test('lines of a log are heard whether they are printed or not, those of children too', () => {
  const heard: string[] = []
  const printed: string[] = []
  const hear = (log: Logger): Logger => hearing(log, (fields, line) => heard.push(`${line} ${JSON.stringify(fields)}`))
  hear(pino({ level: 'silent' }))
    .child({ node: 'a' })
    .info({ x: 1 }, 'told')
  const loud = pino({ base: null, timestamp: false }, { write: (text: string) => void printed.push(text) })
  hear(loud).child({ node: 'a' }).warn('printed')
  assert.deepEqual(heard, ['told {"x":1}', 'printed {}'])
  assert.deepEqual(
    printed.map((text) => JSON.parse(text)),
    [{ level: 40, node: 'a', msg: 'printed' }],
  )
  assert.equal(reachedByLine('an unfinished write was cut off'), 'tornTailCut')
  assert.equal(reachedByLine('something else'), undefined)
})

test('what is reached is seen in questions and answers', () => {
  const reached: Sometimes[] = []
  const slots = ['a', 'b'].map((name) => ({ name, state: 'up', host: { runs: 1 } }))
  const lookout = new Lookout(slots as unknown as NodeSlot[], (name) => reached.push(name))
  let now = 0
  const history = new History(() => now, { begun: (one) => lookout.begun(one), ended: (one) => lookout.ended(one) })
  const produced = (node: string, answer: Operation['answer'], place?: string): void => {
    const asked = { kind: 'produce', client: 'c', node, disk: node, topic: 'orders', sums: [1], copies: 1, place }
    history.end(history.begin<ProduceAsked>(asked as never), answer as never)
  }
  const read = (node: string, answer: object, asked: Partial<ReadAsked> = {}): void => {
    const fixed = { kind: 'read', client: 'c', node, disk: node, topic: 'orders', reading: 'r', from: {}, waitsFor: {} }
    const operation = history.begin<ReadAsked>({ ...fixed, ...asked } as never)
    now += 100
    history.end(operation, answer as never)
  }
  const seen = (): Sometimes[] => reached.splice(0)
  const refused = (code: string) => ({ ok: false, code, facts: {} }) as const
  for (const code of ['COPIES_PENDING', 'COPIES_IMPOSSIBLE', 'NODE_STOPPING', 'UNAVAILABLE'])
    produced('a', refused(code))
  assert.deepEqual(seen(), ['copiesMissed', 'copiesImpossible', 'refusedWhileStopping', 'answerLost'])
  produced('a', stored(0, 1), 'p/0')
  produced('b', stored(0, 1, 1, logA.replace('/a/', '/b/')), 'p/0')
  assert.deepEqual(seen(), ['storedAtTwoOrigins'])
  slots[0]!.host.runs++
  produced('a', { ...stored(0, 1), duplicate: true }, 'p/0')
  assert.deepEqual(seen(), ['answeredFromStored'])
  const run = { log: logA, from: 1, sums: [1], timestamp: 0n }
  read('a', { ok: true, atEnd: true, runs: [run] })
  read('b', { ok: true, atEnd: true, runs: [run] }, { from: { [logA]: 1 }, waitsFor: { [logA]: 1 } })
  assert.deepEqual(seen(), ['cursorElsewhere', 'waitEnded'])
  read('b', { ok: true, atEnd: false, runs: [] })
  read('b', refused('NOT_CAUGHT_UP'))
  read('b', refused('OFFSET_TRIMMED'))
  assert.deepEqual(seen(), ['behindCursor', 'waitTimedOut', 'trimmedForReader'])
  lookout.held('a', logA, true)
  lookout.held('a', logA, false)
  slots[0]!.state = 'down'
  lookout.held('b', logA, false)
  lookout.stepTaken()
  slots[1]!.state = 'down'
  lookout.stepTaken()
  assert.deepEqual(seen(), ['ownEpochPulledBack', 'healedFromThird', 'everybodyDown'])
})
